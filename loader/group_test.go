package loader_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dragoman/diag"
	"dragoman/loader"
	"dragoman/model"
)

func TestGroupsBecomeTheModels(t *testing.T) {
	res := apply(loader.New(loader.Options{}), map[string]string{
		"groups": `{group: edge, match: [{id: "edge-*", cluster: edge}, {metadata: {region: eu, rack: 7, load: 0.5, place: {canary: true}}}]}`,
		"mesh":   `{group: mesh, match: [{id: '\[*'}]}`,
		"l":      "{listener: l, port: 80, groups: [mesh, edge]}",
		"m":      "{listener: m, port: 81}",
	})
	if len(res.Problems) > 0 {
		t.Fatal(res.Problems)
	}
	want := map[string]*model.Group{
		"edge": {Name: "edge", Origin: model.Origin{File: "groups", Line: 1, Col: 9}, Match: []model.NodeMatch{
			{ID: "edge-*", Cluster: "edge"},
			{Metadata: map[string]any{"region": "eu", "rack": int64(7), "load": 0.5, "place": map[string]any{"canary": true}}},
		}},
		"mesh": {Name: "mesh", Origin: model.Origin{File: "mesh", Line: 1, Col: 9}, Match: []model.NodeMatch{{ID: `\[*`}}},
	}
	if diff := cmp.Diff(want, res.Config.Groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if got := res.Config.Listeners["l"].Groups; !slices.Equal(got, []string{"edge", "mesh"}) {
		t.Errorf("the listener is for %v, want edge and mesh, sorted", got)
	}
	if got := res.Config.Listeners["m"].Groups; got != nil {
		t.Errorf("a listener for every Envoy is for %v", got)
	}
}

// A group that something is wrong with goes on as it was, and so does what is
// for it: a listener must not be everybody's because its group is gone.
func TestGroupsKeepTheirLastGoodContent(t *testing.T) {
	const group, other = "group: edge\nmatch: [{id: edge}]\n", "group: edge\nmatch: [{id: other}]\n"
	const listener = "listener: l\nport: 80\ngroups: [edge]\n"
	for _, c := range []struct {
		name   string
		change map[string]string
		id     string // of the group afterwards
		held   []string
		codes  []diag.Code
	}{
		{"an edit", map[string]string{"group": other}, "other", nil, nil},
		{"a broken edit", map[string]string{"group": "group: edge\nmatch: []\n"}, "edge", []string{"group"}, []diag.Code{diag.EmptyValue}},
		{"it goes while a listener needs it", map[string]string{"group": ""}, "edge", []string{"group"}, []diag.Code{diag.StillUsed}},
		{"it is renamed while a listener needs it", map[string]string{"group": "group: e\nmatch: [{id: edge}]\n"}, "edge", []string{"group"}, []diag.Code{diag.StillUsed}},
		{"it goes together with what needs it", map[string]string{"group": "", "listener": "listener: l\nport: 80\n"}, "", nil, nil},
		{"a listener asks for another", map[string]string{"listener": "listener: l\nport: 80\ngroups: [egde]\n"}, "edge", []string{"listener"}, []diag.Code{diag.UnknownName}},
		{"another of its name", map[string]string{"a": other}, "edge", []string{"a"}, []diag.Code{diag.DuplicateName}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := loader.New(loader.Options{})
			if res := apply(l, map[string]string{"group": group, "listener": listener}); len(res.Problems) > 0 {
				t.Fatal(res.Problems)
			}
			res := apply(l, c.change)
			id := ""
			if g := res.Config.Groups["edge"]; g != nil {
				id = g.Match[0].ID
			}
			var codes []diag.Code
			for _, p := range res.Problems {
				codes = append(codes, p.Code)
			}
			if id != c.id || !slices.Equal(res.Held, c.held) || !slices.Equal(codes, c.codes) {
				t.Errorf("the group has the id %q, held %v for %v, want %q, %v for %v", id, res.Held, codes, c.id, c.held, c.codes)
			}
			if groups := res.Config.Listeners["l"].Groups; (len(groups) == 1) != (c.id != "") {
				t.Errorf("the listener is for %v", groups)
			}
		})
	}
}

// Of several listeners with one port the incumbent stays, whoever meets whom.
func TestOnePortInGroups(t *testing.T) {
	l := loader.New(loader.Options{})
	groups := "group: a\nmatch: [{id: a}]\n---\ngroup: b\nmatch: [{id: b}]\n---\ngroup: c\nmatch: [{id: c}]\n"
	res := apply(l, map[string]string{
		"groups": groups,
		"m":      "listener: m\nport: 80\ngroups: [a]\n",
		"n":      "listener: n\nport: 80\ngroups: [b]\n",
	})
	if len(res.Problems) > 0 {
		t.Fatal(res.Problems)
	}
	res = apply(l, map[string]string{
		"before": "listener: before\nport: 80\ngroups: [a, b]\n",
		"o":      "listener: o\nport: 80\ngroups: [c]\n",
		"x":      "listener: x\nport: 80\n",
	})
	if want := []string{"before", "x"}; !slices.Equal(res.Held, want) {
		t.Errorf("held %v, want %v: %v", res.Held, want, res.Problems)
	}
	for _, name := range []string{"m", "n", "o"} {
		if res.Config.Listeners[name] == nil {
			t.Errorf("the listener %s is gone", name)
		}
	}
}
