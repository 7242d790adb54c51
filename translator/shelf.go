package translator

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
)

// A shelf is all resources of one type in the order of their names.
type shelf[T proto.Message] struct {
	name    func(T) string
	all     []T // replaced and never changed, so that whoever has it may keep it
	pending map[string]T
}

func newShelf[T proto.Message](name func(T) string) shelf[T] {
	return shelf[T]{name: name, pending: map[string]T{}}
}

// put has one resource take the place of another; a nil pointer is none. What
// one owner takes away and another one brings is there.
func (s *shelf[T]) put(old, now T) {
	switch {
	case now.ProtoReflect().IsValid():
		s.pending[s.name(now)] = now
	case old.ProtoReflect().IsValid():
		if name := s.name(old); !s.pending[name].ProtoReflect().IsValid() {
			s.pending[name] = now
		}
	}
}

// has tells whether there is a resource of a name.
func (s *shelf[T]) has(name string) bool {
	if r, ok := s.pending[name]; ok {
		return r.ProtoReflect().IsValid()
	}
	_, there := s.find(name)
	return there
}

// removeAll takes away what has a name that begins so.
func (s *shelf[T]) removeAll(prefix string) {
	var none T
	for i, _ := s.find(prefix); i < len(s.all) && strings.HasPrefix(s.name(s.all[i]), prefix); i++ {
		s.put(s.all[i], none)
	}
}

// find is where a name is among all that were there, or would be.
func (s *shelf[T]) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.all, name, func(r T, name string) int { return strings.Compare(s.name(r), name) })
}

// tidy returns all resources as they are now.
func (s *shelf[T]) tidy() []T {
	if len(s.pending) == 0 {
		return s.all
	}
	out, rest := make([]T, 0, len(s.all)+len(s.pending)), s.all
	for _, name := range slices.Sorted(maps.Keys(s.pending)) {
		i, there := slices.BinarySearchFunc(rest, name, func(r T, name string) int { return strings.Compare(s.name(r), name) })
		out, rest = append(out, rest[:i]...), rest[i:]
		if there {
			rest = rest[1:]
		}
		if r := s.pending[name]; r.ProtoReflect().IsValid() {
			out = append(out, r)
		}
	}
	s.pending = map[string]T{} // to go through one that was large costs as much when it is empty
	s.all = append(out, rest...)
	return s.all
}

// same returns the old message if the new one says the same, and else the new
// one: what is the same is not packed, compared and sent again.
func same[T proto.Message](old, now T) T {
	if old.ProtoReflect().IsValid() && now.ProtoReflect().IsValid() && proto.Equal(old, now) {
		return old
	}
	return now
}
