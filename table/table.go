// Package table has sorted tables that never change. A changed table shares all
// but the changed parts of the one that it was made of, and what two of them
// differ in is found by comparing pointers, of parts and then of rows: neither
// walks what is the same. Whoever makes rows keeps a row's pointer as long as
// the row is the same.
package table

import (
	"iter"
	"slices"
	"strings"
)

// A Row is a pointer with a key, which is not empty and never changes.
type Row interface {
	comparable
	Key() string
}

// A Table is rows in the order of their keys, each key once. The zero Table has
// none.
type Table[R Row] struct {
	parts []*part[R] // none of them empty
	n     int
}

// A part is some neighbours.
type part[R Row] struct{ rows []R }

// size is how many rows a part is made with. It has at most twice as many.
const size = 64

// A Change is what becomes of one key: zero Old is a new row, zero New is one
// that is gone.
type Change[R Row] struct{ Old, New R }

// Key is that of both rows.
func (c Change[R]) Key() string {
	var none R
	if c.New != none {
		return c.New.Key()
	}
	return c.Old.Key()
}

// Of makes a table. Of several rows with one key the last counts.
func Of[R Row](rows ...R) Table[R] {
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b R) int { return strings.Compare(a.Key(), b.Key()) })
	kept := sorted[:0]
	for i, r := range sorted {
		if i+1 == len(sorted) || sorted[i+1].Key() != r.Key() {
			kept = append(kept, r)
		}
	}
	return Table[R]{parts: split(nil, kept), n: len(kept)}
}

// split adds rows to parts, in parts of the right size.
func split[R Row](to []*part[R], rows []R) []*part[R] {
	for chunk := range slices.Chunk(rows, size) {
		to = append(to, &part[R]{slices.Clip(chunk)})
	}
	return to
}

// Len counts the rows.
func (t Table[R]) Len() int { return t.n }

// Get returns the row of a key, or zero.
func (t Table[R]) Get(key string) R {
	if len(t.parts) > 0 {
		p := t.parts[t.partOf(key, 0)]
		if i, ok := p.find(key); ok {
			return p.rows[i]
		}
	}
	var none R
	return none
}

// partOf is the part, not before one of them, in which a key is or would be.
func (t Table[R]) partOf(key string, from int) int {
	i, first := slices.BinarySearchFunc(t.parts[from:], key, func(p *part[R], key string) int { return strings.Compare(p.rows[0].Key(), key) })
	if first || i == 0 {
		return from + i
	}
	return from + i - 1
}

func (p *part[R]) find(key string) (int, bool) {
	return slices.BinarySearchFunc(p.rows, key, func(r R, key string) int { return strings.Compare(r.Key(), key) })
}

// All yields the rows in the order of their keys.
func (t Table[R]) All() iter.Seq[R] {
	return func(yield func(R) bool) {
		for _, p := range t.parts {
			for _, r := range p.rows {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// From yields the rows whose keys are not before one.
func (t Table[R]) From(key string) iter.Seq[R] {
	return func(yield func(R) bool) {
		if len(t.parts) == 0 {
			return
		}
		at := t.partOf(key, 0)
		row, _ := t.parts[at].find(key)
		for _, p := range t.parts[at:] {
			for _, r := range p.rows[row:] {
				if !yield(r) {
					return
				}
			}
			row = 0
		}
	}
}

// Keys are those of the rows, in order.
func (t Table[R]) Keys() []string {
	var out []string
	for r := range t.All() {
		out = append(out, r.Key())
	}
	return out
}

// With returns a table with some rows changed: a change whose New is zero takes
// the row of that key away. Changes are in the order of their keys, each key
// once; what Old says does not matter.
func (t Table[R]) With(changes ...Change[R]) Table[R] {
	if len(changes) == 0 {
		return t
	}
	if t.n == 0 {
		t.parts = []*part[R]{{}}
	}
	out, from := Table[R]{parts: make([]*part[R], 0, len(t.parts)+1)}, 0
	for len(changes) > 0 {
		at := 0
		if t.n > 0 {
			at = t.partOf(changes[0].Key(), from)
		}
		mine := len(changes)
		if at+1 < len(t.parts) {
			next := t.parts[at+1].rows[0].Key()
			mine, _ = slices.BinarySearchFunc(changes, next, func(c Change[R], key string) int { return strings.Compare(c.Key(), key) })
		}
		out.parts = append(out.parts, t.parts[from:at]...)
		if rows := t.parts[at].with(changes[:mine]); len(rows) > 2*size {
			out.parts = split(out.parts, rows)
		} else if len(rows) > 0 {
			out.parts = append(out.parts, &part[R]{rows})
		}
		from, changes = at+1, changes[mine:]
	}
	out.parts = append(out.parts, t.parts[from:]...)
	return out.counted()
}

// Put returns a table with some rows more, or in the place of those with their
// keys.
func (t Table[R]) Put(rows ...R) Table[R] {
	more := Of(rows...)
	return t.With(Changes(Table[R]{}, more)...)
}

// with are the rows of a part with some changed.
func (p *part[R]) with(changes []Change[R]) []R {
	var none R
	out, from := make([]R, 0, len(p.rows)+len(changes)), 0
	for _, c := range changes {
		rest := part[R]{p.rows[from:]}
		i, there := rest.find(c.Key())
		out = append(out, rest.rows[:i]...)
		if from += i; there {
			from++
		}
		if c.New != none {
			out = append(out, c.New)
		}
	}
	return append(out, p.rows[from:]...)
}

// counted counts the rows, and makes new parts where there are too many small
// ones.
func (t Table[R]) counted() Table[R] {
	for _, p := range t.parts {
		t.n += len(p.rows)
	}
	if len(t.parts) > 4+4*t.n/size {
		t.parts = split(nil, slices.Collect(t.All()))
	}
	return t
}

// Changes returns what makes the one table the other, in the order of the keys.
func Changes[R Row](from, to Table[R]) []Change[R] {
	var out []Change[R]
	a, b := cursor[R]{parts: from.parts}, cursor[R]{parts: to.parts}
	for {
		for a.more() && b.more() && (a.row == 0 && b.row == 0 && a.parts[0] == b.parts[0]) {
			a.parts, b.parts = a.parts[1:], b.parts[1:]
		}
		order := 0
		switch {
		case !a.more() && !b.more():
			return out
		case !a.more():
			order = 1
		case !b.more():
			order = -1
		default:
			order = strings.Compare(a.at().Key(), b.at().Key())
		}
		var c Change[R]
		if order <= 0 {
			c.Old = a.next()
		}
		if order >= 0 {
			c.New = b.next()
		}
		if c.Old != c.New {
			out = append(out, c)
		}
	}
}

// A cursor is a place in a table.
type cursor[R Row] struct {
	parts []*part[R]
	row   int // in the first of them
}

func (c *cursor[R]) more() bool { return len(c.parts) > 0 }
func (c *cursor[R]) at() R      { return c.parts[0].rows[c.row] }

// next returns the row and goes on to the one behind it.
func (c *cursor[R]) next() R {
	r := c.at()
	if c.row++; c.row == len(c.parts[0].rows) {
		c.parts, c.row = c.parts[1:], 0
	}
	return r
}
