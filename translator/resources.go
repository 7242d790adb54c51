package translator

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"

	"dragoman/model"
	"dragoman/table"
)

// Resources are the Envoy v3 resources of one configuration, each slice sorted
// by name, and which Envoys they are for.
type Resources struct {
	Clusters []*clusterv3.Cluster
	// Endpoints are the load assignments of clusters whose endpoints are
	// addresses. Those of names stand in the cluster.
	Endpoints []*endpointv3.ClusterLoadAssignment
	Listeners []*listenerv3.Listener
	Routes    []*routev3.RouteConfiguration
	// ScopedRoutes choose among Routes by the host, where a listener has more
	// than fit one table well.
	ScopedRoutes []*routev3.ScopedRouteConfiguration
	Runtimes     []*runtimev3.Runtime
	// Secrets are certificates with their keys. Whoever prints them takes care.
	Secrets []*tlsv3.Secret

	Groups []*model.Group
	// GroupsOf has the listeners that are not for every Envoy, with their groups,
	// sorted. Without it nothing is chosen: every Envoy gets all there is.
	GroupsOf map[string][]string
}

// A Translation is the same in tables by type URL. Two that follow each other
// share what has not changed.
type Translation struct {
	Tables   map[string]table.Table[*Message]
	Groups   []*model.Group
	GroupsOf map[string][]string
}

// A Message is one resource, and the same one as long as nothing about it
// changes.
type Message struct {
	Name string
	// Body is not changed by anybody. Who has made something of it may drop it:
	// nobody asks for it again.
	Body proto.Message
}

// Key is the name.
func (m *Message) Key() string { return m.Name }

// Resources are those of a translation whose messages all have their bodies.
func (t Translation) Resources() Resources {
	return Resources{
		Clusters:     bodies[*clusterv3.Cluster](t.Tables[resourcev3.ClusterType]),
		Endpoints:    bodies[*endpointv3.ClusterLoadAssignment](t.Tables[resourcev3.EndpointType]),
		Listeners:    bodies[*listenerv3.Listener](t.Tables[resourcev3.ListenerType]),
		Routes:       bodies[*routev3.RouteConfiguration](t.Tables[resourcev3.RouteType]),
		ScopedRoutes: bodies[*routev3.ScopedRouteConfiguration](t.Tables[resourcev3.ScopedRouteType]),
		Runtimes:     bodies[*runtimev3.Runtime](t.Tables[resourcev3.RuntimeType]),
		Secrets:      bodies[*tlsv3.Secret](t.Tables[resourcev3.SecretType]),
		Groups:       t.Groups,
		GroupsOf:     t.GroupsOf,
	}
}

// bodies are those of a table, which are of one type.
func bodies[T proto.Message](in table.Table[*Message]) []T {
	var out []T
	for m := range in.All() {
		out = append(out, m.Body.(T))
	}
	return out
}
