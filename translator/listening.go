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
	listener *listenerv3.Listener
	secrets  []*tlsv3.Secret
	routes   *routev3.RouteConfiguration
	found    diag.Problems

	services map[string][]string // by host, sorted
	hosts    shelf[*routev3.VirtualHost]
	dirty    map[string]bool // hosts whose routes are not what they were
}

// listen translates the listeners that are not what they were.
func (t *Translator) listen(listeners map[string]*model.Listener) {
	for name, l := range listeners {
		is := t.listeners[name]
		if is == nil {
			is = &listening{services: map[string][]string{}, dirty: map[string]bool{}, hosts: newShelf((*routev3.VirtualHost).GetName)}
			t.listeners[name] = is
		}
		if is.model != l {
			old := is.listener
			is.translate(l)
			t.allListeners.put(old, is.listener)
		}
	}
}

func (is *listening) translate(l *model.Listener) {
	is.model, is.found = l, nil
	at := scope{origin: l.Origin, what: "listener " + l.Name, found: &is.found}
	is.listener = same(is.listener, listener(at, l))
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
		}
	}
	for is, host := range t.places(now) {
		is.dirty[host] = true
		services := is.services[host]
		if i, there := slices.BinarySearch(services, name); !there {
			is.services[host] = slices.Insert(services, i, name)
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

// close makes the routes of the listeners anew where something has changed, and
// forgets the listeners that are gone. A listener without services has routes
// without hosts: Envoy waits for what is not there.
func (t *Translator) close(listeners map[string]*model.Listener) {
	for name, is := range t.listeners {
		if listeners[name] == nil {
			t.allListeners.put(is.listener, nil)
			t.allRoutes.put(is.routes, nil)
			continue
		}
		if old := is.routes; old == nil || len(is.dirty) > 0 {
			is.rebuild(t.is)
			t.allRoutes.put(old, is.routes)
		}
	}
	maps.DeleteFunc(t.listeners, func(name string, _ *listening) bool { return listeners[name] == nil })
}

// rebuild makes the virtual hosts anew that are not what they were.
func (is *listening) rebuild(services map[string]*translated) {
	for host := range is.dirty {
		var entries []entry
		for _, name := range is.services[host] {
			entries = append(entries, services[name].entries...)
		}
		if len(is.services[host]) == 0 {
			delete(is.services, host)
			is.hosts.put(&routev3.VirtualHost{Name: host}, nil)
			continue
		}
		is.hosts.put(nil, virtualHost(host, entries))
	}
	clear(is.dirty)
	is.routes = routeConfiguration(is.model.Name, is.hosts.tidy())
}
