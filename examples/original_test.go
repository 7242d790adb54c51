package examples_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	adminv3 "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	clusterservice "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	endpointservice "github.com/envoyproxy/go-control-plane/envoy/service/endpoint/v3"
	listenerservice "github.com/envoyproxy/go-control-plane/envoy/service/listener/v3"
	routeservice "github.com/envoyproxy/go-control-plane/envoy/service/route/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/anypb"

	"dragoman/internal/envoytest"
)

// dump returns what one section of Envoy's configuration dump holds, the
// resource as M.
func dump[M proto.Message](t *testing.T, e *envoytest.Envoy, section string, open func(*anypb.Any) *anypb.Any) []M {
	t.Helper()
	var page adminv3.ConfigDump
	if err := protojson.Unmarshal(e.ConfigDump(t, "resource="+section), &page); err != nil {
		t.Fatal(err)
	}
	var out []M
	for _, c := range page.GetConfigs() {
		m := unpack(t, open(c))
		resource, ok := m.(M)
		if !ok {
			t.Fatalf("%s holds a %T", section, m)
		}
		out = append(out, resource)
	}
	return out
}

func unpack(t *testing.T, a *anypb.Any) proto.Message {
	t.Helper()
	m, err := a.UnmarshalNew()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The project began with one proxied site. Here is its configuration in our
// format, as Envoy's own words say it arrived.
func TestEnvoyTakesTheOriginalConfiguration(t *testing.T) {
	t.Parallel()
	r := run(t, "envoyproxy-io")

	clusters := dump[*clusterv3.Cluster](t, r.envoy, "dynamic_active_clusters", func(a *anypb.Any) *anypb.Any {
		var c adminv3.ClustersConfigDump_DynamicCluster
		must(t, a.UnmarshalTo(&c))
		return c.GetCluster()
	})
	if len(clusters) != 1 {
		t.Fatalf("%d clusters, want one", len(clusters))
	}
	c := clusters[0]
	equal(t, "cluster", c.GetName(), "example_cluster")
	equal(t, "type", c.GetType(), clusterv3.Cluster_LOGICAL_DNS)
	equal(t, "load balancing", c.GetLbPolicy(), clusterv3.Cluster_ROUND_ROBIN)
	equal(t, "DNS family", c.GetDnsLookupFamily(), clusterv3.Cluster_V4_ONLY)
	equal(t, "connect timeout", c.GetConnectTimeout().AsDuration(), 5*time.Second)
	at := c.GetLoadAssignment().GetEndpoints()[0].GetLbEndpoints()[0].GetEndpoint().GetAddress().GetSocketAddress()
	equal(t, "endpoint", fmt.Sprintf("%s:%d", at.GetAddress(), at.GetPortValue()), "www.envoyproxy.io:80")

	listeners := dump[*listenerv3.Listener](t, r.envoy, "dynamic_listeners", func(a *anypb.Any) *anypb.Any {
		var l adminv3.ListenersConfigDump_DynamicListener
		must(t, a.UnmarshalTo(&l))
		return l.GetActiveState().GetListener()
	})
	if len(listeners) != 1 {
		t.Fatalf("%d listeners, want one", len(listeners))
	}
	l := listeners[0]
	equal(t, "listener", l.GetName(), "listener_0")
	equal(t, "address", l.GetAddress().GetSocketAddress().GetAddress(), "0.0.0.0")
	manager, ok := unpack(t, l.GetFilterChains()[0].GetFilters()[0].GetTypedConfig()).(*hcmv3.HttpConnectionManager)
	if !ok {
		t.Fatal("the listener's filter is no HTTP connection manager")
	}
	equal(t, "codec", manager.GetCodecType(), hcmv3.HttpConnectionManager_AUTO)

	routes := dump[*routev3.RouteConfiguration](t, r.envoy, "dynamic_route_configs", func(a *anypb.Any) *anypb.Any {
		var c adminv3.RoutesConfigDump_DynamicRouteConfig
		must(t, a.UnmarshalTo(&c))
		return c.GetRouteConfig()
	})
	if len(routes) != 1 {
		t.Fatalf("%d route configurations, want one", len(routes))
	}
	equal(t, "routes by RDS", manager.GetRds().GetRouteConfigName(), routes[0].GetName())
	equal(t, "hosts", fmt.Sprint(routes[0].GetVirtualHosts()[0].GetDomains()), "[*]")
	route := routes[0].GetVirtualHosts()[0].GetRoutes()[0]
	equal(t, "prefix", route.GetMatch().GetPrefix(), "/")
	equal(t, "rewritten host", route.GetRoute().GetHostRewriteLiteral(), "www.envoyproxy.io")
	equal(t, "destination", route.GetRoute().GetCluster(), "example_cluster")
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A stream is any service's stream of state-of-the-world responses.
type stream interface {
	Send(*discoveryv3.DiscoveryRequest) error
	Recv() (*discoveryv3.DiscoveryResponse, error)
}

// Clients that know no ADS get the same resources from the service of a type.
func TestEveryTypeHasAServiceOfItsOwn(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c := move(t, "quickstart")
	address := fmt.Sprintf("localhost:%d", serve(t, c.write(t)))
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	defer conn.Close()
	ads := func() (stream, error) {
		return discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(ctx)
	}
	for _, tt := range []struct {
		typeURL string
		names   []string
		open    func() (stream, error)
		want    proto.Message
	}{
		{resourcev3.ClusterType, nil, func() (stream, error) {
			return clusterservice.NewClusterDiscoveryServiceClient(conn).StreamClusters(ctx)
		}, new(clusterv3.Cluster)},
		{resourcev3.ListenerType, nil, func() (stream, error) {
			return listenerservice.NewListenerDiscoveryServiceClient(conn).StreamListeners(ctx)
		}, new(listenerv3.Listener)},
		{resourcev3.RouteType, []string{"http"}, func() (stream, error) {
			return routeservice.NewRouteDiscoveryServiceClient(conn).StreamRoutes(ctx)
		}, new(routev3.RouteConfiguration)},
		{resourcev3.EndpointType, []string{"hello"}, func() (stream, error) {
			return endpointservice.NewEndpointDiscoveryServiceClient(conn).StreamEndpoints(ctx)
		}, new(endpointv3.ClusterLoadAssignment)},
	} {
		req := &discoveryv3.DiscoveryRequest{
			Node: &corev3.Node{Id: "plain"}, TypeUrl: tt.typeURL, ResourceNames: tt.names,
		}
		own, aggregated := ask(t, tt.open, req), ask(t, ads, req)
		if len(own.GetResources()) != 1 || !own.GetResources()[0].MessageIs(tt.want) {
			t.Errorf("%s: got %v, want one %T", tt.typeURL, own.GetResources(), tt.want)
		}
		if diff := cmp.Diff(aggregated.GetResources(), own.GetResources(), protocmp.Transform()); diff != "" {
			t.Errorf("%s differs from what ADS gives (-ADS +own):\n%s", tt.typeURL, diff)
		}
		equal(t, "version of "+tt.typeURL, own.GetVersionInfo(), aggregated.GetVersionInfo())
	}
}

func ask(t *testing.T, open func() (stream, error), req *discoveryv3.DiscoveryRequest) *discoveryv3.DiscoveryResponse {
	t.Helper()
	s, err := open()
	must(t, err)
	must(t, s.Send(req))
	resp, err := s.Recv()
	must(t, err)
	return resp
}
