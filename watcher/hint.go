package watcher

import "slices"

// maxNames is where a list of names ends and everywhere begins: to look at so
// many files one by one costs as much as to look at all, and memory is bounded.
const maxNames = 4096

// A hint is a set of names relative to the root, or everywhere. Most often it
// is one name.
type hint struct {
	all   bool
	names []string // sorted
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
		if i, there := slices.BinarySearch(h.names, name); !there {
			h.names = slices.Insert(h.names, i, name)
		}
	}
}

// merge puts all of other into h.
func (h *hint) merge(other hint) {
	if other.all {
		*h = everywhere()
		return
	}
	h.add(other.names...)
}

// drop takes out of h what need not be looked at later because c, which is
// whole, is looked at now.
func (h *hint) drop(c change) {
	if c.all {
		*h = hint{}
	}
	h.remove(c.names)
	h.remove(c.spent)
}

func (h *hint) remove(names []string) {
	for _, name := range names {
		if i, there := slices.BinarySearch(h.names, name); there {
			h.names = slices.Delete(h.names, i, i+1)
		}
	}
}

// list is h in the form that receivers get: sorted names, nil for everywhere.
// It is the receiver's if h is not added to any more.
func (h *hint) list() []string {
	if h.all {
		return nil
	}
	return h.names
}
