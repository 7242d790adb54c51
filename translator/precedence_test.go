package translator_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dragoman/model"
)

// The order of one virtual host, as format.md has it: each row comes before the
// next for the reason given.
func TestPrecedence(t *testing.T) {
	regex := func(pattern string) model.Match {
		return model.Match{Path: model.PathMatch{Kind: model.PathRegex, Value: pattern}}
	}
	with := func(m model.Match, methods []string, headers, query int) model.Match {
		m.Methods = methods
		for i := range headers {
			m.Headers = append(m.Headers, model.ValueMatch{Name: string(rune('a' + i)), Kind: model.ValuePresent})
		}
		for i := range query {
			m.Query = append(m.Query, model.ValueMatch{Name: string(rune('a' + i)), Kind: model.ValuePresent})
		}
		return m
	}
	rows := []struct {
		why      string
		service  string
		priority int
		match    model.Match
	}{
		{"priority goes before all else", "z", 2, regex("/.")},
		{"a lower priority, but still one", "z", 1, prefix("/")},
		{"exact before prefix, more conditions first", "z", 0, with(exact("/a"), []string{"GET", "PUT"}, 1, 1)},
		{"methods count as one, like a header", "z", 0, with(exact("/a"), []string{"GET", "PUT"}, 0, 1)},
		{"one condition", "z", 0, with(exact("/a"), []string{"GET"}, 0, 0)},
		{"of equal weight: the service's name", "a", 0, exact("/long/path")},
		{"exact paths have no length to compare", "b", 0, exact("/a")},
		{"the match itself, last of all", "z", 0, exact("/b")},
		{"the match itself, last of all", "z", 0, exact("/c")},
		{"prefix after exact, longer first", "z", 0, prefix("/aa/bb")},
		{"length goes before conditions", "a", 0, with(prefix("/aa"), []string{"GET"}, 3, 2)},
		{"fewer conditions", "a", 0, with(prefix("/bb"), nil, 2, 0)},
		{"header and query weigh the same: service", "b", 0, with(prefix("/aa"), nil, 1, 1)},
		{"no conditions", "a", 0, prefix("/cc")},
		{"no conditions, a later service", "b", 0, prefix("/aa")},
		{"the shortest prefix", "a", 0, prefix("/")},
		{"regex after prefix, longer first", "z", 0, regex("/[a-z]+/x")},
		{"a shorter regex", "a", 0, regex("/[a-z]+")},
		{"a negative priority comes last", "a", -1, with(exact("/a"), nil, 5, 0)},
	}
	random := rand.New(rand.NewPCG(3, 4))
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	var first []byte
	for range 50 {
		shuffle(random, order)
		cfg := config()
		for _, i := range order {
			row := rows[i]
			s := cfg.Services.Get(row.service)
			if s == nil {
				s = service(row.service, nil)
				s.Hosts, s.Listeners = []string{"*"}, []string{"http"}
				cfg.Services = cfg.Services.Put(s)
			}
			s.Routes = append(s.Routes, model.Route{
				Name: string(rune('A' + i)), Priority: row.priority, Match: row.match, Action: &model.Respond{Status: 200},
			})
		}
		resources := translate(t, cfg)
		var want, got []string
		for i := range rows {
			want = append(want, string(rune('A'+i))+" "+rows[i].why)
		}
		for _, r := range resources.Routes[0].GetVirtualHosts()[0].GetRoutes() {
			got = append(got, r.GetName()+" "+rows[r.GetName()[0]-'A'].why)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("the order (-want +got)\n%s", diff)
		}
		if first == nil {
			first = encode(t, resources)
		}
		if !bytes.Equal(first, encode(t, resources)) {
			t.Fatalf("files in the order %v give different bytes", slices.Clone(order))
		}
	}
}
