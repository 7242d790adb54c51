package snapshot

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"sync"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

// views are those that somebody has asked for. Envoys in the same groups have
// one, and views that have the same resources of a type have one set of it.
type views struct {
	mu       sync.Mutex // guards what follows
	byGroups map[string]*View
	sets     map[setKey]*Set
	former   map[string]former // by groups, as long as nobody has asked
}

type setKey struct{ typeURL, version string }

// View returns what a node gets: the listeners of its groups and those that are
// for every Envoy, the runtime layers, and just what these need. What is for
// gRPC clients is in every view, since they have groups like any other node. It
// may be asked for by many at once, and gives all nodes in the same groups the
// same.
func (s *Snapshot) View(node *corev3.Node) *View {
	groups := slices.DeleteFunc(s.Groups(node), func(g string) bool { return !s.listened[g] })
	key := strings.Join(groups, " ")
	s.views.mu.Lock()
	defer s.views.mu.Unlock()
	v := s.views.byGroups[key]
	if v == nil {
		v = s.view(key, groups)
		s.views.byGroups[key] = v
	}
	return v
}

// view makes the view of Envoys in some groups, out of a former one if it can.
// The lock of views is held.
func (s *Snapshot) view(key string, groups []string) *View {
	if s.groupsOf == nil {
		return NewView(s.Version, s.sets)
	}
	old, there := s.views.former[key]
	delete(s.views.former, key)
	if there {
		if v := s.follow(old); v != nil {
			return v
		}
	}
	roots, shadowed := s.listeners(groups)
	roots = slices.AppendSeq(roots, s.All(resourcev3.RuntimeType).refs(resourcev3.RuntimeType))
	sets := make(map[string]*Set, len(s.sets))
	for typeURL, found := range s.closure(roots) {
		sets[typeURL] = s.all(typeURL, len(found))
		if sets[typeURL] == nil {
			sets[typeURL] = s.share(typeURL, NewSet(slices.Collect(maps.Values(found))...))
		}
	}
	return viewOf(sets, shadowed)
}

// viewOf is a view with a version from the versions of its sets.
func viewOf(sets map[string]*Set, shadowed []Shadowed) *View {
	whole := sha256.New()
	for _, typeURL := range slices.Sorted(maps.Keys(sets)) {
		whole.Write([]byte(typeURL + " " + sets[typeURL].Version() + "\n"))
	}
	v := NewView(short(whole.Sum(nil)), sets)
	v.Shadowed = shadowed
	return v
}

// listeners returns those of some groups and those of everybody. Two of which
// no one could know that they would meet may have one address: the first by
// name has it.
func (s *Snapshot) listeners(groups []string) ([]Ref, []Shadowed) {
	var out []Ref
	var shadowed []Shadowed
	bound := map[string]string{}
	for r := range s.All(resourcev3.ListenerType).All() {
		of := s.groupsOf[r.Name]
		if len(of) > 0 && !slices.ContainsFunc(of, func(g string) bool { return slices.Contains(groups, g) }) {
			continue
		}
		places := s.places[r.Name]
		i := slices.IndexFunc(places, func(where string) bool { return bound[where] != "" })
		if i >= 0 {
			shadowed = append(shadowed, Shadowed{Listener: r.Name, By: bound[places[i]], Address: places[i]})
			continue
		}
		for _, where := range places {
			bound[where] = r.Name
		}
		out = append(out, Ref{resourcev3.ListenerType, r.Name})
	}
	return out, shadowed
}

// closure finds the resources that are named, those that they need, and so on.
func (s *Snapshot) closure(todo []Ref) map[string]map[string]*Resource {
	out := make(map[string]map[string]*Resource, len(s.sets))
	for typeURL := range s.sets {
		out[typeURL] = map[string]*Resource{}
	}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		r := s.All(at.Type).Get(at.Name)
		if r == nil || out[at.Type][at.Name] != nil {
			continue
		}
		out[at.Type][at.Name] = r
		todo = append(todo, r.Needs...)
		todo = append(todo, s.beside(at)...)
	}
	return out
}

// beside is what goes with a resource if it is there: endpoints that stand in
// the cluster can be asked for as well, and a listener's scopes go with the one
// that it names.
func (s *Snapshot) beside(at Ref) []Ref {
	if at.Type == resourcev3.ClusterType {
		return []Ref{{resourcev3.EndpointType, at.Name}}
	}
	if listener, all := strings.CutSuffix(at.Name, allScopes); all && at.Type == resourcev3.ScopedRouteType {
		return slices.Collect(s.All(at.Type).below(at.Type, listener+"/"))
	}
	return nil
}

// all is the set of a type if a view has n of it, and these are all; else nil.
func (s *Snapshot) all(typeURL string, n int) *Set {
	if set := s.sets[typeURL]; set.Len() == n {
		return set
	}
	return nil
}

// share returns a set that other views have, of the same resources, or this one.
// The lock of views is held.
func (s *Snapshot) share(typeURL string, made *Set) *Set {
	key := setKey{typeURL, made.Version()}
	if other := s.views.sets[key]; other != nil {
		return other
	}
	s.views.sets[key] = made
	return made
}
