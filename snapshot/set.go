package snapshot

import (
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"strings"

	"dragoman/table"
)

// A Set is all resources of one type. It never changes, and shares what it has
// in common with the set that it was made of.
type Set struct {
	rows    table.Table[*Resource]
	sum     mark
	version string
}

// A mark stands for some resources by their names and versions, in any order:
// the sum of the marks of each, modulo 2^64 in both halves. Of one resource it
// is 128 bits of a hash.
//
// A hash over all would be as good, but for one changed resource it would have
// to be made anew over all of them. A sum can be made to collide by who may
// choose many contents and tries long enough: those who write the configuration,
// to whom it would do nothing but keep their own change from being sent.
type mark [2]uint64

func markOf(name, version string) mark {
	var room [128]byte // for most, so that they take none of the heap
	sum := sha256.Sum256(append(append(append(room[:0], name...), 0), version...))
	return mark{binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])}
}

func (r *Resource) marked() mark {
	if r.mark == (mark{}) {
		return markOf(r.Name, r.Version)
	}
	return r.mark
}

func (m mark) plus(r *Resource) mark {
	other := r.marked()
	return mark{m[0] + other[0], m[1] + other[1]}
}

func (m mark) minus(r *Resource) mark {
	other := r.marked()
	return mark{m[0] - other[0], m[1] - other[1]}
}

// NewSet makes a set. The last of several resources of one name counts.
func NewSet(resources ...*Resource) *Set {
	rows, sum := table.Of(resources...), mark{}
	for r := range rows.All() {
		sum = sum.plus(r)
	}
	return newSet(rows, sum)
}

// newSet gives a set its version: a hash of its sum and of how many there are.
func newSet(rows table.Table[*Resource], sum mark) *Set {
	text := binary.BigEndian.AppendUint64(nil, sum[0])
	text = binary.BigEndian.AppendUint64(text, sum[1])
	text = binary.BigEndian.AppendUint64(text, uint64(rows.Len()))
	hash := sha256.Sum256(text)
	return &Set{rows: rows, sum: sum, version: short(hash[:])}
}

// With returns a set with some resources changed, in the order of their names.
// What a change has as Old is what the set has.
func (s *Set) With(changes ...table.Change[*Resource]) *Set {
	if len(changes) == 0 {
		return s
	}
	sum := s.sum
	for _, c := range changes {
		if c.Old != nil {
			sum = sum.minus(c.Old)
		}
		if c.New != nil {
			sum = sum.plus(c.New)
		}
	}
	return newSet(s.rows.With(changes...), sum)
}

// Changes returns what makes the one set the other, in the order of the names.
// What they share is not looked at.
func Changes(from, to *Set) []table.Change[*Resource] {
	if from == to {
		return nil
	}
	return table.Changes(from.rows, to.rows)
}

// Version is the same for sets with the same content, and never empty.
func (s *Set) Version() string { return s.version }

// Len counts the resources.
func (s *Set) Len() int { return s.rows.Len() }

// Get returns the resource of a name, or nil.
func (s *Set) Get(name string) *Resource { return s.rows.Get(name) }

// All yields the resources in the order of their names.
func (s *Set) All() iter.Seq[*Resource] { return s.rows.All() }

// refs yields a reference to each resource.
func (s *Set) refs(typeURL string) iter.Seq[Ref] {
	return func(yield func(Ref) bool) {
		for r := range s.All() {
			if !yield(Ref{typeURL, r.Name}) {
				return
			}
		}
	}
}

// below yields a reference to each resource whose name begins so.
func (s *Set) below(typeURL, prefix string) iter.Seq[Ref] {
	return func(yield func(Ref) bool) {
		for r := range s.rows.From(prefix) {
			if !strings.HasPrefix(r.Name, prefix) || !yield(Ref{typeURL, r.Name}) {
				return
			}
		}
	}
}
