package translator

import (
	"maps"
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

	"dragoman/diag"
	"dragoman/model"
	"dragoman/parallel"
)

// listening is what a listener becomes, and the routes of the services that are
// exposed on it.
type listening struct {
	model    *model.Listener
	stale    bool                 // the listener is not what it was
	mode     model.RouteDiscovery // never by number; meaningless before there are routes
	listener *listenerv3.Listener
	secrets  []*tlsv3.Secret
	routed   string // what the routes are called that hosts without a scope have; "" before there are any
	found    diag.Problems

	services map[string][]string // by host, sorted
	exact    int                 // hosts without a wildcard
	hosts    shelf               // the virtual hosts of those without a scope
	dirty    map[string]bool     // hosts whose routes are not what they were
}

// listen takes the listeners that are not what they were.
func (t *Translator) listen(listeners map[string]*model.Listener) {
	for name, l := range listeners {
		is := t.listeners[name]
		if is == nil {
			is = &listening{services: map[string][]string{}, dirty: map[string]bool{}}
			t.listeners[name] = is
		}
		if is.model != l {
			is.model, is.stale = l, true
		}
	}
}

// translate makes the listener, once it is known how it gets its routes.
func (t *Translator) translate(is *listening) {
	l := is.model
	is.stale, is.found = false, nil
	at := scope{origin: l.Origin, what: "listener " + l.Name, found: &is.found}
	old := is.listener
	if is.listener = same(old, listener(at, l, is.mode)); is.listener != old {
		t.allListeners.put(nil, &Message{l.Name, is.listener})
	}
	t.secure(is, secrets(at, l.TLS))
	at.what = "the routes of listener " + l.Name
	at.check(routeConfiguration(l.Name, nil))
}

// secure has a listener's secrets take the place of those that it had.
func (t *Translator) secure(is *listening, now []*tlsv3.Secret) {
	for _, s := range is.secrets {
		if !slices.ContainsFunc(now, func(n *tlsv3.Secret) bool { return n.GetName() == s.GetName() }) {
			t.secrets.remove(s.GetName())
		}
	}
	for _, s := range now {
		if !slices.ContainsFunc(is.secrets, func(o *tlsv3.Secret) bool { return proto.Equal(o, s) }) {
			t.secrets.put(nil, &Message{s.GetName(), s})
		}
	}
	is.secrets = now
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
	return old.model != nil && now.model != nil && !now.rerouted &&
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
			t.allListeners.remove(name)
			t.secure(is, nil)
			t.unroute(is)
			continue
		}
		is.tidy()
		if mode := modeOf(is.model.RouteDiscovery, is.exact, *t.options.ScopedRoutesAbove); is.routed == "" || mode != is.mode {
			t.unroute(is)
			is.mode, is.stale = mode, true
		}
		if is.stale {
			t.translate(is)
		}
		if is.routed == "" || len(is.dirty) > 0 {
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
