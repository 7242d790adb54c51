package xds

import (
	clusterservice "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	endpointservice "github.com/envoyproxy/go-control-plane/envoy/service/endpoint/v3"
	extensionservice "github.com/envoyproxy/go-control-plane/envoy/service/extension/v3"
	listenerservice "github.com/envoyproxy/go-control-plane/envoy/service/listener/v3"
	routeservice "github.com/envoyproxy/go-control-plane/envoy/service/route/v3"
	runtimeservice "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	secretservice "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc"
)

// services are all of xDS on the same streams. The Fetch methods, which know
// no waiting and no refusal, stay unimplemented.
//
// The library has the same in its package server, which brings a further
// module along for the configuration of a rate limit service.
type services struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	clusterservice.UnimplementedClusterDiscoveryServiceServer
	endpointservice.UnimplementedEndpointDiscoveryServiceServer
	listenerservice.UnimplementedListenerDiscoveryServiceServer
	routeservice.UnimplementedRouteDiscoveryServiceServer
	routeservice.UnimplementedScopedRoutesDiscoveryServiceServer
	routeservice.UnimplementedVirtualHostDiscoveryServiceServer
	secretservice.UnimplementedSecretDiscoveryServiceServer
	runtimeservice.UnimplementedRuntimeDiscoveryServiceServer
	extensionservice.UnimplementedExtensionConfigDiscoveryServiceServer

	*streams
}

func (s *streams) register(srv *grpc.Server) {
	all := services{streams: s}
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(srv, all)
	clusterservice.RegisterClusterDiscoveryServiceServer(srv, all)
	endpointservice.RegisterEndpointDiscoveryServiceServer(srv, all)
	listenerservice.RegisterListenerDiscoveryServiceServer(srv, all)
	routeservice.RegisterRouteDiscoveryServiceServer(srv, all)
	routeservice.RegisterScopedRoutesDiscoveryServiceServer(srv, all)
	routeservice.RegisterVirtualHostDiscoveryServiceServer(srv, all)
	secretservice.RegisterSecretDiscoveryServiceServer(srv, all)
	runtimeservice.RegisterRuntimeDiscoveryServiceServer(srv, all)
	extensionservice.RegisterExtensionConfigDiscoveryServiceServer(srv, all)
}

// StreamAggregatedResources serves all resources each time.
func (s services) StreamAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	return s.sotw(stream, resourcev3.AnyType)
}

// DeltaAggregatedResources serves what has changed.
func (s services) DeltaAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	return s.deltas(stream, resourcev3.AnyType)
}

// StreamClusters serves all resources each time.
func (s services) StreamClusters(stream clusterservice.ClusterDiscoveryService_StreamClustersServer) error {
	return s.sotw(stream, resourcev3.ClusterType)
}

// DeltaClusters serves what has changed.
func (s services) DeltaClusters(stream clusterservice.ClusterDiscoveryService_DeltaClustersServer) error {
	return s.deltas(stream, resourcev3.ClusterType)
}

// StreamEndpoints serves all resources each time.
func (s services) StreamEndpoints(stream endpointservice.EndpointDiscoveryService_StreamEndpointsServer) error {
	return s.sotw(stream, resourcev3.EndpointType)
}

// DeltaEndpoints serves what has changed.
func (s services) DeltaEndpoints(stream endpointservice.EndpointDiscoveryService_DeltaEndpointsServer) error {
	return s.deltas(stream, resourcev3.EndpointType)
}

// StreamListeners serves all resources each time.
func (s services) StreamListeners(stream listenerservice.ListenerDiscoveryService_StreamListenersServer) error {
	return s.sotw(stream, resourcev3.ListenerType)
}

// DeltaListeners serves what has changed.
func (s services) DeltaListeners(stream listenerservice.ListenerDiscoveryService_DeltaListenersServer) error {
	return s.deltas(stream, resourcev3.ListenerType)
}

// StreamRoutes serves all resources each time.
func (s services) StreamRoutes(stream routeservice.RouteDiscoveryService_StreamRoutesServer) error {
	return s.sotw(stream, resourcev3.RouteType)
}

// DeltaRoutes serves what has changed.
func (s services) DeltaRoutes(stream routeservice.RouteDiscoveryService_DeltaRoutesServer) error {
	return s.deltas(stream, resourcev3.RouteType)
}

// StreamScopedRoutes serves all resources each time.
func (s services) StreamScopedRoutes(stream routeservice.ScopedRoutesDiscoveryService_StreamScopedRoutesServer) error {
	return s.sotw(stream, resourcev3.ScopedRouteType)
}

// DeltaScopedRoutes serves what has changed.
func (s services) DeltaScopedRoutes(stream routeservice.ScopedRoutesDiscoveryService_DeltaScopedRoutesServer) error {
	return s.deltas(stream, resourcev3.ScopedRouteType)
}

// DeltaVirtualHosts serves what has changed. VHDS has no other form.
func (s services) DeltaVirtualHosts(stream routeservice.VirtualHostDiscoveryService_DeltaVirtualHostsServer) error {
	return s.deltas(stream, resourcev3.VirtualHostType)
}

// StreamSecrets serves all resources each time.
func (s services) StreamSecrets(stream secretservice.SecretDiscoveryService_StreamSecretsServer) error {
	return s.sotw(stream, resourcev3.SecretType)
}

// DeltaSecrets serves what has changed.
func (s services) DeltaSecrets(stream secretservice.SecretDiscoveryService_DeltaSecretsServer) error {
	return s.deltas(stream, resourcev3.SecretType)
}

// StreamRuntime serves all resources each time.
func (s services) StreamRuntime(stream runtimeservice.RuntimeDiscoveryService_StreamRuntimeServer) error {
	return s.sotw(stream, resourcev3.RuntimeType)
}

// DeltaRuntime serves what has changed.
func (s services) DeltaRuntime(stream runtimeservice.RuntimeDiscoveryService_DeltaRuntimeServer) error {
	return s.deltas(stream, resourcev3.RuntimeType)
}

// StreamExtensionConfigs serves all resources each time.
func (s services) StreamExtensionConfigs(stream extensionservice.ExtensionConfigDiscoveryService_StreamExtensionConfigsServer) error {
	return s.sotw(stream, resourcev3.ExtensionConfigType)
}

// DeltaExtensionConfigs serves what has changed.
func (s services) DeltaExtensionConfigs(stream extensionservice.ExtensionConfigDiscoveryService_DeltaExtensionConfigsServer) error {
	return s.deltas(stream, resourcev3.ExtensionConfigType)
}
