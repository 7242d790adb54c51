package refusal

import (
	"maps"
	"slices"
	"strings"

	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/model"
)

// Origin tells where a resource is written, and whether that is known. What no
// file describes, such as the listener that is there by default, is nowhere.
func Origin(c *model.Config, typeURL, name string) (model.Origin, bool) {
	var at model.Origin
	switch typeURL {
	case resource.ClusterType, resource.EndpointType:
		if s := c.Services.Get(name); s != nil {
			at = s.Origin
		}
	case resource.ScopedRouteType:
		at = scope(c, name)
	case resource.ListenerType, resource.RouteType:
		if strings.Contains(name, "/") {
			at = scope(c, name)
		} else if l := c.Listeners[name]; l != nil {
			at = l.Origin
		} else if s := c.Services.Get(name); s != nil && s.Proxyless {
			at = s.Origin
		}
	case resource.SecretType:
		at = secret(c, name)
	case resource.RuntimeType:
		if r := c.Runtimes[name]; r != nil {
			at = r.Origin
		}
	}
	return at, at.File != ""
}

// scope is where the listener is written that a scope, or the routes of one,
// belongs to: LISTENER/HOST.
func scope(c *model.Config, name string) model.Origin {
	listener, _, _ := strings.Cut(name, "/")
	if l := c.Listeners[listener]; l != nil {
		return l.Origin
	}
	return model.Origin{}
}

// secret is where the listener is written that shows a certificate, or checks
// others against it. Of several it is the first by name.
func secret(c *model.Config, name string) model.Origin {
	for _, key := range slices.Sorted(maps.Keys(c.Listeners)) {
		l := c.Listeners[key]
		if l.TLS == nil {
			continue
		}
		of := func(one model.Certificate) bool { return one.Secret == name }
		if slices.ContainsFunc(l.TLS.Certificates, of) || l.TLS.ClientCA != nil && l.TLS.ClientCA.Secret == name {
			return l.Origin
		}
	}
	return model.Origin{}
}

// places tells where a refused resource is written, as well as can be known.
// Routes of many services make one resource: what Envoy says may name one, or
// only one may have changed. It is empty when nothing is known.
func (r *refused) places(c *model.Config) []model.Origin {
	if r.typ == resource.RouteType && r.name != "" {
		if at, ok := named(c, r.name, r.words); ok {
			return []model.Origin{at}
		}
		if changed := exposed(c, r.name, r.files); len(changed) > 0 {
			return changed
		}
		if at, ok := only(c, r.name); ok && strings.Contains(r.name, "/") {
			return []model.Origin{at}
		}
	}
	var out []model.Origin
	for _, name := range r.names() {
		if at, ok := Origin(c, r.typ, name); ok {
			out = append(out, at)
		}
	}
	return out
}

// routed tells whether routes of a service are in a route configuration: that
// of a listener, of one host of it, or of its hosts with a wildcard.
func routed(s *model.Service, name string) bool {
	listener, scope, scoped := strings.Cut(name, "/")
	return slices.Contains(s.Listeners, listener) && (!scoped || slices.ContainsFunc(s.Hosts, func(host string) bool {
		return host == scope || scope == "*" && strings.HasPrefix(host, "*")
	}))
}

// only is where the one service is written that has routes in a route
// configuration.
func only(c *model.Config, name string) (model.Origin, bool) {
	var found *model.Service
	for s := range c.Services.All() {
		if routed(s, name) {
			if found != nil {
				return model.Origin{}, false
			}
			found = s
		}
	}
	if found == nil {
		return model.Origin{}, false
	}
	return found.Origin, found.Origin.File != ""
}

// exposed is where services are written that have routes in a route configuration
// and are from one of some files: one place for each file.
func exposed(c *model.Config, listener string, files []string) []model.Origin {
	seen := map[string]model.Origin{}
	for s := range c.Services.All() {
		if !routed(s, listener) || !slices.Contains(files, s.Origin.File) {
			continue
		}
		if at, ok := seen[s.Origin.File]; !ok || s.Origin.Line < at.Line {
			seen[s.Origin.File] = s.Origin
		}
	}
	var out []model.Origin
	for _, file := range slices.Sorted(maps.Keys(seen)) {
		out = append(out, seen[file])
	}
	return out
}
