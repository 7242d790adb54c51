package main

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/google/go-cmp/cmp"

	"dragoman/access"
	"dragoman/model"
	"dragoman/snapshot"
	"dragoman/translator"
)

// Rules are asked about the groups that a node would be served for.
func TestAClaimHasTheGroups(t *testing.T) {
	snap, err := snapshot.Build(translator.Resources{Groups: []*model.Group{
		{Name: "edge", Match: []model.NodeMatch{{ID: "edge-*"}}},
		{Name: "mesh", Match: []model.NodeMatch{{ID: "mesh-*"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	node := &corev3.Node{Id: "edge-1", Cluster: "web"}
	for want, snap := range map[*access.Claim]*snapshot.Snapshot{
		{Node: "edge-1", Cluster: "web", Groups: []string{"edge"}}: snap,
		{Node: "edge-1", Cluster: "web", NoGroups: true}:           nil,
	} {
		if diff := cmp.Diff(*want, claim(node, snap)); diff != "" {
			t.Errorf("claim (-want +got):\n%s", diff)
		}
	}
}
