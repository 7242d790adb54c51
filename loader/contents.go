package loader

import (
	"maps"
	"slices"
)

// contents is what of each file may serve: what serves now, but for some files.
type contents struct {
	files map[string]*versions
	other map[string]*file // nil for a file that is not there
}

// newest is the newest content of every file that is right by itself. Only files
// of which that is not what serves are named; with no index, all are.
func (l *Loader) newest() contents {
	c := contents{l.files, map[string]*file{}}
	add := func(path string) {
		v := l.files[path]
		if c.other[path] = v.newest; v.newest != nil && v.newest.broken() {
			c.other[path] = v.good
		}
	}
	if l.index == nil {
		for path := range l.files {
			add(path)
		}
		return c
	}
	for path := range l.differ {
		add(path)
	}
	return c
}

// whole names all files.
func (c contents) whole() contents {
	all := make(map[string]*file, len(c.files))
	for path := range c.files {
		all[path] = c.of(path)
	}
	return contents{c.files, all}
}

// of returns the content of a file, nil if there is none.
func (c contents) of(path string) *file {
	if f, ok := c.other[path]; ok {
		return f
	}
	if v := c.files[path]; v != nil {
		return v.good
	}
	return nil
}

// replaces says that a file is one of those that are named.
func (c contents) replaces(f *file) bool {
	_, ok := c.other[f.path]
	return ok
}

// changed returns the files that are not at their last good content, sorted.
func (c contents) changed() []string {
	var out []string
	for path, f := range c.other {
		if c.files[path].good != f {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

// paths are the files that are named, sorted, those first that are as they were.
func (c contents) paths() []string {
	all := slices.AppendSeq(make([]string, 0, len(c.other)), maps.Keys(c.other))
	slices.Sort(all)
	return lastly(all, func(path string) bool { return c.files[path].good != c.other[path] })
}

// lastly puts those behind the others of which something is true.
func lastly[T any](all []T, is func(T) bool) []T {
	out := make([]T, 0, len(all))
	var behind []T
	for _, v := range all {
		if is(v) {
			behind = append(behind, v)
			continue
		}
		out = append(out, v)
	}
	return append(out, behind...)
}

// revert puts a file back to its last good content and says whether it was at
// another.
func (c contents) revert(path string) bool {
	v := c.files[path]
	if v == nil || v.good == c.of(path) {
		return false
	}
	c.other[path] = v.good
	return true
}

// empty says that there is no content at all.
func (c contents) empty() bool {
	for path := range c.files {
		if c.of(path) != nil {
			return false
		}
	}
	return true
}
