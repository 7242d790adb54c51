package snapshot

import (
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

	"dragoman/translator"
)

// A message is a resource before it is packed.
type message struct {
	name  string
	body  proto.Message // nil if it is gone
	twice bool          // there is another of its name
}

// changes returns by type which messages are not those of the last time, by
// their pointers, in the order of their names. This is the one list of the types
// that Dragoman serves resources of. The last time is replaced.
func changes(last *translator.Resources, r translator.Resources) map[string][]message {
	last.Groups, last.GroupsOf = r.Groups, r.GroupsOf
	return map[string][]message{
		resourcev3.ClusterType:     replace(&last.Clusters, r.Clusters, (*clusterv3.Cluster).GetName),
		resourcev3.EndpointType:    replace(&last.Endpoints, r.Endpoints, (*endpointv3.ClusterLoadAssignment).GetClusterName),
		resourcev3.ListenerType:    replace(&last.Listeners, r.Listeners, (*listenerv3.Listener).GetName),
		resourcev3.RouteType:       replace(&last.Routes, r.Routes, (*routev3.RouteConfiguration).GetName),
		resourcev3.ScopedRouteType: replace(&last.ScopedRoutes, r.ScopedRoutes, (*routev3.ScopedRouteConfiguration).GetName),
		resourcev3.RuntimeType:     replace(&last.Runtimes, r.Runtimes, (*runtimev3.Runtime).GetName),
		resourcev3.SecretType:      replace(&last.Secrets, r.Secrets, (*tlsv3.Secret).GetName),
	}
}

// replace replaces a sorted list by the next, which it sorts if it is not, and
// returns in what they differ.
func replace[T pointer](last *[]T, next []T, name func(T) string) []message {
	out, sorted := merge(*last, next, name)
	if !sorted {
		next = slices.SortedStableFunc(slices.Values(next), func(a, b T) int { return strings.Compare(name(a), name(b)) })
		out, _ = merge(*last, next, name)
	}
	*last = next
	return out
}

type pointer interface {
	comparable
	proto.Message
}

// merge goes through two lists side by side, the first of which is sorted. Where
// they have the same pointers nothing else is looked at: what is the same on
// both sides is in its place if all else is.
func merge[T pointer](from, to []T, name func(T) string) (out []message, sorted bool) {
	for i, j := 0, 0; i < len(from) || j < len(to); {
		if i < len(from) && j < len(to) && from[i] == to[j] {
			i, j = i+1, j+1
			continue
		}
		order := 0
		switch {
		case i == len(from):
			order = 1
		case j == len(to):
			order = -1
		default:
			order = strings.Compare(name(from[i]), name(to[j]))
		}
		m := message{}
		if order <= 0 {
			m.name = name(from[i])
			i++
		}
		if order >= 0 {
			m.name, m.body = name(to[j]), to[j]
			if j > 0 {
				before := name(to[j-1])
				if before > m.name {
					return nil, false
				}
				m.twice = before == m.name
			}
			j++
		}
		out = append(out, m)
	}
	return out, true
}
