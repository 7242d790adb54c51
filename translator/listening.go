package translator

import (
	"maps"
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"dragoman/diag"
	"dragoman/model"
)

// listening is what a listener becomes, and the routes of the services that are
// exposed on it.
type listening struct {
	model    *model.Listener
	stale    bool                 // the listener is not what it was
	mode     model.RouteDiscovery // never by number; meaningless before there are routes
	listener *listenerv3.Listener
	secrets  []*tlsv3.Secret
	routes   *routev3.RouteConfiguration // of hosts, all but those that have a scope
	found    diag.Problems

	services map[string][]string // by host, sorted
	exact    int                 // hosts without a wildcard
	hosts    shelf[*routev3.VirtualHost]
	dirty    map[string]bool // hosts whose routes are not what they were
}

// listen takes the listeners that are not what they were.
func (t *Translator) listen(listeners map[string]*model.Listener) {
	for name, l := range listeners {
		is := t.listeners[name]
		if is == nil {
			is = &listening{services: map[string][]string{}, dirty: map[string]bool{}, hosts: newShelf((*routev3.VirtualHost).GetName)}
			t.listeners[name] = is
		}
		if is.model != l {
			is.model, is.stale = l, true
		}
	}
}

// translate makes the listener, once it is known how it gets its routes.
func (is *listening) translate() {
	l := is.model
	is.stale, is.found = false, nil
	at := scope{origin: l.Origin, what: "listener " + l.Name, found: &is.found}
	is.listener = same(is.listener, listener(at, l, is.mode))
	is.secrets = sameSecrets(is.secrets, secrets(at, l.TLS))
	at.what = "the routes of listener " + l.Name
	at.check(routeConfiguration(l.Name, nil))
}

// place puts a service's hosts to their listeners, and takes away those that it
// had.
func (t *Translator) place(name string, old, now *translated) {
	if stays(old, now) {
		return
	}
	for is, host := range t.places(old) {
		is.dirty[host] = true
		services := is.services[host]
		if i, there := slices.BinarySearch(services, name); there {
			is.services[host] = slices.Delete(services, i, i+1)
			is.count(host, len(services) == 1, -1)
		}
	}
	for is, host := range t.places(now) {
		is.dirty[host] = true
		services := is.services[host]
		if i, there := slices.BinarySearch(services, name); !there {
			is.services[host] = slices.Insert(services, i, name)
			is.count(host, len(services) == 0, 1)
		}
	}
}

// stays says that a service has the same routes in the same places as before.
func stays(old, now *translated) bool {
	return old.model != nil && now.model != nil && slices.Equal(old.entries, now.entries) &&
		slices.Equal(old.model.Hosts, now.model.Hosts) && slices.Equal(old.model.Listeners, now.model.Listeners)
}

// places yields each host of a service on each of its listeners.
func (t *Translator) places(is *translated) func(func(*listening, string) bool) {
	return func(yield func(*listening, string) bool) {
		if is.model == nil {
			return
		}
		for _, l := range is.model.Listeners {
			for _, host := range is.model.Hosts {
				if !yield(t.listeners[l], host) {
					return
				}
			}
		}
	}
}

// close makes the listeners and their routes anew where something has changed,
// and forgets the listeners that are gone. A listener without services has routes
// without hosts: Envoy waits for what is not there.
func (t *Translator) close(listeners map[string]*model.Listener) {
	for name, is := range t.listeners {
		if listeners[name] == nil {
			t.allListeners.put(is.listener, nil)
			t.unroute(is)
			continue
		}
		is.tidy()
		if mode := modeOf(is.model.RouteDiscovery, is.exact, *t.options.ScopedRoutesAbove); is.routes == nil || mode != is.mode {
			t.unroute(is)
			is.mode, is.stale = mode, true
		}
		if is.stale {
			old := is.listener
			is.translate()
			t.allListeners.put(old, is.listener)
		}
		if is.routes == nil || len(is.dirty) > 0 {
			t.route(is)
		}
	}
	maps.DeleteFunc(t.listeners, func(name string, _ *listening) bool { return listeners[name] == nil })
}

// count counts a host if it is one that could have a scope, and it comes or
// goes.
func (is *listening) count(host string, changes bool, by int) {
	if changes && !wildcard(host) {
		is.exact += by
	}
}

// tidy forgets the hosts without any service.
func (is *listening) tidy() {
	for host := range is.dirty {
		if len(is.services[host]) == 0 {
			delete(is.services, host)
		}
	}
}

// route makes the virtual hosts anew that are not what they were.
func (t *Translator) route(is *listening) {
	old, rest := is.routes, is.routes == nil // of hosts without a scope
	for host := range is.dirty {
		if is.mode == model.RoutesByScope && !wildcard(host) {
			t.scope(is, host)
			continue
		}
		rest = true
		if is.services[host] == nil {
			is.hosts.put(&routev3.VirtualHost{Name: host}, nil)
			continue
		}
		is.hosts.put(nil, is.host(t.is, host))
	}
	is.dirty = map[string]bool{}
	if !rest {
		return
	}
	if is.mode == model.RoutesByScope {
		name := restOf(is.model.Name)
		is.routes = scopedConfiguration(name, is.hosts.tidy())
		t.allScopes.put(nil, scopedRoute(name))
	} else {
		is.routes = routeConfiguration(is.model.Name, is.hosts.tidy())
	}
	t.allRoutes.put(old, is.routes)
}

// scope makes the scope of one host and its routes, or takes them away.
func (t *Translator) scope(is *listening, host string) {
	scope := scopedRoute(scopeOf(is.model.Name, host))
	if is.services[host] == nil {
		t.allScopes.put(scope, nil)
		t.allRoutes.put(&routev3.RouteConfiguration{Name: scope.GetName()}, nil)
		return
	}
	t.allRoutes.put(nil, scopedConfiguration(scope.GetName(), []*routev3.VirtualHost{is.host(t.is, host)}))
	if !t.allScopes.has(scope.GetName()) {
		t.allScopes.put(nil, scope)
	}
}

// host is the virtual host of a host as it is now.
func (is *listening) host(services map[string]*translated, host string) *routev3.VirtualHost {
	var entries []entry
	for _, name := range is.services[host] {
		entries = append(entries, services[name].entries...)
	}
	if is.mode == model.RoutesByScope {
		return scopedHost(host, entries)
	}
	return virtualHost(host, entries)
}

// unroute takes away all routes of a listener, to be made anew in another way or
// not at all.
func (t *Translator) unroute(is *listening) {
	if is.routes == nil {
		return
	}
	t.allRoutes.put(is.routes, nil)
	is.routes, is.hosts = nil, newShelf((*routev3.VirtualHost).GetName)
	if is.mode == model.RoutesByScope {
		t.allScopes.removeAll(is.model.Name + "/")
		t.allRoutes.removeAll(is.model.Name + "/")
	}
	for host := range is.services {
		is.dirty[host] = true
	}
}
