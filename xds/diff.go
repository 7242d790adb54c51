package xds

import (
	"sync"

	"dragoman/snapshot"
)

// maxPairs bounds the pairs of sets that differences remembers. Envoys that
// follow the same publications ask for the same few pairs.
const maxPairs = 64

// differences tells sets apart, and remembers what it has found: a thousand
// Envoys that go from one set to the next need the same answer.
type differences struct {
	empty *snapshot.Set // of a stream that was sent nothing

	mu    sync.Mutex
	known map[[2]*snapshot.Set][]string
}

func newDifferences() *differences {
	return &differences{empty: snapshot.NewSet(), known: map[[2]*snapshot.Set][]string{}}
}

// between returns the names, sorted, of the resources that are not the same in
// both sets. Nobody may change the result.
func (d *differences) between(a, b *snapshot.Set) []string {
	if a == b || a.Version() == b.Version() {
		return nil
	}
	key := [2]*snapshot.Set{a, b}
	d.mu.Lock()
	defer d.mu.Unlock()
	if names, ok := d.known[key]; ok {
		return names
	}
	if len(d.known) >= maxPairs {
		clear(d.known)
	}
	d.known[key] = unlike(a, b)
	return d.known[key]
}

// missing returns the resources of a set that another has none of that name of.
func (d *differences) missing(from, to *snapshot.Set) []*snapshot.Resource {
	var out []*snapshot.Resource
	for _, name := range d.between(from, to) {
		if r := from.Get(name); r != nil && to.Get(name) == nil {
			out = append(out, r)
		}
	}
	return out
}

// forget drops what is remembered, and the sets with it.
func (d *differences) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.known)
}

func unlike(a, b *snapshot.Set) []string {
	var out []string
	for _, c := range snapshot.Changes(a, b) {
		if !same(c.Old, c.New) {
			out = append(out, c.Key())
		}
	}
	return out
}

// same tells whether two resources of a name have the same content. None is
// the same as none.
func same(a, b *snapshot.Resource) bool {
	return a == b || a != nil && b != nil && a.Version == b.Version
}
