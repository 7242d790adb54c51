package translator

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"

	"dragoman/model"
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
