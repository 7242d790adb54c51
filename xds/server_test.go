package xds_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"

	"dragoman/snapshot"
	"dragoman/translator"
	"dragoman/xds"
)

// With so much grace, Run ends soon only because the streams do.
func TestShutdownEndsOpenStreams(t *testing.T) {
	s := runWith(t, 0, xds.Options{ShutdownGrace: patience})
	s.publish(some(t, "a"))
	var open []*client
	for _, delta := range []bool{false, true} {
		x := dialADS(t, s.conn, delta)
		x.ask(resourcev3.ClusterType)
		x.take(x.want(resourcev3.ClusterType, "a"))
		open = append(open, x)
	}
	watch, err := healthpb.NewHealthClient(s.conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	if took := s.stop(); took > time.Second {
		t.Errorf("Run took %v to end with open streams, want less than 1 s", took)
	}
	for _, x := range open {
		if got := x.end(); got.Code() != codes.Unavailable {
			t.Errorf("a stream ended with %v, want Unavailable", got)
		}
	}
}

// A stream that does not listen is cut off after the grace. Reflection is one.
func TestShutdownIsBounded(t *testing.T) {
	s := run(t)
	reflect(t, s)
	if took := s.stop(); took > time.Second {
		t.Errorf("Run took %v to end, want less than 1 s", took)
	}
}

func TestStreamsAreLogged(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			snap := s.publish(some(t, "a"))
			method, protocol := "/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters", "sotw"
			if delta {
				method, protocol = "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters", "delta"
			}
			x := dial(t, s.conn, method, delta)
			x.ask("") // the service implies the type
			x.want(resourcev3.ClusterType, "a")
			x.names[resourcev3.ClusterType] = nil
			x.take(reply{typeURL: resourcev3.ClusterType, nonce: "1", version: snap.Versions[resourcev3.ClusterType]})
			accepted := s.log.wait(t, "accepted", 1)[0]
			x.ask("made.up")
			x.end()

			opened, closed := s.log.wait(t, "stream opened", 1)[0], s.log.wait(t, "stream closed", 1)[0]
			peer, _ := opened["peer"].(string)
			if !strings.HasPrefix(peer, "127.0.0.1:") {
				t.Errorf("the peer is %q, want a loopback address", peer)
			}
			want := func(level, msg string, more map[string]any) map[string]any {
				e := map[string]any{
					"level": level, "msg": msg, "protocol": protocol, "service": resourcev3.ClusterType,
					"peer": peer, "node": "test-id", "cluster": "test-cluster",
				}
				maps.Copy(e, more)
				return e
			}
			if diff := cmp.Diff(want("INFO", "stream opened", nil), opened); diff != "" {
				t.Errorf("opened (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want("DEBUG", "accepted", map[string]any{
				"type": resourcev3.ClusterType, "version": snap.Versions[resourcev3.ClusterType],
			}), accepted); diff != "" {
				t.Errorf("accepted (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want("INFO", "stream closed", map[string]any{
				"error": `rpc error: code = InvalidArgument desc = this stream has resources of type ` +
					resourcev3.ClusterType + ` alone, not "made.up"`,
			}), closed); diff != "" {
				t.Errorf("closed (-want +got):\n%s", diff)
			}
		})
	}
}

// What a client says must not fill the log.
func TestLongWordsAreClipped(t *testing.T) {
	s := run(t)
	s.publish(some(t, "a"))
	x := dialADS(t, s.conn, false)
	x.node.Id = strings.Repeat("é", 1000)
	x.ask(resourcev3.ClusterType)
	x.refuse(x.next(), strings.Repeat("é", 10_000))
	id, _ := s.log.wait(t, "stream opened", 1)[0]["node"].(string)
	words, _ := s.log.wait(t, "refused", 1)[0]["error"].(string)
	if len(id) > 260 || len(words) > 4100 {
		t.Errorf("a node of %d and words of %d bytes are in the log", len(id), len(words))
	}
}

func TestHealthFollowsTheFirstSnapshot(t *testing.T) {
	s := run(t)
	check := func() healthpb.HealthCheckResponse_ServingStatus {
		r, err := healthpb.NewHealthClient(s.conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return r.GetStatus()
	}
	if got := check(); got != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("before a snapshot: %v", got)
	}
	s.publish(translator.Resources{})
	if got := check(); got != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("with a snapshot: %v", got)
	}
}

// reflect returns the names of the services, and leaves the stream open.
func reflect(t *testing.T, s *running) []string {
	t.Helper()
	stream, err := reflectionpb.NewServerReflectionClient(s.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = stream.Send(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range r.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names
}

func TestReflectionNamesTheServices(t *testing.T) {
	got := reflect(t, run(t))
	for _, want := range []string{
		"envoy.service.discovery.v3.AggregatedDiscoveryService",
		"envoy.service.route.v3.VirtualHostDiscoveryService",
		"grpc.health.v1.Health",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("the services are %q, want %s among them", got, want)
		}
	}
}

// A delta stream begins with all that an Envoy has. What it has is not sent
// again, and there may be much of it.
func TestReconnectWithALongList(t *testing.T) {
	s := run(t)
	s.publish(some(t, "a", "b"))
	x := dialADS(t, s.conn, true)
	x.ask(resourcev3.ClusterType)
	has := x.want(resourcev3.ClusterType, "a", "b").versions
	has["b"] = "another version"
	for i := range 20_000 {
		has[fmt.Sprintf("%01000d", i)] = "1"
	}
	x = dialADS(t, s.conn, true)
	x.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: resourcev3.ClusterType, InitialResourceVersions: has}) // 20 MB
	x.take(x.want(resourcev3.ClusterType, "b"))
	r := x.want(resourcev3.ClusterType) // what it has beyond goes after the rest is there
	if len(r.removed) != len(has)-2 {
		t.Errorf("%d resources are removed, want %d", len(r.removed), len(has)-2)
	}
}

func TestPublishRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		ctx  func(context.Context) context.Context
		snap *snapshot.Snapshot
		want string
	}{
		{
			"a type without a version",
			func(ctx context.Context) context.Context { return ctx },
			&snapshot.Snapshot{},
			"publishing: no version for " + resourcev3.ClusterType,
		},
		{
			"an ended context",
			func(ctx context.Context) context.Context {
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				return ctx
			},
			&snapshot.Snapshot{},
			"publishing: context canceled",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := xds.New(xds.Options{}).Publish(c.ctx(t.Context()), c.snap); err == nil || err.Error() != c.want {
				t.Errorf("Publish: %v, want %s", err, c.want)
			}
		})
	}
}
