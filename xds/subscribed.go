package xds

import (
	"hash/maphash"
	"iter"

	"dragoman/snapshot"
)

// fewNames are too few to share.
const fewNames = 64

// subscribed are the names that a stream has asked for. An Envoy asks for endpoints and
// routes name by name, for all there are: the names of a set are then had in
// common with all streams that have the set, and here is what is not as there.
type subscribed struct {
	base *snapshot.Set   // all names of this, nil for none
	more map[string]bool // and these, which it does not have
	less map[string]bool // without these, which it has
}

func (n *subscribed) has(name string) bool {
	return n.more[name] || n.in(name) && !n.less[name]
}

// in tells whether a name is in the base.
func (n *subscribed) in(name string) bool { return n.base != nil && n.base.Get(name) != nil }

func (n *subscribed) len() int {
	if n.base == nil {
		return len(n.more)
	}
	return n.base.Len() + len(n.more) - len(n.less)
}

// all yields the names in no order. They must not be changed meanwhile.
func (n *subscribed) all() iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range n.more {
			if !yield(name) {
				return
			}
		}
		if n.base == nil {
			return
		}
		for r := range n.base.All() {
			if !n.less[r.Name] && !yield(r.Name) {
				return
			}
		}
	}
}

func (n *subscribed) add(name string) {
	if n.in(name) {
		delete(n.less, name)
	} else {
		put(&n.more, name, true)
	}
}

func (n *subscribed) remove(name string) {
	if n.in(name) {
		put(&n.less, name, true)
	} else {
		delete(n.more, name)
	}
}

// follow goes on to the set that the stream is brought to, so that no old one
// is held. Changed are the names of what is different since from.
func (n *subscribed) follow(from, to *snapshot.Set, changed []string) {
	switch {
	case n.base == nil:
		n.share(to)
		return
	case n.base == to:
		return
	case n.base != from:
		changed = unlike(n.base, to)
	}
	old := *n
	n.base = to
	for _, name := range changed {
		if old.in(name) == n.in(name) {
			continue
		}
		wanted := old.has(name)
		delete(n.more, name)
		delete(n.less, name)
		if wanted {
			n.add(name)
		} else if n.in(name) {
			n.remove(name)
		}
	}
	if len(n.less) > fewNames && 2*len(n.less) > to.Len() {
		n.unshare()
	}
}

// share takes a set as the base if it has most of the names and few others.
func (n *subscribed) share(set *snapshot.Set) {
	few := len(n.more) / 8
	if len(n.more) < fewNames || set.Len() > len(n.more)+few {
		return
	}
	shared := subscribed{base: set}
	found := 0
	for r := range set.All() {
		if n.more[r.Name] {
			found++
		} else {
			put(&shared.less, r.Name, true)
		}
	}
	if len(n.more)-found > few || len(shared.less) > few {
		return
	}
	for name := range n.more {
		if !shared.in(name) {
			shared.add(name)
		}
	}
	*n = shared
}

// unshare has all names here.
func (n *subscribed) unshare() {
	own := subscribed{}
	for name := range n.all() {
		own.add(name)
	}
	*n = own
}

// A list stands for the names of a request in their order. Each answer of an
// Envoy in the older form names all that it wants, in the same order as long as
// it wants the same.
type list struct {
	seed maphash.Seed // of the stream's own
	made bool
	sum  uint64
	n    int
}

// same tells whether the names are those of the last time.
func (l *list) same(all []string) bool {
	if !l.made {
		l.seed = maphash.MakeSeed()
	}
	var h maphash.Hash
	h.SetSeed(l.seed)
	for _, name := range all {
		_, _ = h.WriteString(name) // it has no error
		_ = h.WriteByte(0)
	}
	last := *l
	l.made, l.sum, l.n = true, h.Sum64(), len(all)
	return last == *l
}
