// Package snapshot gives a configuration's Envoy resources their versions,
// checks that they hang together, and chooses those that an Envoy gets.
//
// A version is a hash of content, per resource type: equal resources have
// equal versions after a restart and on another machine, and an edit to a
// route leaves the version of the clusters alone. The package neither makes
// nor mends resources, and it sends nothing: what Check refuses is for the
// caller to keep from being published.
package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"dragoman/model"
	"dragoman/translator"
)

// shortHash is the length of all versions, in hex digits. They are compared for
// equality between neighbours in time, so that 64 bits are plenty, and they are
// read by people.
const shortHash = 16

// Types are the type URLs of all resources there are, in the order in which an
// Envoy is best told of them: what is needed before what needs it.
func Types() []string {
	return []string{
		resourcev3.ClusterType,
		resourcev3.EndpointType,
		resourcev3.SecretType,
		resourcev3.ExtensionConfigType,
		resourcev3.RuntimeType,
		resourcev3.ListenerType,
		resourcev3.ScopedRouteType,
		resourcev3.RouteType,
		resourcev3.VirtualHostType,
	}
}

// A Snapshot is one configuration as Envoy resources. It never changes once it
// is built.
type Snapshot struct {
	Version  string            // of the whole, from the versions of its types
	Versions map[string]string // by type URL; every type has one, also without resources
	Counts   map[string]int    // resources by type URL; types without any are left out

	sets     map[string]*Set     // by type URL; every type has one
	faults   Faults              // of each resource by itself
	places   map[string][]string // the addresses of each listener that no other may have
	groups   []*model.Group
	groupsOf map[string][]string // of the listeners that are not for every Envoy
	listened map[string]bool     // groups that some listener is for
	views    *views
}

// A message is a resource before it is packed.
type message struct {
	name string
	body proto.Message
}

// Build makes a versioned snapshot. It refuses names that are empty or there
// twice in one type, since a snapshot cannot hold them, and what cannot be
// marshalled.
//
// Every type gets a version even when it is empty: Envoy would wait 15 s for a
// type whose version is the empty string.
func Build(r translator.Resources) (*Snapshot, error) { return new(Builder).Build(r) }

// A Builder builds one snapshot after another. A message that was in the last
// one is not packed and examined again, and what it became is shared.
type Builder struct{ last map[proto.Message]*made }

// made is what a message became.
type made struct {
	resource *Resource
	faults   []string
}

// Build makes a snapshot as the function of that name does.
func (b *Builder) Build(r translator.Resources) (*Snapshot, error) {
	s := &Snapshot{
		Versions: map[string]string{},
		Counts:   map[string]int{},
		sets:     map[string]*Set{},
		places:   placesOf(r.Listeners),
		groups:   r.Groups,
		groupsOf: r.GroupsOf,
		listened: map[string]bool{},
		views:    &views{byGroups: map[string]*View{}, sets: map[setKey]*Set{}},
	}
	for _, groups := range r.GroupsOf {
		for _, g := range groups {
			s.listened[g] = true
		}
	}
	next := make(map[proto.Message]*made, len(b.last))
	e, messages := examiner{}, byType(r)
	whole := sha256.New()
	for _, typeURL := range Types() {
		set, err := s.pack(b.last, next, e, typeURL, messages[typeURL])
		if err != nil {
			return nil, err
		}
		s.sets[typeURL] = set
		s.Versions[typeURL] = set.Version()
		if n := set.Len(); n > 0 {
			s.Counts[typeURL] = n
		}
		whole.Write([]byte(typeURL + " " + set.Version() + "\n"))
	}
	if err := writeGroups(whole, r); err != nil {
		return nil, err
	}
	s.Version = short(whole.Sum(nil))
	b.last = next
	return s, nil
}

// writeGroups makes who gets what a part of the version: it decides what Envoys
// are sent as much as the resources do.
func writeGroups(w io.Writer, r translator.Resources) error {
	for _, g := range r.Groups {
		match, err := json.Marshal(g.Match) // maps in the order of their keys
		if err != nil {
			return fmt.Errorf("group %s: %w", g.Name, err)
		}
		fmt.Fprintf(w, "group %s %s\n", g.Name, match)
	}
	for _, listener := range slices.Sorted(maps.Keys(r.GroupsOf)) {
		fmt.Fprintf(w, "listener %s %s\n", listener, r.GroupsOf[listener])
	}
	return nil
}

// byType is the one list of the types that Dragoman serves resources of.
func byType(r translator.Resources) map[string][]message {
	return map[string][]message{
		resourcev3.ClusterType:     list(r.Clusters, (*clusterv3.Cluster).GetName),
		resourcev3.EndpointType:    list(r.Endpoints, (*endpointv3.ClusterLoadAssignment).GetClusterName),
		resourcev3.ListenerType:    list(r.Listeners, (*listenerv3.Listener).GetName),
		resourcev3.RouteType:       list(r.Routes, (*routev3.RouteConfiguration).GetName),
		resourcev3.ScopedRouteType: list(r.ScopedRoutes, (*routev3.ScopedRouteConfiguration).GetName),
		resourcev3.RuntimeType:     list(r.Runtimes, (*runtimev3.Runtime).GetName),
		resourcev3.SecretType:      list(r.Secrets, (*tlsv3.Secret).GetName),
	}
}

func list[T proto.Message](in []T, name func(T) string) []message {
	out := make([]message, len(in))
	for i, r := range in {
		out[i] = message{name(r), r}
	}
	slices.SortStableFunc(out, func(a, b message) int { return strings.Compare(a.name, b.name) })
	return out
}

// pack makes the set of one type, of what was made for the last snapshot where
// that is the same.
func (s *Snapshot) pack(last, next map[proto.Message]*made, e examiner, typeURL string, in []message) (*Set, error) {
	out := make([]*Resource, len(in))
	for i, m := range in {
		switch {
		case m.name == "":
			return nil, Fault{Type: typeURL, Msg: "has no name"}
		case i > 0 && in[i-1].name == m.name:
			return nil, Fault{Type: typeURL, Name: m.name, Msg: "is there twice"}
		}
		is := last[m.body]
		if is == nil {
			var err error
			if is, err = e.pack(typeURL, m); err != nil {
				return nil, Fault{Type: typeURL, Name: m.name, Msg: words(err)}
			}
		}
		for _, msg := range is.faults {
			s.faults = append(s.faults, Fault{typeURL, m.name, msg})
		}
		next[m.body], out[i] = is, is.resource
	}
	return NewSet(out...), nil
}

// pack makes one resource. It is marshalled once, in a form that is the same for
// the same content, and its version is a hash of that: an Envoy that reconnects
// and says what it has is understood. What is wrong with it by itself is noted.
func (e examiner) pack(typeURL string, m message) (*made, error) {
	body, err := (proto.MarshalOptions{Deterministic: true}).Marshal(m.body)
	if err != nil {
		return nil, err
	}
	found := e.examine(m.body)
	sum := sha256.Sum256(body)
	return &made{faults: found.faults, resource: &Resource{
		Name: m.name, Version: short(sum[:]), Needs: found.refs, OnDemand: onDemand(m.body),
		Body: &anypb.Any{TypeUrl: typeURL, Value: body},
	}}, nil
}

// words is the text of an error of the protobuf library, which puts a space that
// does not break into some builds' texts to keep them from being relied upon.
func words(err error) string { return strings.ReplaceAll(err.Error(), "\u00a0", " ") }

func short(sum []byte) string { return hex.EncodeToString(sum)[:shortHash] }

// A Fault is one thing wrong with one resource.
type Fault struct {
	Type string // type URL
	Name string // of the resource
	Msg  string // route configuration "http" does not exist
}

// Error is the fault with its resource: listener "http": ….
func (f Fault) Error() string { return fmt.Sprintf("%s %q: %s", kind(f.Type), f.Name, f.Msg) }

// kind is what Envoy's documentation calls a resource of a type.
func kind(typeURL string) string {
	switch typeURL {
	case resourcev3.ClusterType:
		return "cluster"
	case resourcev3.EndpointType:
		return "cluster load assignment"
	case resourcev3.ListenerType:
		return "listener"
	case resourcev3.RouteType:
		return "route configuration"
	case resourcev3.ScopedRouteType:
		return "scoped route configuration"
	case resourcev3.RuntimeType:
		return "runtime layer"
	case resourcev3.SecretType:
		return "secret"
	}
	return typeURL
}

// Faults is all that is wrong with a snapshot, sorted. It is the error that
// Check returns.
type Faults []Fault

// Error is the faults one below the other.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}
