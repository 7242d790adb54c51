package snapshot

import (
	"crypto/sha256"
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/anypb"
)

// A Resource is one resource in the form in which it is sent. It is made once,
// and shared by all Envoys that get it: nobody may change it.
type Resource struct {
	Name    string
	Version string // a hash of its content
	Body    *anypb.Any
	Needs   []Ref // what it refers to, sorted

	// OnDemand marks what an Envoy that wants everything is not sent: secrets,
	// and what is for gRPC clients. Who names it gets it.
	OnDemand bool
}

// A Ref names a resource.
type Ref struct{ Type, Name string }

// A Set is all resources of one type. It never changes.
type Set struct {
	version string
	byName  map[string]*Resource
	names   []string // sorted
}

// NewSet makes a set, whose version is a hash over the versions in it. The last
// of several resources of one name counts.
func NewSet(resources ...*Resource) *Set {
	s := &Set{byName: make(map[string]*Resource, len(resources))}
	s.names = make([]string, 0, len(resources))
	for _, r := range resources {
		if s.byName[r.Name] == nil {
			s.names = append(s.names, r.Name)
		}
		s.byName[r.Name] = r
	}
	slices.Sort(s.names)
	sum := sha256.New()
	for _, name := range s.names {
		sum.Write([]byte(name + " " + s.byName[name].Version + "\n"))
	}
	s.version = short(sum.Sum(nil))
	return s
}

// Version is the same for sets with the same content, and never empty.
func (s *Set) Version() string { return s.version }

// Len counts the resources.
func (s *Set) Len() int { return len(s.names) }

// Get returns the resource of a name, or nil.
func (s *Set) Get(name string) *Resource { return s.byName[name] }

// All yields the resources in the order of their names.
func (s *Set) All() iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		for _, name := range s.names {
			if !yield(s.byName[name]) {
				return
			}
		}
	}
}

// refs yields a reference to each resource.
func (s *Set) refs(typeURL string) iter.Seq[Ref] {
	return func(yield func(Ref) bool) {
		for _, name := range s.names {
			if !yield(Ref{typeURL, name}) {
				return
			}
		}
	}
}

// below yields a reference to each resource whose name begins so.
func (s *Set) below(typeURL, prefix string) iter.Seq[Ref] {
	return func(yield func(Ref) bool) {
		i, _ := slices.BinarySearch(s.names, prefix)
		for ; i < len(s.names) && strings.HasPrefix(s.names[i], prefix); i++ {
			if !yield(Ref{typeURL, s.names[i]}) {
				return
			}
		}
	}
}

// A View is what one Envoy gets. Envoys in the same groups share theirs. It
// never changes.
type View struct {
	Version  string          // of the whole
	Shadowed []Shadowed      // listeners that it would have
	sets     map[string]*Set // by type URL
	empty    *Set            // for types that are not there
}

// Shadowed is a listener that Envoys of two groups do not get, since another of
// theirs has its address. The first by name is what they get.
type Shadowed struct{ Listener, By, Address string }

// NewView makes a view of sets by type URL; a type that is left out is empty.
func NewView(version string, sets map[string]*Set) *View {
	return &View{Version: version, sets: sets, empty: NewSet()}
}

// Set returns the resources of a type.
func (v *View) Set(typeURL string) *Set {
	if s := v.sets[typeURL]; s != nil {
		return s
	}
	return v.empty
}
