package savetest

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A ConfigMap is a mounted ConfigMap or Secret, written as kubelet's atomic
// writer does (kubernetes, pkg/volume/util/atomic_writer.go): real files in a
// hidden directory, a link ..data to it that is replaced by a rename, and
// visible links through ..data that are made after that rename.
type ConfigMap struct{ dir string }

// NewConfigMap returns the writer of the volume mounted at dir, an existing
// directory.
func NewConfigMap(dir string) *ConfigMap { return &ConfigMap{dir: dir} }

// Write projects files, from a path such as a.yaml or sub/b.yaml (an item
// with a path) to its content. Like kubelet it does nothing when nothing changed.
func (c *ConfigMap) Write(t testing.TB, files map[string]string) {
	t.Helper()
	old, err := os.Readlink(c.at("..data"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if old != "" && maps.Equal(files, content(t, c.at(old))) {
		return
	}
	c.swap(t, files)
	c.link(t, files)
	c.unlink(t, files)
	if old != "" {
		check(t, os.RemoveAll(c.at(old)))
	}
}

// Refresh is what kubelet does every 60 to 90 seconds: it sets owner and mode
// of everything again.
func (c *ConfigMap) Refresh(t testing.TB) {
	t.Helper()
	check(t, filepath.WalkDir(c.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Type() == fs.ModeSymlink {
			return err
		}
		mode := fs.FileMode(0o644)
		if e.IsDir() {
			mode = 0o755
		}
		return errors.Join(os.Chown(path, os.Getuid(), os.Getgid()), os.Chmod(path, mode))
	}))
}

func (c *ConfigMap) at(name string) string { return filepath.Join(c.dir, filepath.FromSlash(name)) }

// swap writes a new generation and points ..data at it.
func (c *ConfigMap) swap(t testing.TB, files map[string]string) {
	t.Helper()
	next, err := os.MkdirTemp(c.dir, time.Now().UTC().Format("..2006_01_02_15_04_05."))
	check(t, err)
	check(t, os.Chmod(next, 0o755))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(next, filepath.FromSlash(name))
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, os.WriteFile(path, []byte(files[name]), 0o644))
		check(t, os.Chmod(path, 0o644))
	}
	check(t, os.Symlink(filepath.Base(next), c.at("..data_tmp")))
	check(t, os.Rename(c.at("..data_tmp"), c.at("..data")))
}

// link makes the visible links that are missing. A path of several parts gets
// one link, to a directory, for the first of them.
func (c *ConfigMap) link(t testing.TB, files map[string]string) {
	t.Helper()
	for _, name := range visible(files) {
		if !exists(c.at(name)) {
			check(t, os.Symlink("..data/"+name, c.at(name)))
		}
	}
}

// unlink removes the visible links that lead nowhere now.
func (c *ConfigMap) unlink(t testing.TB, files map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(c.dir)
	check(t, err)
	keep := visible(files)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "..") && !slices.Contains(keep, e.Name()) {
			check(t, os.Remove(c.at(e.Name())))
		}
	}
}

// visible returns the names that appear at the top of the volume.
func visible(files map[string]string) []string {
	var out []string
	for name := range files {
		top, _, _ := strings.Cut(name, "/")
		out = append(out, top)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// content reads every file below dir.
func content(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	check(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, errRel := filepath.Rel(dir, path)
		out[filepath.ToSlash(name)] = string(b)
		return errors.Join(err, errRel)
	}))
	return out
}
