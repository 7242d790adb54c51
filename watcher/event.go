package watcher

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// swapped is the link by whose replacement kubelet changes a whole directory.
// No event names the files that changed, so the hint is the directory.
const swapped = "..data"

// read says what an event changed, if anything, and whether directories or
// links came or went with it, so that the tree must be synced before anybody
// looks. It forgets a directory that went.
func (t *tree) read(e fsnotify.Event) (c change, reshaped bool) {
	const comes, goes = fsnotify.Create, fsnotify.Remove | fsnotify.Rename
	if d := t.dirs[e.Name]; d != nil { // A watched directory itself.
		c.add(d.at...)
		if e.Has(goes) {
			reshaped = true
			t.forget(e.Name)
			for _, names := range d.entries {
				c.add(names...)
			}
		}
	}
	d := t.dirs[filepath.Dir(e.Name)]
	if d == nil {
		return c, reshaped
	}
	base := filepath.Base(e.Name)
	c.add(d.names(base)...)
	c.add(d.entries[base]...)
	if !e.Has(comes) || d.entries[base] == nil && (len(d.at) == 0 || hidden(base)) {
		return c, reshaped
	}
	info, err := os.Lstat(e.Name)
	if err != nil {
		return c, reshaped // Gone since then, of which another event tells.
	}
	if !info.Mode().IsRegular() {
		c.whole = base == swapped && linked(filepath.Dir(e.Name))
		return c, true // What a link or directory leaves when it goes does no harm.
	}
	if from := renamedFrom(e); replaces(from, e.Name) {
		c.whole, c.spent = true, d.names(filepath.Base(from))
	}
	return c, reshaped
}

// names returns the names in the tree that a change of the entry base concerns.
func (d *dir) names(base string) []string {
	if base == swapped {
		return d.at
	}
	var out []string
	for _, at := range d.at {
		if at != "" {
			at += "/"
		}
		out = append(out, at+base)
	}
	return out
}

// linked says whether a ConfigMap's directory has a link for each key, and no
// other, so that the swap was all there was to it. Links to new keys are made
// after the swap: a service that moved to another key is missing until then.
// Those to old keys are removed last.
func linked(dir string) bool {
	links, err := keys(dir)
	if err != nil {
		return false
	}
	content, err := keys(filepath.Join(dir, swapped))
	return err == nil && slices.Equal(links, content)
}

// keys are the sorted names in a directory that are not kubelet's own.
func keys(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var out []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "..") {
			out = append(out, e.Name())
		}
	}
	return out, err
}

// replaces says whether a rename put a finished file in place: a temporary
// file of the same directory became one that is read. To rename one that is
// read into another is two changes, which belong together.
func replaces(from, to string) bool {
	return from != "" && filepath.Dir(from) == filepath.Dir(to) && isRead(to) && !isRead(from)
}

// isRead says whether a file of that name is part of a configuration.
func isRead(name string) bool {
	base := filepath.Base(name)
	return !hidden(base) && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(base))
}
