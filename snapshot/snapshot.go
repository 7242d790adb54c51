// Package snapshot gives a configuration's Envoy resources their versions and
// checks that they hang together.
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
	"fmt"
	"slices"
	"strings"

	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	cachev3 "github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"dragoman/translator"
)

// shortHash is the length of the versions of types and of whole snapshots, in
// hex digits. They are compared for equality between neighbours in time, so
// that 64 bits are plenty, and they are read by people.
const shortHash = 16

// A Snapshot is one configuration as Envoy resources. It never changes once it
// is built.
type Snapshot struct {
	cachev3.Snapshot

	Version  string            // of the whole, from the versions of its types
	Versions map[string]string // by type URL; every type has one, also without resources
	Counts   map[string]int    // resources by type URL; types without any are left out

	all *View
}

// Build makes a versioned snapshot. It refuses names that are empty or there
// twice in one type, since a snapshot cannot hold them, and what cannot be
// marshalled.
//
// Every type gets a version even when it is empty: Envoy would wait 15 s for a
// type whose version is the empty string. The versions of the single resources
// are filled in as well, because the cache would otherwise marshal everything
// once more, under its lock.
func Build(r translator.Resources) (*Snapshot, error) {
	s := &Snapshot{
		Versions: make(map[string]string, types.UnknownType),
		Counts:   map[string]int{},
	}
	s.VersionMap = make(map[string]map[string]string, types.UnknownType)
	all := byType(r)
	whole := sha256.New()
	sets := make(map[string]*Set, types.UnknownType)
	for typ := range types.UnknownType {
		typeURL, err := cachev3.GetResponseTypeURL(typ)
		if err != nil {
			return nil, err
		}
		group, versions, err := group(typeURL, all[typeURL])
		if err != nil {
			return nil, err
		}
		if sets[typeURL], err = set(typeURL, group, versions); err != nil {
			return nil, err
		}
		s.Resources[typ] = group
		s.VersionMap[typeURL] = versions
		s.Versions[typeURL] = group.Version
		if n := len(group.Items); n > 0 {
			s.Counts[typeURL] = n
		}
		whole.Write([]byte(typeURL + " " + group.Version + "\n"))
	}
	s.Version = short(whole.Sum(nil))
	s.all = NewView(s.Version, sets)
	return s, nil
}

// set packs the resources of one type.
func set(typeURL string, group cachev3.Resources, versions map[string]string) (*Set, error) {
	out := make([]*Resource, 0, len(group.Items))
	for name, item := range group.Items {
		body, err := (proto.MarshalOptions{Deterministic: true}).Marshal(item.Resource)
		if err != nil {
			return nil, Fault{Type: typeURL, Name: name, Msg: words(err)}
		}
		out = append(out, &Resource{Name: name, Version: versions[name], Body: &anypb.Any{TypeUrl: typeURL, Value: body}})
	}
	return NewSet(out...), nil
}

// byType is the one list of the types that Dragoman serves resources of.
func byType(r translator.Resources) map[string][]types.Resource {
	return map[string][]types.Resource{
		resourcev3.ClusterType:  list(r.Clusters),
		resourcev3.EndpointType: list(r.Endpoints),
		resourcev3.ListenerType: list(r.Listeners),
		resourcev3.RouteType:    list(r.Routes),
		resourcev3.RuntimeType:  list(r.Runtimes),
	}
}

func list[T types.Resource](in []T) []types.Resource {
	out := make([]types.Resource, len(in))
	for i, r := range in {
		out[i] = r
	}
	return out
}

// group versions the resources of one type: each by the hash that the cache
// sends beside it, so that an Envoy that reconnects and says what it has is
// understood, and all of them by a hash over those in the order of names.
func group(typeURL string, items []types.Resource) (cachev3.Resources, map[string]string, error) {
	slices.SortStableFunc(items, func(a, b types.Resource) int {
		return strings.Compare(cachev3.GetResourceName(a), cachev3.GetResourceName(b))
	})
	versions := make(map[string]string, len(items))
	byName := make(map[string]types.ResourceWithTTL, len(items))
	sum := sha256.New()
	var buf []byte
	for _, item := range items {
		name := cachev3.GetResourceName(item)
		_, twice := byName[name]
		var err error
		if buf, err = (proto.MarshalOptions{Deterministic: true}).MarshalAppend(buf[:0], item); err != nil {
			return cachev3.Resources{}, nil, Fault{Type: typeURL, Name: name, Msg: words(err)}
		}
		switch {
		case name == "":
			return cachev3.Resources{}, nil, Fault{Type: typeURL, Msg: "has no name"}
		case twice:
			return cachev3.Resources{}, nil, Fault{Type: typeURL, Name: name, Msg: "is there twice"}
		}
		byName[name] = types.ResourceWithTTL{Resource: item}
		versions[name] = cachev3.HashResource(buf)
		sum.Write([]byte(versions[name]))
	}
	return cachev3.Resources{Version: short(sum.Sum(nil)), Items: byName}, versions, nil
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
	case resourcev3.RuntimeType:
		return "runtime layer"
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
