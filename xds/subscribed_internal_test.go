package xds

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"dragoman/snapshot"
)

// Names are the same set, however much of it is shared, and whatever sets the
// stream is brought to.
func TestNamesAreASet(t *testing.T) {
	shared, unshared := 0, 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var got subscribed
		want, d := map[string]bool{}, newDifferences()
		universe := 20 + r.IntN(200)
		now := setOf(r, universe, 10)
		for range 60 {
			switch r.IntN(4) {
			case 0:
				name := fmt.Sprint(r.IntN(universe))
				got.add(name)
				want[name] = true
			case 1:
				for range 1 + r.IntN(universe/2) {
					name := fmt.Sprint(r.IntN(universe))
					got.remove(name)
					delete(want, name)
				}
			case 2:
				for r := range now.All() {
					got.add(r.Name)
					want[r.Name] = true
				}
			case 3:
				next := setOf(r, universe, 1+r.IntN(20))
				from := now
				if r.IntN(3) == 0 {
					from = d.empty
				}
				had := got.base != nil
				got.follow(from, next, d.between(from, next))
				now = next
				switch {
				case had && got.base == nil:
					unshared++
				case got.base != nil:
					shared++
					if got.base != next {
						t.Fatal("an old set is held")
					}
				}
			}
			all := slices.Sorted(got.all())
			if !slices.Equal(all, slices.Sorted(maps.Keys(want))) || got.len() != len(want) {
				t.Fatalf("seed %d: %d names %q, want %q", seed, got.len(), all, slices.Sorted(maps.Keys(want)))
			}
			for i := range universe {
				if name := fmt.Sprint(i); got.has(name) != want[name] {
					t.Fatalf("seed %d: has %s is %t", seed, name, got.has(name))
				}
			}
		}
	}
	if shared < 500 || unshared < 5 {
		t.Errorf("shared %d times, and %d times no more, which tells little", shared, unshared)
	}
}

// setOf is a set of most of the names, one in so many left out.
func setOf(r *rand.Rand, universe, out int) *snapshot.Set {
	var all []*snapshot.Resource
	for i := range universe {
		if r.IntN(out+1) > 0 {
			all = append(all, &snapshot.Resource{Name: fmt.Sprint(i), Version: fmt.Sprint(r.IntN(2))})
		}
	}
	return snapshot.NewSet(all...)
}

// An Envoy that has asked for all there is by name has no entry for any of it,
// neither at first nor after something has come or gone.
func TestAllByNameIsShared(t *testing.T) {
	var all []*snapshot.Resource
	var asked subscribed
	for i := range 1000 {
		r := &snapshot.Resource{Name: fmt.Sprint(i), Version: "1"}
		all = append(all, r)
		asked.add(r.Name)
	}
	first, second := snapshot.NewSet(all[1:]...), snapshot.NewSet(all[:999]...)
	d := newDifferences()
	asked.follow(d.empty, first, d.between(d.empty, first))
	asked.follow(first, second, d.between(first, second))
	if len(asked.more)+len(asked.less) != 1 || asked.base != second || asked.len() != 1000 {
		t.Errorf("%d and %d entries for %d names, want one", len(asked.more), len(asked.less), asked.len())
	}
}

func TestAListIsTheSame(t *testing.T) {
	var l list
	for i, c := range []struct {
		names []string
		want  bool
	}{
		{nil, false},
		{nil, true},
		{[]string{"a", "b"}, false},
		{[]string{"a", "b"}, true},
		{[]string{"ab", ""}, false},
		{[]string{"b", "a"}, false},
		{[]string{"a"}, false},
		{nil, false},
	} {
		if got := l.same(c.names); got != c.want {
			t.Errorf("%d: %q is the same as before: %t, want %t", i, c.names, got, c.want)
		}
	}
}
