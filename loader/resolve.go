package loader

import (
	"slices"
	"strings"
	"time"

	"dragoman/model"
)

// defaultTimeout is Envoy's own, stated here because streaming protocols get
// none: Envoy would cut a stream after it.
// https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts
const defaultTimeout = 15 * time.Second

// A scope is what a document needs to know of the others.
type scope struct {
	services  lookup
	listeners lookup
	fallback  string // the listener of services that name none; "" when it is ambiguous
}

// resolve makes the model of a service whose references all exist.
func (sc *scope) resolve(d *document) *model.Service {
	s := d.service
	out := &model.Service{Name: d.name.text, Origin: d.origin(), Proxyless: s.proxyless != nil}
	if s.upstream != nil {
		out.Upstream = s.upstream.model
	}
	out.Hosts = slices.Grow(out.Hosts, len(s.hosts))
	for _, h := range s.hosts {
		out.Hosts = append(out.Hosts, h.text)
	}
	slices.Sort(out.Hosts)
	if !s.backend() {
		out.Listeners = s.listenersOr(sc.fallback)
	}
	out.Routes = slices.Grow(out.Routes, len(s.routes))
	for i := range s.routes {
		out.Routes = append(out.Routes, sc.route(d, &s.routes[i]))
	}
	return out
}

// listenersOr returns the names of the listeners of a service, sorted; one if it
// names none.
func (s *service) listenersOr(fallback string) []string {
	if len(s.listeners) == 0 {
		return []string{fallback}
	}
	var out []string
	for _, l := range s.listeners {
		out = append(out, l.text)
	}
	slices.Sort(out)
	return out
}

func (sc *scope) route(d *document, r *route) model.Route {
	out := model.Route{
		Origin:   d.file.origin(r.at),
		Name:     r.name,
		Priority: r.priority,
		Match:    r.match,
	}
	p := r.policies.or(d.service.policies)
	out.ResponseHeaders = p.responseHeaders
	switch {
	case r.redirect != nil:
		out.Action = r.redirect
	case r.respond != nil:
		out.Action = r.respond
	default:
		out.Action = sc.forward(d, r, p)
	}
	return out
}

// forward fills in where a route leads and the policies that depend on it.
func (sc *scope) forward(d *document, r *route, p policies) *model.Forward {
	f := &model.Forward{
		IdleTimeout:    p.idleTimeout,
		Retry:          p.retry,
		Timeout:        defaultTimeout,
		RequestHeaders: p.requestHeaders,
		WebSocket:      true,
	}
	if r.rewrite != nil {
		f.PathRewrite, f.HostRewrite = r.rewrite.path, r.rewrite.host
	}
	for _, t := range r.targets(d) {
		f.To = append(f.To, model.Target{Service: t.service.text, Weight: t.weight})
		u := sc.services.get(t.service.text).service.upstream
		f.WebSocket = f.WebSocket && u.web()
		if u.grpc() {
			f.Timeout = 0
		}
	}
	if p.websocket != nil {
		if f.WebSocket = *p.websocket; f.WebSocket {
			f.Timeout = 0
		}
	}
	if p.timeout != nil {
		f.Timeout = *p.timeout
	}
	return f
}

// targets are where a route leads: by default, to its own service.
func (r *route) targets(d *document) []target {
	if len(r.to) == 0 {
		return []target{{service: d.name, weight: 1}}
	}
	return r.to
}

// model returns the model of a service, the same one as long as nothing that
// it was made of has changed.
func (sc *scope) model(d *document) *model.Service {
	deps := sc.deps(d)
	if d.resolved == nil || d.deps != deps {
		d.resolved, d.deps = sc.resolve(d), deps
	}
	return d.resolved
}

// deps writes down what resolve takes from other documents.
func (sc *scope) deps(d *document) string {
	var b strings.Builder
	if !d.service.backend() && len(d.service.listeners) == 0 {
		b.WriteString(sc.fallback)
	}
	for i := range d.service.routes {
		for _, t := range d.service.routes[i].to {
			b.WriteString(" " + sc.services.get(t.service.text).service.upstream.scheme)
		}
	}
	return b.String()
}
