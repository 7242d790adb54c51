package csds_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	statusv3 "github.com/envoyproxy/go-control-plane/envoy/service/status/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/testing/protocmp"

	"dragoman/csds"
	"dragoman/fleet"
)

var noon = time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC)

// some are an Envoy in each state, and one that has left.
func some() *csds.Server {
	mark := func(v string) fleet.Mark { return fleet.Mark{Version: v, At: noon} }
	envoy := func(id string, stream uint64, types ...fleet.Type) fleet.Node {
		return fleet.Node{ID: id, Cluster: "edge", Peer: "10.0.0.1:1", Connected: true, Streams: []fleet.StreamState{{Stream: fleet.Stream{ID: stream}, Types: types}}}
	}
	return csds.New(csds.Options{
		Fleet: func() fleet.Snapshot {
			return fleet.Snapshot{Nodes: []fleet.Node{
				envoy("edge-1", 1, fleet.Type{URL: resource.ClusterType, InSync: true, Offered: mark("v1"), Accepted: mark("v1")}),
				envoy("edge-2", 2,
					fleet.Type{URL: resource.ClusterType, Offered: mark("v2"), Accepted: mark("v1"), Refused: mark("v2"), Words: "Error adding/updating cluster(s) cart: no"},
					fleet.Type{URL: resource.ListenerType, Offered: mark("v2"), Accepted: mark("v1")},
					fleet.Type{URL: resource.RouteType}),
				{ID: "edge-3", Cluster: "edge"},
			}}
		},
		Refusals: func() []csds.Refusal {
			return []csds.Refusal{
				{Stream: 2, Type: resource.ClusterType, Name: "cart", Words: "no"},
				{Stream: 2, Type: resource.ListenerType, Words: "nobody knows which"},
				{Stream: 9, Type: resource.ClusterType, Name: "shop", Words: "no"},
			}
		},
	})
}

// serve serves it, and returns a client.
func serve(t *testing.T) statusv3.ClientStatusDiscoveryServiceClient {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	some().Register(srv)
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		srv.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return statusv3.NewClientStatusDiscoveryServiceClient(conn)
}

func byID(m *matcherv3.StringMatcher) *statusv3.ClientStatusRequest {
	return &statusv3.ClientStatusRequest{NodeMatchers: []*matcherv3.NodeMatcher{{NodeId: m}}}
}

func exact(id string) *matcherv3.StringMatcher {
	return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: id}}
}

// What is told of an Envoy, by a stream, twice.
func TestStream(t *testing.T) {
	stream, err := serve(t).StreamClientStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := new(statusv3.ClientStatusResponse)
	if err := prototext.Unmarshal([]byte(`config {
		node { id: "edge-2" cluster: "edge" } client_scope: "10.0.0.1:1"
		generic_xds_configs {
			type_url: "`+resource.ClusterType+`" version_info: "v1" client_status: NACKED config_status: ERROR last_updated { seconds: 1779019200 }
			error_state { details: "Error adding/updating cluster(s) cart: no" version_info: "v2" last_update_attempt { seconds: 1779019200 } }
		}
		generic_xds_configs {
			type_url: "`+resource.ClusterType+`" name: "cart" client_status: NACKED config_status: ERROR
			error_state { details: "no" version_info: "v2" last_update_attempt { seconds: 1779019200 } }
		}
		generic_xds_configs { type_url: "`+resource.ListenerType+`" version_info: "v1" client_status: ACKED config_status: STALE last_updated { seconds: 1779019200 } }
		generic_xds_configs { type_url: "`+resource.RouteType+`" client_status: REQUESTED config_status: NOT_SENT }
	}`), want); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := stream.Send(byID(exact("edge-2"))); err != nil {
			t.Fatal(err)
		}
		got, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if r, err := stream.Recv(); err == nil {
		t.Errorf("after its end the stream says %v", r)
	}
}

func TestMatchers(t *testing.T) {
	client := serve(t)
	with := func(change func(*matcherv3.StringMatcher)) *statusv3.ClientStatusRequest {
		m := new(matcherv3.StringMatcher)
		change(m)
		return byID(m)
	}
	regex := func(text string) *statusv3.ClientStatusRequest {
		return with(func(m *matcherv3.StringMatcher) {
			m.MatchPattern = &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: text}}
		})
	}
	either := byID(exact("edge-1"))
	either.NodeMatchers = append(either.NodeMatchers, byID(exact("edge-2")).GetNodeMatchers()...)
	metadata := byID(exact("edge-1"))
	metadata.NodeMatchers[0].NodeMetadatas = []*matcherv3.StructMatcher{{}}
	caseless := exact("EDGE-1")
	caseless.IgnoreCase = true
	for name, tt := range map[string]struct {
		request *statusv3.ClientStatusRequest
		want    string
		code    codes.Code
	}{
		"all":        {new(statusv3.ClientStatusRequest), "edge-1 edge-2", codes.OK},
		"exact":      {byID(exact("edge-1")), "edge-1", codes.OK},
		"other case": {byID(exact("EDGE-1")), "", codes.OK},
		"any case":   {byID(caseless), "edge-1", codes.OK},
		"nobody":     {byID(exact("edge-3")), "", codes.OK}, // who has left
		"either":     {either, "edge-1 edge-2", codes.OK},
		"prefix":     {with(func(m *matcherv3.StringMatcher) { m.MatchPattern = &matcherv3.StringMatcher_Prefix{Prefix: "edge"} }), "edge-1 edge-2", codes.OK},
		"suffix":     {with(func(m *matcherv3.StringMatcher) { m.MatchPattern = &matcherv3.StringMatcher_Suffix{Suffix: "-2"} }), "edge-2", codes.OK},
		"contains": {with(func(m *matcherv3.StringMatcher) {
			m.MatchPattern = &matcherv3.StringMatcher_Contains{Contains: "ge-1"}
		}), "edge-1", codes.OK},
		"regex":         {regex("edge-[2-9]"), "edge-2", codes.OK},
		"part of it":    {regex("edge"), "", codes.OK},
		"bad regex":     {regex("("), "", codes.InvalidArgument},
		"endless regex": {regex(strings.Repeat("a", 2000)), "", codes.InvalidArgument},
		"no pattern":    {with(func(*matcherv3.StringMatcher) {}), "", codes.InvalidArgument},
		"no id":         {byID(nil), "", codes.InvalidArgument},
		"metadata":      {metadata, "", codes.Unimplemented},
		"custom":        {with(func(m *matcherv3.StringMatcher) { m.MatchPattern = &matcherv3.StringMatcher_Custom{} }), "", codes.Unimplemented},
	} {
		got, err := client.FetchClientStatus(t.Context(), tt.request)
		var ids []string
		for _, c := range got.GetConfig() {
			ids = append(ids, c.GetNode().GetId())
		}
		if text := strings.Join(ids, " "); text != tt.want || status.Code(err) != tt.code {
			t.Errorf("%s: %q, %v; want %q, %v", name, text, err, tt.want, tt.code)
		}
	}
}

// Names of Envoys are for who is on this machine or has a certificate.
func TestWhoMayAsk(t *testing.T) {
	t.Parallel()
	remote := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}
	tlsOf := func(chains [][]*x509.Certificate) credentials.TLSInfo {
		return credentials.TLSInfo{State: tls.ConnectionState{VerifiedChains: chains}}
	}
	for name, tt := range map[string]struct {
		peer *peer.Peer
		want codes.Code
	}{
		"loopback":            {&peer.Peer{Addr: &net.TCPAddr{IP: net.IPv6loopback}}, codes.OK},
		"remote":              {&peer.Peer{Addr: remote}, codes.PermissionDenied},
		"remote by TLS":       {&peer.Peer{Addr: remote, AuthInfo: tlsOf(nil)}, codes.PermissionDenied},
		"with a certificate":  {&peer.Peer{Addr: remote, AuthInfo: tlsOf([][]*x509.Certificate{{{}}})}, codes.OK},
		"nobody knows who":    {nil, codes.PermissionDenied},
		"an odd kind of peer": {&peer.Peer{Addr: &net.UnixAddr{Name: "x"}}, codes.PermissionDenied},
	} {
		ctx := context.Context(t.Context())
		if tt.peer != nil {
			ctx = peer.NewContext(ctx, tt.peer)
		}
		if _, err := some().FetchClientStatus(ctx, &statusv3.ClientStatusRequest{Node: &corev3.Node{Id: "me"}}); status.Code(err) != tt.want {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}
