package watcher

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxLinks is how many links a path may go through, as in the kernel.
const maxLinks = 40

// A step is an entry of a directory that decides where a path leads: a link
// on the way, or something that is missing. When it changes, so does the path.
type step struct {
	dir  string // absolute, without links
	base string
}

// follow returns the absolute path without links that name leads to from dir,
// itself absolute and without links, and the steps on the way. It returns
// the steps as far as it came together with an error.
func follow(dir, name string) (place string, steps []step, err error) {
	rest := split(name)
	links := 0
	for len(rest) > 0 {
		base := rest[0]
		rest = rest[1:]
		if base == ".." {
			dir = filepath.Dir(dir)
			continue
		}
		path := filepath.Join(dir, base)
		info, err := os.Lstat(path)
		if err != nil {
			return "", append(steps, step{dir, base}), err
		}
		if info.Mode().Type() != os.ModeSymlink {
			dir = path
			continue
		}
		steps = append(steps, step{dir, base})
		if links++; links > maxLinks {
			return "", steps, fmt.Errorf("%s: %w", path, syscall.ELOOP)
		}
		target, err := os.Readlink(path)
		if err != nil {
			return "", steps, err
		}
		if filepath.IsAbs(target) {
			dir = top(target)
		}
		rest = append(split(target), rest...)
	}
	return dir, steps, nil
}

// split returns the names that a path is made of, without those that mean
// nothing. Unlike filepath.Clean it keeps "..", which after a link to a
// directory is not the opposite of the name before it.
func split(path string) []string {
	path = path[len(filepath.VolumeName(path)):]
	var names []string
	for name := range strings.SplitSeq(filepath.ToSlash(path), "/") {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	return names
}

// top returns the directory at which an absolute path begins.
func top(path string) string {
	return filepath.VolumeName(path) + string(filepath.Separator)
}
