package table_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"dragoman/table"
)

type row struct{ key string }

func (r *row) Key() string { return r.key }

// A table that was changed a thousand times is the one that is made from
// nothing, and what two tables differ in makes the one the other.
func TestChangedTablesAreTables(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	want := map[string]*row{}
	var got table.Table[*row]
	for round := range 3000 {
		before, was := got, slices.Collect(got.All())
		chosen := map[string]table.Change[*row]{}
		keys, gone := 1+round%1000, 3 // tables grow, and shrink in between
		if round%200 > 150 {
			gone = 9
		}
		for range r.IntN(40) {
			key := fmt.Sprint("k", r.IntN(keys))
			if r.IntN(10) < gone {
				chosen[key] = table.Change[*row]{Old: &row{key}}
				delete(want, key)
			} else {
				n := &row{key}
				chosen[key] = table.Change[*row]{New: n}
				want[key] = n
			}
		}
		var changes []table.Change[*row]
		for _, key := range slices.Sorted(maps.Keys(chosen)) {
			changes = append(changes, chosen[key])
		}
		got = got.With(changes...)
		fresh := table.Of(slices.Collect(maps.Values(want))...)
		if !equal(got, fresh) || got.Len() != len(want) {
			t.Fatalf("the table has %d rows, want %d", got.Len(), fresh.Len())
		}
		if !slices.Equal(slices.Collect(before.All()), was) {
			t.Fatal("a table changed")
		}
		key := fmt.Sprint("k", r.IntN(keys))
		if i, _ := slices.BinarySearch(got.Keys(), key); !slices.Equal(slices.Collect(got.From(key)), slices.Collect(got.All())[i:]) {
			t.Fatalf("rows from %s are not all that are not before it", key)
		}
		for key := range chosen {
			if got.Get(key) != want[key] {
				t.Fatalf("the row of %s is not the one that was put there", key)
			}
		}
		if !equal(before.With(table.Changes(before, got)...), got) {
			t.Fatal("the changes of two tables do not make the one the other")
		}
		for _, c := range table.Changes(before, got) {
			if c.Old == c.New || before.Get(c.Key()) != c.Old || got.Get(c.Key()) != c.New {
				t.Fatalf("%s: a change that is none", c.Key())
			}
		}
	}
}

func equal(a, b table.Table[*row]) bool {
	return a.Len() == b.Len() && slices.Equal(slices.Collect(a.All()), slices.Collect(b.All()))
}

func TestTheLastOfAKeyCounts(t *testing.T) {
	a, b, c := &row{"b"}, &row{"a"}, &row{"b"}
	if got := slices.Collect(table.Of(a, b, c).All()); !slices.Equal(got, []*row{b, c}) {
		t.Errorf("rows are %v", got)
	}
}

func BenchmarkOneChange(b *testing.B) {
	for _, n := range []int{10, 10_000, 100_000} {
		b.Run(fmt.Sprint("N=", n), func(b *testing.B) {
			rows := make([]*row, n)
			for i := range rows {
				rows[i] = &row{fmt.Sprint("service-", i)}
			}
			t := table.Of(rows...)
			b.ReportAllocs()
			for b.Loop() {
				next := t.With(table.Change[*row]{New: &row{fmt.Sprint("service-", n/2)}})
				if len(table.Changes(t, next)) != 1 {
					b.Fatal("not one change")
				}
				t = next
			}
		})
	}
}
