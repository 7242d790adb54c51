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
	"encoding/hex"
	"sync/atomic"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/model"
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

	sets   map[string]*Set // by type URL; every type has one
	faults Faults          // of each resource by itself
	sound  atomic.Bool     // it is known to have no fault
	groups []*model.Group
	*placing
	views *views
}

// placing is which listeners are where, and for whom. Snapshots have the same
// one as long as nothing about it changes.
type placing struct {
	places   map[string][]string // the addresses of each listener that no other may have
	groupsOf map[string][]string // of the listeners that are not for every Envoy; nil if nothing is chosen
	listened map[string]bool     // groups that some listener is for
}

// All returns the resources of a type in all views.
func (s *Snapshot) All(typeURL string) *Set {
	if set := s.sets[typeURL]; set != nil {
		return set
	}
	return NewSet()
}

func short(sum []byte) string {
	var room [shortHash]byte
	return string(hex.AppendEncode(room[:0], sum[:shortHash/2]))
}
