package watcher

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
)

// A tree is the set of directories that are watched, and what to hint when
// something in one of them changes. A directory is known by its path without
// links: fsnotify watches a directory once, under one name, however many lead
// to it.
//
// One goroutine uses it.
type tree struct {
	root   string
	src    notifier
	remote func(dir string) string

	dirs map[string]*dir // by absolute path without links
	info fs.FileInfo     // the root's at the last sync; nil if it was not there
	anew bool            // the last sync had to watch the root anew, or lost it
}

// A dir is a watched directory.
type dir struct {
	info fs.FileInfo
	// at are the names, relative to the root, by which the directory belongs
	// to the tree: what changes in it is hinted as at/name. "" is the root.
	// Empty for directories that are watched for their entries' sake alone.
	at []string
	// entries of the directory on which names in the tree depend: they are
	// links on the way there, missing on it, or files at its end.
	entries map[string][]string
}

// A remoteError is a file system that does not tell of all changes.
type remoteError struct{ dir, name string }

func (e *remoteError) Error() string {
	return fmt.Sprintf("%s is on %s, which does not tell of all changes", e.dir, e.name)
}

// sync makes the watches what the file system now asks for. It watches a
// directory before it reads it, so that nothing can come in between unseen.
// It may be called at any time; what it does not find out, since something
// moved while it looked, it is told of by an event, and called again.
func (t *tree) sync() error {
	was := t.info
	s := &scan{tree: t, old: t.held(), seen: map[string]*dir{}}
	if err := s.root(); err != nil {
		return err
	}
	t.anew = t.anew || was != nil && t.info == nil
	listed := t.listed()
	for name := range listed {
		if s.seen[name] == nil {
			_ = t.src.Remove(name) // Gone since: as wanted.
		}
	}
	maps.DeleteFunc(s.seen, func(name string, d *dir) bool { return !listed[name] && s.watchedAs(d, listed) })
	t.dirs = s.seen
	return nil
}

// intact says whether the root is what it was at the last sync, and all
// watches are in place. Swapped links above the root, mounts, and watches that
// ended by themselves show here and nowhere else.
func (t *tree) intact() bool {
	info, err := os.Stat(t.root)
	if (err != nil) != (t.info == nil) || err == nil && !os.SameFile(info, t.info) {
		return false
	}
	listed := t.listed()
	for name := range t.dirs {
		if !listed[name] {
			return false
		}
	}
	return true
}

// held returns the directories whose watches are good. The others' end: a
// watch that stays with a directory that was moved or replaced would hide
// that its new place, or its successor, is not watched.
func (t *tree) held() map[string]*dir {
	for name, d := range t.dirs {
		if info, err := os.Lstat(name); err != nil || !os.SameFile(info, d.info) {
			t.forget(name)
		}
	}
	good := map[string]*dir{}
	for name := range t.listed() {
		if d := t.dirs[name]; d != nil {
			good[name] = d
		}
	}
	return good
}

// forget ends the watch of a directory that was removed or renamed. The next
// sync sets it anew if the name is back: the directory may then even have the
// identity of the old one, for inode numbers are used again at once.
func (t *tree) forget(name string) {
	_ = t.src.Remove(name) // Gone already: as wanted.
	delete(t.dirs, name)
}

// listed is fsnotify's list of watches. One that the kernel ended is missing.
func (t *tree) listed() map[string]bool {
	set := map[string]bool{}
	for _, name := range t.src.WatchList() {
		set[name] = true
	}
	return set
}
