package xds

import (
	"testing"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"dragoman/snapshot"
)

// A suspect that is tried alone is in the response once, also where it is among
// what has changed.
func TestATrialIsOneChange(t *testing.T) {
	d := newDifferences()
	p := newProgress(resourcev3.ClusterType, true, d.empty)
	p.wildcard = true
	p.suspects = map[string]string{"a": "1", "b": "1"}
	resource := func(name string) *snapshot.Resource {
		return &snapshot.Resource{Name: name, Version: "1", Body: &anypb.Any{}}
	}
	pl := p.plan(goal{set: snapshot.NewSet(resource("a"), resource("b"))}, d)
	if len(pl.changes) != 1 || pl.changes[0].name != "a" || pl.trial != "a" {
		t.Errorf("the plan is %+v, want a alone", pl)
	}
}
