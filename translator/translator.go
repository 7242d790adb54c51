package translator

import (
	"cmp"
	"maps"
	"slices"

	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/diag"
	"dragoman/model"
	"dragoman/parallel"
	"dragoman/table"
)

// A Translator translates one configuration after another, and of each what has
// changed: whoever makes the configurations keeps a service's and a listener's
// pointer as long as nothing about it changes. The result is the same as without
// memory, and a message that has not changed is the very same one, which nobody
// may change.
type Translator struct {
	options Options
	scoping scoping

	// Of the last configuration.
	services  model.Services
	is        map[string]*translated
	users     map[string]map[string]bool // services by those that their routes send to
	made      []*translated              // in this translation
	troubled  map[string]bool            // services that come with problems
	listeners map[string]*listening
	runtimes  map[string]*runtimev3.Runtime

	clusters, endpoints, allListeners, allRoutes, allScopes, secrets, allRuntimes shelf
}

// New returns a translator that remembers nothing yet.
func New(o Options) *Translator {
	o.SystemRoots = cmp.Or(o.SystemRoots, DefaultSystemRoots)
	if o.ScopedRoutesAbove == nil {
		o.ScopedRoutesAbove = new(DefaultScopedRoutesAbove)
	}
	return &Translator{
		options:   o,
		scoping:   newScoping(),
		is:        map[string]*translated{},
		users:     map[string]map[string]bool{},
		troubled:  map[string]bool{},
		listeners: map[string]*listening{},
		runtimes:  map[string]*runtimev3.Runtime{},
	}
}

// Translate returns the resources of a configuration. Those that come with
// problems are complete, but not fit to be published.
func (t *Translator) Translate(cfg *model.Config) (Translation, diag.Problems) {
	groupsOf := map[string][]string{}
	t.listen(cfg.Listeners)
	t.serve(cfg.Services)
	t.close(cfg.Listeners)
	for _, is := range t.made {
		t.forget(is)
	}
	t.made = nil
	var found diag.Problems
	for name, l := range t.listeners {
		found = append(found, l.found...)
		if len(l.model.Groups) > 0 {
			groupsOf[name] = l.model.Groups
		}
	}
	t.run(cfg.Runtimes, &found)
	for name := range t.troubled {
		found = append(found, t.is[name].found...)
	}
	found.Sort()
	return Translation{Groups: byName(cfg.Groups), GroupsOf: groupsOf, Tables: map[string]table.Table[*Message]{
		resourcev3.ClusterType:     t.clusters.tidy(),
		resourcev3.EndpointType:    t.endpoints.tidy(),
		resourcev3.ListenerType:    t.allListeners.tidy(),
		resourcev3.RouteType:       t.allRoutes.tidy(),
		resourcev3.ScopedRouteType: t.allScopes.tidy(),
		resourcev3.RuntimeType:     t.allRuntimes.tidy(),
		resourcev3.SecretType:      t.secrets.tidy(),
	}}, found
}

// serve translates the services that are not what they were, and those that
// send to them.
func (t *Translator) serve(services model.Services) {
	dirty := map[string]bool{} // true if something that it sends to has changed
	for _, c := range table.Changes(t.services, services) {
		moved := protocol(c.Old) != protocol(c.New)
		if dirty[c.Key()] = dirty[c.Key()] || moved; moved {
			maps.Copy(dirty, t.users[c.Key()])
		}
	}
	t.services = services
	names := slices.Collect(maps.Keys(dirty))
	become := make([]*translated, len(names))
	parallel.Each(len(names), func(i int) {
		if s := services.Get(names[i]); s != nil {
			become[i] = t.service(s, cmp.Or(t.is[names[i]], &translated{}), dirty[names[i]])
		}
	})
	for i, name := range names {
		t.replace(name, cmp.Or(t.is[name], &translated{}), cmp.Or(become[i], &translated{}))
		if become[i] == nil {
			delete(t.is, name)
			continue
		}
		t.is[name] = become[i]
		t.made = append(t.made, become[i])
	}
}

// protocol is all that a service's routes need to know of another.
func protocol(s *model.Service) model.Protocol {
	if s == nil || s.Upstream == nil {
		return -1
	}
	return s.Upstream.Protocol
}

// replace has what a service has become take the place of what it was.
func (t *Translator) replace(name string, old, now *translated) {
	t.clusters.put(old.cluster, now.cluster)
	t.endpoints.put(old.assignment, now.assignment)
	t.allListeners.put(old.rpcListener, now.rpcListener)
	t.allRoutes.put(old.rpcRoutes, now.rpcRoutes)
	for _, target := range old.targets {
		if delete(t.users[target], name); len(t.users[target]) == 0 {
			delete(t.users, target)
		}
	}
	for _, target := range now.targets {
		if t.users[target] == nil {
			t.users[target] = map[string]bool{}
		}
		t.users[target][name] = true
	}
	if delete(t.troubled, name); len(now.found) > 0 {
		t.troubled[name] = true
	}
	t.place(name, old, now)
}

// run translates the runtime layers.
func (t *Translator) run(layers map[string]*model.Runtime, found *diag.Problems) {
	for name := range t.runtimes {
		if layers[name] == nil {
			t.allRuntimes.remove(name)
			delete(t.runtimes, name)
		}
	}
	for name, r := range layers {
		at := scope{origin: r.Origin, what: "runtime " + name, found: found}
		old := t.runtimes[name]
		if t.runtimes[name] = same(old, runtime(at, r)); t.runtimes[name] != old {
			t.allRuntimes.put(nil, &Message{name, t.runtimes[name]})
		}
	}
}
