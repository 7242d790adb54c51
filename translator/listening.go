package translator

import (
	"maps"
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

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
