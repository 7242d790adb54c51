package watcher

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// maxDirs is how many directories are watched at most. A link to / would
// otherwise lead through the whole machine.
const maxDirs = 20_000

// A scan is one walk of the tree.
type scan struct {
	*tree

	old, seen map[string]*dir
	visits    int // of directories in the tree
	added     int // watches that were not there before
}

// root watches the way to the root and everything below it.
func (s *scan) root() error {
	s.info, s.anew = nil, false
	place, found, err := s.trace(top(s.tree.root), s.tree.root, "")
	if !found {
		return err
	}
	s.anew = s.old[place] == nil
	if err := s.visit(place, "", nil); err != nil {
		return err
	}
	if d := s.seen[place]; d != nil {
		s.info = d.info // If it is not what is there now, the next look shows it.
	} else if s.info, err = os.Lstat(place); err != nil {
		s.info = nil // It went just now.
	}
	return nil
}

// trace returns the path without links that name leads to from dir, if it
// leads anywhere. It watches for all that changes this, as what at depends on.
func (s *scan) trace(dir, name, at string) (place string, found bool, err error) {
	for range maxLinks {
		place, steps, broken := follow(dir, name)
		before := s.added
		for _, st := range steps {
			if err := s.entry(st, at); err != nil {
				return "", false, err
			}
		}
		// What happened between the look and the watch was not told of.
		missed := s.added > before || broken != nil && s.seen[steps[len(steps)-1].dir] == nil
		if !missed {
			return place, broken == nil, nil
		}
	}
	return "", false, nil // A resync tries again.
}

// entry notes that at depends on an entry of a directory, which it watches.
func (s *scan) entry(st step, at string) error {
	d, err := s.watch(st.dir)
	if d != nil && !slices.Contains(d.entries[st.base], at) {
		d.entries[st.base] = append(d.entries[st.base], at)
	}
	return err
}

// visit watches the directory place, which is named at in the tree, and all
// below it. Above are the directories that it was reached through: a link to
// one of these would go round in circles.
func (s *scan) visit(place, at string, above []string) error {
	if slices.Contains(above, place) {
		return nil
	}
	if s.visits++; s.visits > maxDirs {
		return fmt.Errorf("%s has more than %d directories", s.tree.root, maxDirs)
	}
	if err := s.local(place); err != nil {
		return err
	}
	d, err := s.watch(place)
	if d == nil {
		return err
	}
	d.at = append(d.at, at)
	entries, err := os.ReadDir(place)
	if err != nil {
		return nil // Whoever reads the files will say it; the next resync tries again.
	}
	above = append(slices.Clip(above), place)
	for _, e := range entries {
		if err := s.child(place, at, e, above); err != nil {
			return err
		}
	}
	return nil
}

// child goes on with what may be or lead to a directory, and notes where
// links to files lead.
func (s *scan) child(place, at string, e fs.DirEntry, above []string) error {
	if hidden(e.Name()) {
		return nil
	}
	name := path.Join(at, e.Name())
	switch e.Type() {
	case fs.ModeDir:
		return s.visit(filepath.Join(place, e.Name()), name, above)
	case fs.ModeSymlink:
		return s.link(place, e.Name(), name, above)
	}
	return nil
}

func (s *scan) link(dir, base, at string, above []string) error {
	target, found, err := s.trace(dir, base, at)
	if !found {
		return err // If nil, it leads nowhere yet; an event tells when that changes.
	}
	info, err := os.Lstat(target)
	if err != nil {
		return nil // Gone since then, of which an event will tell.
	}
	if info.IsDir() {
		return s.visit(target, at, above)
	}
	if err := s.local(filepath.Dir(target)); err != nil {
		return err
	}
	return s.entry(step{filepath.Dir(target), filepath.Base(target)}, at)
}

// local refuses directories whose changes may be made elsewhere. Those above
// the root are not asked: that the root's identity is looked at suffices there.
func (s *scan) local(place string) error {
	if name := s.remote(place); name != "" {
		return &remoteError{place, name}
	}
	return nil
}

// watch returns the directory place, now watched; nil if it cannot be, for a
// reason that concerns it alone.
func (s *scan) watch(place string) (*dir, error) {
	if d := s.seen[place]; d != nil {
		return d, nil
	}
	d := &dir{entries: map[string][]string{}}
	if held := s.old[place]; held != nil {
		d.info = held.info
	} else if err := s.add(d, place); err != nil {
		return nil, unlessLocal(err)
	}
	s.seen[place] = d
	return d, nil
}

// add sets a watch. The identity that it notes is from before: should the
// directory be replaced in between, the two differ at the next look, not never.
func (s *scan) add(d *dir, place string) (err error) {
	if d.info, err = os.Lstat(place); err != nil {
		return err
	}
	if err := s.src.Add(place); err != nil {
		return fmt.Errorf("watching %s: %w", place, err)
	}
	s.added++
	return nil
}

// watchedAs says whether fsnotify watches d under another of its names, as it
// does with a bind mount: its changes then come as changes of that name. A
// watch that is missing from the list for any other reason has just ended.
func (s *scan) watchedAs(d *dir, listed map[string]bool) bool {
	for name, other := range s.seen {
		if other != d && listed[name] && os.SameFile(other.info, d.info) {
			return true
		}
	}
	return false
}

// unlessLocal returns nil for errors that concern one directory: it has gone,
// or may not be read. Others mean that nothing more can be watched.
func unlessLocal(err error) error {
	for _, local := range []error{fs.ErrNotExist, fs.ErrPermission, syscall.ENOTDIR, syscall.ELOOP} {
		if errors.Is(err, local) {
			return nil
		}
	}
	return err
}

func hidden(base string) bool { return strings.HasPrefix(base, ".") }
