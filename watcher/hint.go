package watcher

import (
	"maps"
	"slices"
)

// maxNames is where a list of names ends and everywhere begins: to look at so
// many files one by one costs as much as to look at all, and memory is bounded.
const maxNames = 4096

// A hint is a set of names relative to the root, or everywhere.
type hint struct {
	all   bool
	names map[string]struct{}
}

func everywhere() hint { return hint{all: true} }

func (h *hint) empty() bool { return !h.all && len(h.names) == 0 }

// add puts names into h. "" is the root, and so everywhere.
func (h *hint) add(names ...string) {
	for _, name := range names {
		if name == "" || len(h.names) >= maxNames {
			*h = everywhere()
		}
		if h.all {
			return
		}
		if h.names == nil {
			h.names = map[string]struct{}{}
		}
		h.names[name] = struct{}{}
	}
}

// merge puts all of other into h.
func (h *hint) merge(other hint) {
	if other.all {
		*h = everywhere()
		return
	}
	for name := range other.names {
		h.add(name)
	}
}

// drop takes out of h what need not be looked at later because c, which is
// whole, is looked at now.
func (h *hint) drop(c change) {
	if c.all {
		*h = hint{}
	}
	for name := range c.names {
		delete(h.names, name)
	}
	for _, name := range c.spent {
		delete(h.names, name)
	}
}

// list is h in the form that receivers get: sorted names, nil for everywhere.
func (h *hint) list() []string {
	if h.all {
		return nil
	}
	return slices.Sorted(maps.Keys(h.names))
}
