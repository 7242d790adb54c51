package translator

import (
	"maps"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"dragoman/model"
	"dragoman/parallel"
)

// route makes the virtual hosts anew that are not what they were.
func (t *Translator) route(is *listening) {
	rest := is.routed == ""
	hosts, made := t.hosts(is)
	for i, host := range hosts {
		switch {
		case is.mode == model.RoutesByScope && !wildcard(host):
			t.scope(scopeOf(is.model.Name, host), made[i])
			continue
		case made[i] == nil:
			is.hosts.remove(host)
		default:
			is.hosts.put(nil, &Message{host, made[i]})
		}
		rest = true
	}
	is.dirty = map[string]bool{}
	if !rest {
		return
	}
	all := bodies[*routev3.VirtualHost](is.hosts.tidy())
	if is.mode == model.RoutesByScope {
		is.routed = restOf(is.model.Name)
		t.allRoutes.put(nil, &Message{is.routed, t.scoping.configuration(is.routed, all...)})
		t.allScopes.put(nil, &Message{is.routed, scopedRoute(is.routed)})
		return
	}
	is.routed = is.model.Name
	t.allRoutes.put(nil, &Message{is.routed, routeConfiguration(is.routed, all)})
}

// hosts are those that are not what they were, and their virtual hosts as they
// are now, many at once. Of one without any service it is nil.
func (t *Translator) hosts(is *listening) ([]string, []*routev3.VirtualHost) {
	names := slices.Collect(maps.Keys(is.dirty))
	made := make([]*routev3.VirtualHost, len(names))
	for _, host := range names {
		for _, service := range is.services[host] {
			t.remember(t.is[service])
		}
	}
	parallel.Each(len(names), func(i int) {
		var entries []entry
		for _, service := range is.services[names[i]] {
			entries = append(entries, t.is[service].entries...)
		}
		switch {
		case is.services[names[i]] == nil:
		case is.mode == model.RoutesByScope:
			made[i] = t.scoping.host(names[i], entries)
		default:
			made[i] = virtualHost(names[i], entries)
		}
	})
	return names, made
}

// scope makes a scope of one host and its routes, or takes them away if the host
// is nil.
func (t *Translator) scope(name string, host *routev3.VirtualHost) {
	if host == nil {
		t.allScopes.remove(name)
		t.allRoutes.remove(name)
		return
	}
	t.allRoutes.put(nil, &Message{name, t.scoping.configuration(name, host)})
	if !t.allScopes.has(name) {
		t.allScopes.put(nil, &Message{name, scopedRoute(name)})
	}
}

// unroute takes away all routes of a listener, to be made anew in another way or
// not at all.
func (t *Translator) unroute(is *listening) {
	if is.routed == "" {
		return
	}
	t.allRoutes.remove(is.routed)
	is.routed, is.hosts = "", shelf{}
	if is.mode == model.RoutesByScope {
		t.allScopes.removeAll(is.model.Name + "/")
		t.allRoutes.removeAll(is.model.Name + "/")
	}
	for host := range is.services {
		is.dirty[host] = true
	}
}
