package xds_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"dragoman/snapshot"
	"dragoman/translator"
	"dragoman/xds"
)

// running is a server that ends with its test, and what it logs.
type running struct {
	*xds.Server

	t    *testing.T
	conn *grpc.ClientConn
	port int
	log  *journal
	stop func() time.Duration // ends the server and tells how long it took
}

func run(t *testing.T) *running {
	t.Helper()
	return runWith(t, 0, xds.Options{})
}

func runWith(t *testing.T, port int, o xds.Options) *running {
	t.Helper()
	ls, err := xds.Listen(t.Context(), fmt.Sprint("localhost:", port))
	if err != nil {
		t.Fatal(err)
	}
	if o.Linger == 0 {
		o.Linger = -1 // what is gone goes at once
	}
	log := new(journal)
	r := &running{t: t, log: log, port: ls[0].Addr().(*net.TCPAddr).Port}
	o.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.Server = xds.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, ls) }()
	r.stop = sync.OnceValue(func() time.Duration {
		start := time.Now()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		return time.Since(start)
	})
	t.Cleanup(func() { r.stop() })
	r.conn = r.connect(insecure.NewCredentials())
	return r
}

// connect returns a client's connection, which ends with the test.
func (r *running) connect(creds credentials.TransportCredentials) *grpc.ClientConn {
	r.t.Helper()
	conn, err := grpc.NewClient(fmt.Sprint("127.0.0.1:", r.port),
		grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return conn
}

// publish publishes resources and returns the snapshot.
func (r *running) publish(res translator.Resources) *snapshot.Snapshot {
	r.t.Helper()
	s, err := snapshot.Build(res)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.Publish(r.t.Context(), s); err != nil {
		r.t.Fatal(err)
	}
	return s
}

// journal is what a server logs, as JSON.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// entries returns the records with a message, without their times and ages.
func (j *journal) entries(t *testing.T, msg string) []map[string]any {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []map[string]any
	for line := range strings.Lines(j.text.String()) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e["msg"] == msg {
			delete(e, "time")
			delete(e, "age")
			out = append(out, e)
		}
	}
	return out
}

// wait returns the records with a message once there are n.
func (j *journal) wait(t *testing.T, msg string, n int) []map[string]any {
	t.Helper()
	deadline := time.Now().Add(patience)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		if all := j.entries(t, msg); len(all) >= n {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d records %q in the log, want %d", len(j.entries(t, msg)), msg, n)
		}
		<-ticker.C
	}
}

// some is a small configuration: clusters and their endpoints, a listener with
// its routes, no runtime.
func some(t testing.TB, clusters ...string) translator.Resources {
	t.Helper()
	r := translator.Resources{
		Listeners: []*listenerv3.Listener{listener(t, "http", 0)},
		Routes:    []*routev3.RouteConfiguration{responds("http", "hello")},
	}
	for _, name := range clusters {
		r.Clusters = append(r.Clusters, cluster(name, 5*time.Second))
		r.Endpoints = append(r.Endpoints, &endpointv3.ClusterLoadAssignment{ClusterName: name})
	}
	return r
}

func cluster(name string, connect time.Duration) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:       durationpb.New(connect),
		LoadAssignment:       &endpointv3.ClusterLoadAssignment{ClusterName: name},
	}
}

// responds is a route configuration that answers every request with a body.
func responds(name, body string) *routev3.RouteConfiguration {
	return &routev3.RouteConfiguration{Name: name, VirtualHosts: []*routev3.VirtualHost{{
		Name:    "all",
		Domains: []string{"*"},
		Routes: []*routev3.Route{{
			Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
			Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{
				Status: 200, Body: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: body}},
			}},
		}},
	}}}
}

// listener is one on a loopback port whose routes are those of its name.
func listener(t testing.TB, name string, port uint32) *listenerv3.Listener {
	t.Helper()
	manager := &hcmv3.HttpConnectionManager{
		StatPrefix: name,
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{
			RouteConfigName: name,
			ConfigSource: &corev3.ConfigSource{
				ResourceApiVersion:    corev3.ApiVersion_V3,
				ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
			},
		}},
		HttpFilters: []*hcmv3.HttpFilter{{
			Name:       "envoy.filters.http.router",
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(t, &routerv3.Router{})},
		}},
	}
	return &listenerv3.Listener{
		Name: name,
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
		}}},
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name:       "envoy.filters.network.http_connection_manager",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(t, manager)},
		}}}},
	}
}

func layer(t *testing.T, name string, values map[string]any) *runtimev3.Runtime {
	t.Helper()
	s, err := structpb.NewStruct(values)
	if err != nil {
		t.Fatal(err)
	}
	return &runtimev3.Runtime{Name: name, Layer: s}
}

func pack(t testing.TB, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
