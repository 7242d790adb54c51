package xds

import (
	"context"
	"io"
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/anypb"

	"dragoman/snapshot"
)

// sink keeps what a stream is sent.
type sink struct{ got any }

func (s *sink) Context() context.Context { return context.Background() }

func (s *sink) Recv() (*discoveryv3.DeltaDiscoveryRequest, error) { return nil, io.EOF }

func (s *sink) SendMsg(m any) error {
	s.got = m
	return nil
}

// older is one of the state of the world.
type older struct{ *sink }

func (o older) Recv() (*discoveryv3.DiscoveryRequest, error) { return nil, io.EOF }

func two() []*snapshot.Resource {
	return []*snapshot.Resource{
		snapshot.NewResource(resourcev3.ClusterType, "a", "1", []byte("\n\x01a")),
		snapshot.NewResource(resourcev3.ClusterType, "b", "2", []byte("\n\x01b")),
	}
}

// What is sent are the messages of the protocol, and the bytes of a resource
// are those that all streams have: none is copied for one of them.
func TestResponsesShareTheirBytes(t *testing.T) {
	all := two()
	m := message{typeURL: resourcev3.ClusterType, version: "v", nonce: "1", resources: all, gone: []string{"c", "d"}}
	var s sink
	if err := (deltaWire{&s}).send(m); err != nil {
		t.Fatal(err)
	}
	var delta discoveryv3.DeltaDiscoveryResponse
	parts := through(t, s.got, &delta)
	want := &discoveryv3.DeltaDiscoveryResponse{
		TypeUrl: resourcev3.ClusterType, SystemVersionInfo: "v", Nonce: "1", RemovedResources: []string{"c", "d"},
		Resources: []*discoveryv3.Resource{{Name: "a", Version: "1", Resource: all[0].Body}, {Name: "b", Version: "2", Resource: all[1].Body}},
	}
	if diff := cmp.Diff(want, &delta, protocmp.Transform()); diff != "" {
		t.Errorf("delta (-want +got):\n%s", diff)
	}
	if len(parts) != 3 || &parts[1].ReadOnlyData()[0] != &all[0].Delta()[0] {
		t.Errorf("%d parts, or a copy of a resource, want 3 without", len(parts))
	}

	w := sotwWire{older{&s}, new(wholes)}
	if err := w.send(m); err != nil {
		t.Fatal(err)
	}
	var sotw discoveryv3.DiscoveryResponse
	parts = through(t, s.got, &sotw)
	wanted := &discoveryv3.DiscoveryResponse{
		TypeUrl: resourcev3.ClusterType, VersionInfo: "v", Nonce: "1", Resources: []*anypb.Any{all[0].Body, all[1].Body},
	}
	if diff := cmp.Diff(wanted, &sotw, protocmp.Transform()); diff != "" {
		t.Errorf("state of the world (-want +got):\n%s", diff)
	}
	if len(parts) != 3 || &parts[2].ReadOnlyData()[0] != &all[1].SotW()[0] {
		t.Errorf("%d parts, or a copy of a resource, want 3 without", len(parts))
	}
}

// All of a set is put together once for all streams, without what is on demand.
func TestWholeSetsAreShared(t *testing.T) {
	all := two()
	all[0].OnDemand = true
	set, w := snapshot.NewSet(all...), new(wholes)
	first := w.of(set)
	if diff := cmp.Diff(all[1].SotW(), first.ReadOnlyData()); diff != "" {
		t.Errorf("the set is (-want +got):\n%s", diff)
	}
	var s sink
	if err := (sotwWire{older{&s}, w}).send(message{all: set}); err != nil {
		t.Fatal(err)
	}
	if parts := through(t, s.got, new(discoveryv3.DiscoveryResponse)); &parts[1].ReadOnlyData()[0] != &first[0] {
		t.Error("a second stream has a set of its own")
	}
	if w.forget(); len(w.known) != 0 {
		t.Error("it is remembered for ever")
	}
}

// through is what the server's codec makes of a message, and what a client does.
func through(t *testing.T, sent, into any) mem.BufferSlice {
	t.Helper()
	parts, err := newCodec().Marshal(sent)
	if err == nil {
		err = newCodec().Unmarshal(parts, into)
	}
	if err != nil {
		t.Fatal(err)
	}
	return parts
}
