package translator

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"dragoman/table"
)

// A shelf is all resources of one type, and what is about to become of some.
type shelf struct {
	all     table.Table[*Message]
	pending map[string]*Message // nil for one that goes
}

// put has one resource take the place of another; nil is none. What one owner
// takes away and another one brings is there.
func (s *shelf) put(old, now *Message) {
	switch {
	case now != nil:
		s.note(now.Name, now)
	case old != nil && s.pending[old.Name] == nil:
		s.note(old.Name, nil)
	}
}

func (s *shelf) note(name string, m *Message) {
	if s.pending == nil {
		s.pending = map[string]*Message{}
	}
	s.pending[name] = m
}

// remove takes away the resource of a name, if there is one.
func (s *shelf) remove(name string) { s.put(&Message{Name: name}, nil) }

// has tells whether there is a resource of a name.
func (s *shelf) has(name string) bool {
	if m, ok := s.pending[name]; ok {
		return m != nil
	}
	return s.all.Get(name) != nil
}

// removeAll takes away what has a name that begins so.
func (s *shelf) removeAll(prefix string) {
	for m := range s.all.From(prefix) {
		if !strings.HasPrefix(m.Name, prefix) {
			return
		}
		s.put(m, nil)
	}
}

// tidy returns all resources as they are now.
func (s *shelf) tidy() table.Table[*Message] {
	if len(s.pending) == 0 {
		return s.all
	}
	changes := make([]table.Change[*Message], 0, len(s.pending))
	for _, name := range slices.Sorted(maps.Keys(s.pending)) {
		if c := (table.Change[*Message]{Old: s.all.Get(name), New: s.pending[name]}); c.Old != c.New {
			changes = append(changes, c)
		}
	}
	s.all, s.pending = s.all.With(changes...), nil
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
