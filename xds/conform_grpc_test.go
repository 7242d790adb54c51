package xds_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	grpcxds "google.golang.org/grpc/xds"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/snapshot"
	"dragoman/translator"
	"dragoman/xds"
)

// backend is a gRPC server with health alone, whose answer tells which it is.
func backend(t *testing.T, answer healthpb.HealthCheckResponse_ServingStatus) (port uint32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv, h := grpc.NewServer(), health.NewServer()
	h.SetServingStatus("which", answer)
	healthpb.RegisterHealthServer(srv, h)
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Stop()
		if err := <-ended; err != nil {
			t.Errorf("the backend: %v", err)
		}
	})
	return uint32(l.Addr().(*net.TCPAddr).Port)
}

// adsSource says that what is referred to comes by ADS.
func adsSource() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

// proxyless is what a gRPC client needs to dial xds:///name.
func proxyless(t *testing.T, name, cluster string, port uint32) translator.Resources {
	t.Helper()
	manager := &hcmv3.HttpConnectionManager{
		StatPrefix:     name,
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: name, ConfigSource: adsSource()}},
		HttpFilters: []*hcmv3.HttpFilter{{
			Name:       "envoy.filters.http.router",
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: anyOf(t, &routerv3.Router{})},
		}},
	}
	assignment := endpointsOf(cluster, int(port))
	assignment.Endpoints[0].Locality = &corev3.Locality{Region: "local"}
	assignment.Endpoints[0].LoadBalancingWeight = wrapperspb.UInt32(1)
	return translator.Resources{
		Listeners: []*listenerv3.Listener{{
			Name: name, ApiListener: &listenerv3.ApiListener{ApiListener: anyOf(t, manager)},
		}},
		Routes: []*routev3.RouteConfiguration{{Name: name, VirtualHosts: []*routev3.VirtualHost{{
			Name: name, Domains: []string{"*"},
			Routes: []*routev3.Route{{
				Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: ""}},
				Action: &routev3.Route_Route{Route: &routev3.RouteAction{
					ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster},
				}},
			}},
		}}}},
		Clusters: []*clusterv3.Cluster{{
			Name:                 cluster,
			ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
			EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: adsSource()},
		}},
		Endpoints: []*endpointv3.ClusterLoadAssignment{assignment},
	}
}

func anyOf(t testing.TB, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// give publishes resources.
func (s *subject) give(r translator.Resources) {
	s.t.Helper()
	snap, err := snapshot.Build(r)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.Publish(s.t.Context(), snap); err != nil {
		s.t.Fatal(err)
	}
}

// dialXDS dials a name as a client without a proxy does.
func (s *subject) dialXDS(name string) healthpb.HealthClient {
	s.t.Helper()
	resolver, err := grpcxds.NewXDSResolverWithConfigForTesting(fmt.Appendf(nil, `{
		"xds_servers": [{
			"server_uri": %q,
			"channel_creds": [{"type": "insecure"}],
			"server_features": ["xds_v3"]
		}],
		"node": {"id": "grpc", "cluster": "clients"}
	}`, s.addr))
	if err != nil {
		s.t.Fatal(err)
	}
	conn, err := grpc.NewClient("xds:///"+name,
		grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return healthpb.NewHealthClient(conn)
}

// answersWith asks until a backend answers in its way. No call may fail: who
// has been served goes on being served.
//
// But for one error, which is the client's own: it picks the new cluster for a
// call a moment before its balancer has it, whatever the server does.
func answersWith(t *testing.T, c healthpb.HealthClient, want healthpb.HealthCheckResponse_ServingStatus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), conformWait)
	defer cancel()
	for {
		r, err := c.Check(ctx, &healthpb.HealthCheckRequest{Service: "which"}, grpc.WaitForReady(true))
		if err != nil && !strings.Contains(err.Error(), "unknown cluster selected for RPC") {
			t.Fatalf("no answer %v: %v", want, err)
		}
		if err == nil && r.GetStatus() == want {
			return
		}
	}
}

// gRPC's own client for Go is stricter than Envoy: it asks for single names of
// listeners and clusters and takes from an answer without one that there is
// none. It follows endpoints, and routes to a new cluster, without an error.
func TestConformProxylessClient(t *testing.T) {
	const serving, other = healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING
	one, two := backend(t, serving), backend(t, other)
	// A client that loses a cluster a millisecond after its routes have left it
	// may not recover. With some time between, it leaves the cluster by itself.
	s := serve(t, patient(time.Second))
	s.give(proxyless(t, "greeter", "first", one))
	c := s.dialXDS("greeter")
	answersWith(t, c, serving)

	s.give(proxyless(t, "greeter", "first", two)) // endpoints alone
	answersWith(t, c, other)
	s.give(proxyless(t, "greeter", "second", one)) // another cluster, and the first is gone
	answersWith(t, c, serving)

	more := proxyless(t, "greeter", "second", one) // an unrelated service
	unrelated := proxyless(t, "unrelated", "third", two)
	more.Listeners = append(more.Listeners, unrelated.Listeners...)
	more.Routes = append(more.Routes, unrelated.Routes...)
	more.Clusters = append(more.Clusters, unrelated.Clusters...)
	more.Endpoints = append(more.Endpoints, unrelated.Endpoints...)
	s.give(more)
	answersWith(t, s.dialXDS("unrelated"), other)
	answersWith(t, c, serving)
	if n := s.count(xds.Refused); n > 0 {
		t.Errorf("the client has refused %d responses", n)
	}
}

// A client may dial a name before there is such a service.
func TestConformProxylessClientWaits(t *testing.T) {
	const serving = healthpb.HealthCheckResponse_SERVING
	port := backend(t, serving)
	s := serve(t, quick())
	c := s.dialXDS("late")
	got := make(chan error, 1)
	go func() {
		r, err := c.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "which"}, grpc.WaitForReady(true))
		if err == nil && r.GetStatus() != serving {
			err = fmt.Errorf("the answer is %v", r.GetStatus())
		}
		got <- err
	}()
	s.await(xds.Opened, 1)
	s.give(worldOf("cds a=1; lds a=1"))
	s.give(proxyless(t, "late", "first", port))
	select {
	case err := <-got:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(conformWait):
		t.Error("no answer")
	}
}
