package loader

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Allow names directories beside the configuration directory in which files
// that documents name may lie. It is called before the first look.
func (d *Dir) Allow(dirs []string) { d.allow = dirs }

// ExpectNamed makes files known that documents name and that have not been
// read, as Expect does.
func (d *Dir) ExpectNamed(names []string) {
	for _, name := range names {
		d.named[name] = true
		d.entry(name)
	}
}

// Follow makes the files that documents name known, as a Loader has them, and
// looks at those that it did not know. From then on a look at where one is
// reads it too.
func (d *Dir) Follow(names []string) (changes []Source, unsettled []string, err error) {
	var fresh []string
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[name] = true
		if !d.named[name] {
			fresh = append(fresh, name)
		}
	}
	d.ExpectNamed(fresh)
	for name := range d.named {
		if !wanted[name] {
			delete(d.named, name)
			d.drop(name)
		}
	}
	if len(fresh) == 0 {
		return nil, nil, nil
	}
	return d.Look(fresh)
}

// Elsewhere returns the followed files that are not below the directory,
// sorted: who watches the directory is not told of them.
func (d *Dir) Elsewhere() []string {
	var out []string
	for name := range d.named {
		if external(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// reads tells the names whose content is wanted.
func (d *Dir) reads(name string) bool { return IsConfig(name) || d.named[name] }

// change passes on a source.
func (s *scan) change(c Source) {
	c.Named = s.dir.named[c.Path]
	s.changes = append(s.changes, c)
}

// lookElsewhere reads the named files that are not below the directory, and
// returns the other names.
func (s *scan) lookElsewhere(names []string) []string {
	var rest, here []string
	for _, name := range names {
		if external(name) {
			here = append(here, name)
			continue
		}
		rest = append(rest, name)
	}
	if slices.Contains(rest, ".") {
		here = s.dir.Elsewhere()
	}
	for _, name := range here {
		s.elsewhere(name)
		s.missing(name)
	}
	return rest
}

// elsewhere reads one file, through the directory that it may lie in, so that
// no link leads out of that.
func (s *scan) elsewhere(name string) {
	dir, place, err := s.dir.allowed(name)
	if err != nil {
		s.refused(name, err)
		return
	}
	root, err := os.OpenRoot(dir)
	if err == nil {
		defer root.Close()
		var info os.FileInfo
		if info, err = root.Stat(place); err == nil {
			s.found[name] = true
			s.read(root, place, name, info)
			return
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		s.trouble(name, err)
	}
}

var errNotAllowed = errors.New("it is outside of the configuration directory")

// allowed returns the directory that a name elsewhere may be read through, and
// its place there.
func (d *Dir) allowed(name string) (dir, place string, err error) {
	path := filepath.FromSlash(name)
	if !filepath.IsAbs(path) {
		path = filepath.Join(d.path, path)
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", "", err
	}
	for _, dir := range append([]string{d.path}, d.allow...) {
		if dir, err = filepath.Abs(dir); err != nil {
			return "", "", err
		}
		if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
			return dir, rel, nil
		}
	}
	return "", "", errNotAllowed
}

// refused passes on at once, and once, that a file may not be read: nothing on
// the disk will change that.
func (s *scan) refused(name string, err error) {
	s.found[name] = true
	e := s.dir.entry(name)
	if e.trouble == err.Error() {
		return
	}
	*e = entry{trouble: err.Error()}
	s.change(Source{Path: name, Problem: unreadable(name, err)})
}

// ReadDir reads a directory once, with the files that are named there and may
// lie in the directories that are allowed, as serve does when it starts.
func ReadDir(dir string, o Options, allow ...string) (Result, error) {
	d := OpenDir(dir, 0)
	d.Allow(allow)
	sources, unsettled, err := d.Look(nil)
	if err != nil {
		return Result{}, err
	}
	l := New(o)
	l.Take(sources)
	named, more, err := d.Follow(l.Named())
	if err != nil {
		return Result{}, err
	}
	if unsettled = append(unsettled, more...); len(unsettled) > 0 {
		return Result{}, fmt.Errorf("%s changes while it is read: try again", strings.Join(unsettled, ", "))
	}
	return l.Apply(named), nil
}

// ReadNamed reads files once, each through one of the directories in which
// they may lie. Names are relative to the working directory, or absolute.
func ReadNamed(names, within []string) ([]Source, error) {
	d := OpenDir(within[0], 0)
	d.Allow(within[1:])
	byPath := map[string]string{}
	var paths []string
	for _, name := range names {
		path, err := filepath.Abs(filepath.FromSlash(name))
		if err != nil {
			return nil, err
		}
		path = filepath.ToSlash(path)
		byPath[path] = name
		paths = append(paths, path)
	}
	changes, unsettled, err := d.Follow(paths)
	if err != nil {
		return nil, err
	}
	if len(unsettled) > 0 {
		return nil, fmt.Errorf("%s changes while it is read: try again", strings.Join(unsettled, ", "))
	}
	for i := range changes {
		changes[i].Path = byPath[changes[i].Path]
	}
	return changes, nil
}
