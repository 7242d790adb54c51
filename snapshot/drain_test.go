package snapshot_test

import (
	"slices"
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"dragoman/snapshot"
	"dragoman/translator"
)

func TestDrained(t *testing.T) {
	build := func(listeners ...*listenerv3.Listener) *snapshot.Snapshot {
		t.Helper()
		s, err := snapshot.Build(translator.Resources{Listeners: listeners})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	same, old := &listenerv3.Listener{Name: "same"}, &listenerv3.Listener{Name: "changed"}
	grpc := &listenerv3.Listener{Name: "grpc", ApiListener: &listenerv3.ApiListener{}}
	before := build(same, old, &listenerv3.Listener{Name: "gone"}, grpc)
	after := build(same, &listenerv3.Listener{Name: "changed", StatPrefix: "new"}, &listenerv3.Listener{Name: "added"})
	if got, want := before.Drained(after), []string{"changed", "gone"}; !slices.Equal(got, want) {
		t.Errorf("drained are %q, want %q", got, want)
	}
	if got := before.Drained(before); len(got) > 0 {
		t.Errorf("without a change %q are drained", got)
	}
}
