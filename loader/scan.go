package loader

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dragoman/diag"
)

// A scan is one look.
type scan struct {
	dir     *Dir
	root    *os.Root
	now     time.Time
	found   map[string]bool
	parents []os.FileInfo // the directories around, against links in a circle
	missed  []string      // known files that are not there
	ahead   map[string]*ahead
	changes []Source

	unsettled []string
}

// look reads a file, or all below a directory. Links are followed: in a
// ConfigMap every visible name is one, to a directory too.
func (s *scan) look(name string) error {
	info, err := s.stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && name != ".":
		if _, err := s.root.Lstat(name); err == nil && s.dir.reads(name) {
			s.trouble(name, errDangling)
		}
		return nil // missing will see to it
	case name != "." && err != nil:
		if s.dir.reads(name) || s.leadsToDirectory(name) {
			s.trouble(name, err)
		}
		return nil
	case err != nil:
		return err
	case info.IsDir() && s.dir.named[name]:
		s.trouble(name, errNotRegular)
		return nil
	case info.IsDir():
		return s.lookBelow(name, info)
	case s.dir.reads(name):
		s.found[name] = true
		s.read(s.root, name, name, info)
	}
	return nil
}

// leadsToDirectory tells a link out of the configuration directory that leads
// to another directory: whoever made it wants what is in there. It is not read.
func (s *scan) leadsToDirectory(name string) bool {
	info, err := os.Stat(filepath.Join(s.dir.path, filepath.FromSlash(name)))
	return err == nil && info.IsDir()
}

// maxLooks is how often a directory is read anew because a ConfigMap was
// swapped meanwhile, before that is left to the next look.
const maxLooks = 3

// lookBelow reads a directory, all of one generation of a ConfigMap.
func (s *scan) lookBelow(name string, info os.FileInfo) error {
	if slices.ContainsFunc(s.parents, func(p os.FileInfo) bool { return os.SameFile(p, info) }) {
		return nil
	}
	s.parents = append(s.parents, info)
	defer func() { s.parents = s.parents[:len(s.parents)-1] }()
	for range maxLooks {
		before, changes := s.generation(name), len(s.changes)
		s.ahead = nil
		entries, err := fs.ReadDir(s.root.FS(), name)
		switch {
		case err != nil && name == ".":
			return err
		case err != nil:
			s.keepBelow(name)
			s.trouble(name, err)
			return nil
		}
		s.readAhead(name, entries)
		for _, e := range entries {
			if hidden(e.Name()) {
				continue
			}
			if err := s.look(path.Join(name, e.Name())); err != nil {
				return err
			}
		}
		if s.generation(name) == before {
			return nil
		}
		s.forget(changes)
	}
	s.unsettled = append(s.unsettled, name)
	return nil
}

// keepBelow leaves what is known of a directory that cannot be read as it is.
func (s *scan) keepBelow(name string) {
	for _, p := range s.dir.below(name) {
		s.found[p] = true
	}
}

// generation names the content of a ConfigMap's directory.
func (s *scan) generation(dir string) string {
	target, err := s.root.Readlink(path.Join(dir, "..data"))
	if err != nil {
		return "" // not a ConfigMap
	}
	return target
}

// forget takes back the changes from one on: they mix two generations.
func (s *scan) forget(from int) {
	for _, c := range s.changes[from:] {
		s.dir.drop(c.Path)
	}
	s.changes = s.changes[:from]
}

// missing notes the known files at or below a name that are not there.
func (s *scan) missing(name string) {
	for _, p := range s.dir.below(name) {
		if !s.found[p] {
			s.missed = append(s.missed, p)
		}
	}
}

// maxGraces is how many times the grace may pass before a file that is gone is
// passed on although others are still going.
const maxGraces = 10

// leave passes on that files are gone. In a ConfigMap the swap is atomic;
// elsewhere an editor may be about to put the file back. Who empties a directory
// takes a while, so files that go one after the other are passed on together:
// it has to be seen how many they are.
func (s *scan) leave() {
	var gone []string
	going, overdue := false, false
	for _, p := range s.missed {
		switch {
		case s.inConfigMap(p):
			s.gone(p)
		case s.settled(p):
			gone = append(gone, p)
			overdue = overdue || s.now.Sub(s.dir.entry(p).since) >= maxGraces*s.dir.grace
		default:
			going = true
		}
	}
	for _, p := range gone {
		if going && !overdue {
			s.unsettled = append(s.unsettled, p)
			continue
		}
		s.gone(p)
	}
}

func (s *scan) gone(name string) {
	s.dir.drop(name)
	s.change(Source{Path: name, Gone: true})
}

// inConfigMap says whether a file is, or was, in a ConfigMap's directory.
func (s *scan) inConfigMap(name string) bool {
	for s.root != nil && !external(name) && name != "." {
		name = path.Dir(name)
		if s.generation(name) != "" {
			return true
		}
	}
	return false
}

// below returns the known files at or below a name, sorted.
func (d *Dir) below(name string) []string {
	switch {
	case d.seen[name] != nil:
		return []string{name}
	case name != "." && d.holds[name] == 0:
		return nil // most often a file that is on its way to another name
	}
	var out []string
	for p := range d.seen {
		if name == "." || strings.HasPrefix(p, name+"/") {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// SettleTime is how soon something unsettled is to be looked at again.
const SettleTime = 50 * time.Millisecond

// settled says whether a file has been missing, empty or changing for the
// whole grace. If not, it is to be looked at again.
func (s *scan) settled(name string) bool {
	e := s.dir.entry(name)
	if e.since.IsZero() {
		e.since = s.now
	}
	if s.now.Sub(e.since) >= s.dir.grace {
		return true
	}
	s.unsettled = append(s.unsettled, name)
	return false
}

func (d *Dir) entry(name string) *entry {
	e := d.seen[name]
	if e == nil {
		e = &entry{}
		d.seen[name] = e
		d.count(name, 1)
	}
	return e
}

// drop forgets a file.
func (d *Dir) drop(name string) {
	if d.seen[name] != nil {
		delete(d.seen, name)
		d.count(name, -1)
	}
}

// count counts a file in the directories that it is in.
func (d *Dir) count(name string, by int) {
	for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if d.holds[dir] += by; d.holds[dir] == 0 {
			delete(d.holds, dir)
		}
	}
}

// trouble passes on that a file cannot be read, once.
func (s *scan) trouble(name string, err error) {
	s.found[name] = true
	if !s.settled(name) {
		return
	}
	e := s.dir.entry(name)
	if e.trouble == err.Error() {
		return
	}
	e.trouble, e.hash = err.Error(), [sha256.Size]byte{}
	s.change(Source{Path: name, Problem: unreadable(name, err)})
}

func unreadable(name string, err error) *diag.Problem {
	p := &diag.Problem{Code: diag.Unreadable, File: name, Line: 1, Col: 1, Width: 1, Msg: "the file cannot be read: " + err.Error()}
	switch {
	case errors.Is(err, errNotAllowed):
		p.Msg, p.Hint = err.Error(), "put it there, or start with --allow-path and the directory that it is in"
	case errors.Is(err, fs.ErrPermission):
		p.Hint = "give Dragoman's user the right to read it"
	case strings.Contains(err.Error(), "path escapes"):
		p.Msg, p.Hint = "the link leaves the configuration directory", "put what it leads to in its place, or serve a directory that holds both"
	case errors.Is(err, errTooLarge):
		p.Code, p.Hint = diag.TooLarge, "split it"
	}
	return p
}
