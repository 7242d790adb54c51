package translator

import (
	"reflect"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"dragoman/diag"
	"dragoman/model"
)

// translated is what a service becomes by itself. What it does not have is nil.
type translated struct {
	model       *model.Service
	metadata    *corev3.Metadata
	cluster     *Message
	assignment  *Message
	entries     []entry // of its routes; nil if they are made again when they are asked for
	rerouted    bool    // its routes are not what they were
	rpcListener *Message
	rpcRoutes   *Message
	targets     []string // the other services that its routes send to
	found       diag.Problems
}

// service translates a service. What is made of the same words as before is not
// made again, unless something in it was wrong or those that it sends to have
// changed.
func (t *Translator) service(s *model.Service, old *translated, moved bool) *translated {
	out := &translated{model: s, metadata: old.metadata, targets: targets(s), entries: old.entries}
	at := out.scope()
	was, anew := old.model, moved
	if was == nil || len(old.found) > 0 {
		was, anew = &model.Service{}, true
	}
	if s.Upstream != nil {
		t.upstream(at, s, out, was.Upstream, old)
	}
	if out.rerouted = anew || !slices.EqualFunc(was.Routes, s.Routes, sameRoute); out.rerouted {
		known := was.Routes
		if moved {
			known = nil
		}
		out.entries = t.entriesOf(at, s, known, old.entries)
	}
	if !slices.Equal(was.Hosts, s.Hosts) {
		checkHosts(s, &out.found)
	}
	if s.Proxyless {
		out.rpcListener, out.rpcRoutes = old.rpcListener, old.rpcRoutes
		if !was.Proxyless || out.rerouted {
			out.rpcListener, out.rpcRoutes = &Message{s.Name, apiListener(at, s)}, &Message{s.Name, rpcRoutes(at, s)}
		}
	}
	return out
}

// scope is the service as what is being translated.
func (is *translated) scope() scope {
	if is.metadata == nil {
		is.metadata = metadata(is.model.Name)
	}
	return scope{origin: is.model.Origin, what: "service " + is.model.Name, found: &is.found, metadata: is.metadata}
}

// many is how many routes of a service are not made again when one of them
// changes.
const many = 16

// forget drops what can be made again soon: the routes of a service that has
// its hosts for itself.
func (t *Translator) forget(is *translated) {
	if len(is.entries) > many {
		return
	}
	for l, host := range t.places(is) {
		if len(l.services[host]) > 1 {
			return
		}
	}
	is.entries, is.metadata = nil, nil
}

// remember makes the routes of a service again if they have been dropped. What
// is wrong with them is known.
func (t *Translator) remember(is *translated) {
	if is.entries == nil {
		again := translated{model: is.model, metadata: is.metadata}
		is.entries = t.entriesOf(again.scope(), is.model, nil, nil)
		t.made = append(t.made, is)
	}
}

// upstream makes the cluster of a service and its endpoints.
func (t *Translator) upstream(at scope, s *model.Service, out *translated, was *model.Upstream, old *translated) {
	if out.cluster = old.cluster; !sameCluster(was, s.Upstream) {
		out.cluster = &Message{s.Name, cluster(at, s, t.options.SystemRoots)}
	}
	if s.Upstream.Discovery != model.Addresses {
		return
	}
	if out.assignment = old.assignment; was == nil || old.assignment == nil || !slices.Equal(was.Endpoints, s.Upstream.Endpoints) {
		endpoints := loadAssignment(s.Name, s.Upstream.Endpoints)
		at.check(endpoints)
		out.assignment = &Message{s.Name, endpoints}
	}
}

// sameCluster says that two upstreams of a service make one cluster: addresses
// do not stand in it, but what servers are called in TLS is made of them.
func sameCluster(a, b *model.Upstream) bool {
	if a == nil {
		return false
	}
	one, other := *a, *b
	if !one.TLS && one.Discovery == model.Addresses {
		one.Endpoints, other.Endpoints = nil, nil
	}
	return reflect.DeepEqual(one, other)
}

// targets are the other services that the routes of one send to.
func targets(s *model.Service) []string {
	var out []string
	for i := range s.Routes {
		if f, ok := s.Routes[i].Action.(*model.Forward); ok {
			for _, to := range f.To {
				if to.Service != s.Name && !slices.Contains(out, to.Service) {
					out = append(out, to.Service)
				}
			}
		}
	}
	return out
}

// entriesOf translates a service's routes, once for all its hosts and listeners.
// Those that are known in the same place are as they were.
func (t *Translator) entriesOf(at scope, s *model.Service, known []model.Route, are []entry) []entry {
	out := make([]entry, 0, len(s.Routes))
	of := func(service string) model.Protocol { return protocol(t.services.Get(service)) }
	for i := range s.Routes {
		r := &s.Routes[i]
		if i < len(known) && i < len(are) && sameRoute(known[i], *r) {
			out = append(out, are[i])
			continue
		}
		at.origin, at.what = r.Origin, "a route of service "+s.Name
		out = append(out, newEntry(s.Name, r, route(at, of, s.Name, r)))
	}
	return out
}

// sameRoute says that two routes are one, wherever they are written.
func sameRoute(a, b model.Route) bool {
	a.Origin = b.Origin
	return reflect.DeepEqual(a, b)
}

// checkHosts checks the virtual hosts of a service's names, without routes.
func checkHosts(s *model.Service, found *diag.Problems) {
	at := scope{origin: s.Origin, what: "service " + s.Name, found: found}
	for _, host := range s.Hosts {
		at.check(virtualHost(host, nil))
	}
}
