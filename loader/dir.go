package loader

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// A Dir reads a configuration directory and remembers what it read, so that
// only new content is passed on. It never writes. It is for one goroutine.
//
// Editors, copies and uploads leave files empty, missing or half written for
// a moment. What is not settled is left as it was, and looked at again.
type Dir struct {
	path  string
	grace time.Duration
	seen  map[string]*entry
	holds map[string]int  // how many files are known below a directory
	named map[string]bool // files that documents name
	allow []string        // directories in which these may lie beside path
}

// An entry is what is known of one file.
type entry struct {
	hash    [sha256.Size]byte
	info    os.FileInfo // of what was read last; nil when nothing was
	trouble string      // the message of the problem passed on last, if it was one
	since   time.Time   // when it was first found missing, empty or unsettled; zero when it is neither
}

// OpenDir returns a reader of a directory that has read nothing yet. A file
// that is missing or empty counts as such once it has been so for the grace;
// with none, at once.
func OpenDir(path string, grace time.Duration) *Dir {
	return &Dir{path: path, grace: grace, seen: map[string]*entry{}, holds: map[string]int{}, named: map[string]bool{}}
}

// Expect makes files known that have not been read. If they are not there, a
// look says that they are gone.
func (d *Dir) Expect(names []string) {
	for _, name := range names {
		d.entry(name)
	}
}

// Look reads the named files, and all below the named directories, relative
// to the directory and with slashes; nil is everything. It returns those whose
// content is new, and the names that are not settled yet: look at these again
// after SettleTime. An error says that the directory itself cannot be read;
// then nothing is known to have changed, unless it is gone, and all files with
// it.
func (d *Dir) Look(names []string) (changes []Source, unsettled []string, err error) {
	s := &scan{dir: d, now: time.Now(), found: map[string]bool{}}
	if names == nil {
		names = []string{"."}
	}
	names = s.lookElsewhere(names)
	root, err := os.OpenRoot(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.missing(".")
		s.leave()
	}
	if err != nil {
		return s.changes, s.unsettled, fmt.Errorf("reading the configuration directory: %w", err)
	}
	defer root.Close()
	s.root = root
	for _, name := range reachable(names) {
		if err := s.look(name); err != nil {
			return nil, nil, fmt.Errorf("reading the configuration directory: %w", err)
		}
		s.missing(name)
	}
	s.leave()
	return s.changes, s.unsettled, nil
}

// reachable drops hidden names: no editor's swap file is a reason to read a
// directory. But when ..data is swapped, it is the visible links beside it that
// change, so a name like that stands for the directory that holds it.
func reachable(names []string) []string {
	var out []string
	for _, name := range names {
		parts := strings.Split(path.Clean(name), "/")
		if i := slices.IndexFunc(parts, hidden); i >= 0 {
			if !strings.HasPrefix(parts[i], "..") {
				continue
			}
			parts = parts[:i]
		}
		out = append(out, path.Join(append([]string{"."}, parts...)...))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// hidden tells names that are not configuration: .git, ..data, .a.yaml.swp.
func hidden(name string) bool { return strings.HasPrefix(name, ".") && name != "." }

// IsConfig tells the names of files that hold configuration.
func IsConfig(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
		return !hidden(path.Base(name))
	}
	return false
}
