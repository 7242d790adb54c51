package snapshot

import (
	"path"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"dragoman/model"
)

// Groups returns the names of the groups that a node is in, sorted.
func (s *Snapshot) Groups(node *corev3.Node) []string {
	var out []string
	for _, g := range s.groups {
		if slices.ContainsFunc(g.Match, func(m model.NodeMatch) bool { return matches(m, node) }) {
			out = append(out, g.Name)
		}
	}
	return out
}

// matches tells whether all that a line asks for holds of a node.
func matches(m model.NodeMatch, node *corev3.Node) bool {
	return (m.ID == "" || glob(m.ID, node.GetId())) &&
		(m.Cluster == "" || m.Cluster == node.GetCluster()) &&
		holds(m.Metadata, node.GetMetadata())
}

// glob is path.Match without the part that slashes play in paths: the id of a
// node has none. The loader has refused patterns that are none.
func glob(pattern, name string) bool {
	ok, _ := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(name, "/", "\x00"))
	return ok
}

// holds tells whether every key of a line's metadata has the same value in that
// of a node, which may have more.
func holds(want map[string]any, got *structpb.Struct) bool {
	for key, value := range want {
		if !same(value, got.GetFields()[key]) {
			return false
		}
	}
	return true
}

func same(want any, got *structpb.Value) bool {
	switch kind := got.GetKind().(type) {
	case *structpb.Value_StringValue:
		return want == kind.StringValue
	case *structpb.Value_BoolValue:
		return want == kind.BoolValue
	case *structpb.Value_NumberValue: // JSON has one kind of numbers
		if n, ok := want.(int64); ok {
			return float64(n) == kind.NumberValue
		}
		return want == kind.NumberValue
	case *structpb.Value_StructValue:
		nested, ok := want.(map[string]any)
		return ok && holds(nested, kind.StructValue)
	}
	return false
}
