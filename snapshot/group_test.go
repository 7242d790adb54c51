package snapshot_test

import (
	"slices"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"dragoman/model"
	"dragoman/translator"
)

func TestGroupsOfANode(t *testing.T) {
	metadata := func(m map[string]any) *structpb.Struct {
		s, err := structpb.NewStruct(m)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	node := &corev3.Node{
		Id: "edge/eu-1", Cluster: "edge",
		Metadata: metadata(map[string]any{
			"region": "eu", "rank": 3, "load": 0.5, "canary": true, "more": []any{"x"}, "empty": nil,
			"place": map[string]any{"rack": 7, "row": "b"},
		}),
	}
	for _, c := range []struct {
		name string
		line model.NodeMatch
		want bool
	}{
		{"an id", model.NodeMatch{ID: "edge/eu-1"}, true},
		{"another id", model.NodeMatch{ID: "edge/eu"}, false},
		{"a star, over a slash too", model.NodeMatch{ID: "edge*1"}, true},
		{"a star for nothing", model.NodeMatch{ID: "edge/eu-1*"}, true},
		{"a question mark", model.NodeMatch{ID: "edge?eu-?"}, true},
		{"a question mark is one character", model.NodeMatch{ID: "edge/eu-1?"}, false},
		{"a class", model.NodeMatch{ID: "edge/[a-f]u-[^2-9]"}, true},
		{"case counts", model.NodeMatch{ID: "Edge/*"}, false},
		{"a cluster", model.NodeMatch{Cluster: "edge"}, true},
		{"a cluster is no pattern", model.NodeMatch{Cluster: "ed*"}, false},
		{"both", model.NodeMatch{ID: "edge/*", Cluster: "edge"}, true},
		{"the id alone", model.NodeMatch{ID: "edge/*", Cluster: "web"}, false},
		{"the cluster alone", model.NodeMatch{ID: "web-*", Cluster: "edge"}, false},
		{"a text", model.NodeMatch{Metadata: map[string]any{"region": "eu"}}, true},
		{"another text", model.NodeMatch{Metadata: map[string]any{"region": "us"}}, false},
		{"a number for a text", model.NodeMatch{Metadata: map[string]any{"region": int64(3)}}, false},
		{"a whole number", model.NodeMatch{Metadata: map[string]any{"rank": int64(3)}}, true},
		{"a whole number as another form", model.NodeMatch{Metadata: map[string]any{"rank": 3.0}}, true},
		{"another whole number", model.NodeMatch{Metadata: map[string]any{"rank": int64(4)}}, false},
		{"a text for a number", model.NodeMatch{Metadata: map[string]any{"rank": "3"}}, false},
		{"a number", model.NodeMatch{Metadata: map[string]any{"load": 0.5}}, true},
		{"a truth", model.NodeMatch{Metadata: map[string]any{"canary": true}}, true},
		{"another truth", model.NodeMatch{Metadata: map[string]any{"canary": false}}, false},
		{"a text for a truth", model.NodeMatch{Metadata: map[string]any{"canary": "true"}}, false},
		{"a key that is not there", model.NodeMatch{Metadata: map[string]any{"zone": "a"}}, false},
		{"all keys count", model.NodeMatch{Metadata: map[string]any{"region": "eu", "zone": "a"}}, false},
		{"a nested key, beside others", model.NodeMatch{Metadata: map[string]any{"place": map[string]any{"rack": int64(7)}}}, true},
		{"another nested key", model.NodeMatch{Metadata: map[string]any{"place": map[string]any{"rack": int64(8)}}}, false},
		{"a mapping for a text", model.NodeMatch{Metadata: map[string]any{"region": map[string]any{"eu": true}}}, false},
		{"a text for a mapping", model.NodeMatch{Metadata: map[string]any{"place": "b"}}, false},
		{"what is a list", model.NodeMatch{Metadata: map[string]any{"more": "x"}}, false},
		{"what is null", model.NodeMatch{Metadata: map[string]any{"empty": ""}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			other := model.NodeMatch{ID: "nobody"}
			s := build(t, translator.Resources{Groups: []*model.Group{
				{Name: "asked", Match: []model.NodeMatch{other, c.line}},
				{Name: "other", Match: []model.NodeMatch{other}},
			}})
			if got := s.Groups(node); slices.Contains(got, "asked") != c.want || slices.Contains(got, "other") {
				t.Errorf("Groups = %v, want asked in it: %t", got, c.want)
			}
			if got := s.Groups(nil); got != nil {
				t.Errorf("a node that says nothing is in %v", got)
			}
		})
	}
}
