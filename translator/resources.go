package translator

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
)

// Resources are the Envoy v3 resources of one configuration, each slice sorted by name.
type Resources struct {
	Clusters []*clusterv3.Cluster
	// Endpoints are the load assignments of clusters whose endpoints are
	// addresses. Those of names stand in the cluster.
	Endpoints []*endpointv3.ClusterLoadAssignment
	Listeners []*listenerv3.Listener
	Routes    []*routev3.RouteConfiguration
	Runtimes  []*runtimev3.Runtime
}
