package xds

import (
	"log/slog"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/snapshot"
	"dragoman/translator"
)

// A publication wakes the streams that have asked for a type that is different,
// and no other. Those are told as assigned all the same, and are brought to it
// by whatever wakes them.
func TestAPublicationWakesWhomItConcerns(t *testing.T) {
	assigned := map[uint64]string{}
	var builder snapshot.Builder
	g := newEngine(Options{Observe: func(e Event) {
		if e.Kind == Assigned {
			assigned[e.Stream] = e.Versions[resourcev3.EndpointType]
		}
	}})
	publish := func(c *clusterv3.Cluster, a *endpointv3.ClusterLoadAssignment) *snapshot.Snapshot {
		t.Helper()
		r, err := snapshot.Tables(translator.Resources{Clusters: []*clusterv3.Cluster{c}, Endpoints: []*endpointv3.ClusterLoadAssignment{a}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := builder.Build(r)
		if err != nil {
			t.Fatal(err)
		}
		g.publish(s)
		return s
	}
	c, a := &clusterv3.Cluster{Name: "a"}, &endpointv3.ClusterLoadAssignment{ClusterName: "a"}
	publish(c, a)
	clusters := atRest(t, g, 1, resourcev3.ClusterType)
	endpoints := atRest(t, g, 2, resourcev3.EndpointType)

	s := publish(c, &endpointv3.ClusterLoadAssignment{ClusterName: "a", Policy: &endpointv3.ClusterLoadAssignment_Policy{}})
	if len(clusters.wake) != 0 || len(endpoints.wake) != 1 {
		t.Errorf("an edit of endpoints: %d of 1 stream with clusters woken, %d of 1 with endpoints", len(clusters.wake), len(endpoints.wake))
	}
	if want := s.Versions[resourcev3.EndpointType]; assigned[1] != want || assigned[2] != want {
		t.Errorf("assigned %v, want %s for both", assigned, want)
	}
	if m, _ := endpoints.next(time.Now()); m == nil || m.version != s.Versions[resourcev3.EndpointType] {
		t.Errorf("the next response is %+v, want the new endpoints", m)
	}

	// One that was not woken has the newest when it asks for more.
	if err := clusters.request(request{typeURL: resourcev3.EndpointType, names: []string{"a"}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if m, _ := clusters.next(time.Now()); m == nil || m.version != s.Versions[resourcev3.EndpointType] {
		t.Errorf("the next response is %+v, want the new endpoints", m)
	}
	s = publish(&clusterv3.Cluster{Name: "a", AltStatName: "b"}, a)
	if m, _ := clusters.next(time.Now()); m == nil || m.typeURL != resourcev3.ClusterType || m.version != s.Versions[resourcev3.ClusterType] {
		t.Errorf("the next response is %+v, want the new cluster", m)
	}
}

// atRest is a stream that has acknowledged all there is of a type.
func atRest(t *testing.T, g *engine, number uint64, typeURL string) *stream {
	t.Helper()
	s := &stream{
		engine: g, who: Event{Kind: Opened, Stream: number}, log: slog.New(slog.DiscardHandler),
		wake: make(chan struct{}, 1), turned: make(chan error, 1), types: map[string]*progress{},
	}
	ask := request{node: &corev3.Node{Id: "envoy"}, typeURL: typeURL}
	if err := s.request(ask, time.Now()); err != nil {
		t.Fatal(err)
	}
	m, _ := s.next(time.Now())
	if m == nil {
		t.Fatal("no response to the first request")
	}
	ask.nonce, ask.version = m.nonce, m.version
	if err := s.request(ask, time.Now()); err != nil {
		t.Fatal(err)
	}
	if m, _ := s.next(time.Now()); m != nil {
		t.Fatalf("a second response: %+v", m)
	}
	<-s.wake
	return s
}
