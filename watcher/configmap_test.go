package watcher

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dragoman/internal/savetest"
)

// A volume is written in all the ways in which one changes, as the root itself
// and below it; after each, the receiver must know all of it.
func TestConfigMap(t *testing.T) {
	t.Parallel()
	for name, below := range map[string]string{"as the root": ".", "below the root": "mounted"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			volume := mkdir(t, filepath.Join(dir, below))
			p := start(t, dir, Options{})
			m := savetest.NewConfigMap(volume)
			known := map[string]string{}
			for _, step := range []struct {
				name  string
				files map[string]string
			}{
				{"first projection", map[string]string{"a.yaml": "1", "b.yaml": "1"}},
				{"update", map[string]string{"a.yaml": "2", "b.yaml": "1"}},
				{"second update", map[string]string{"a.yaml": "3", "b.yaml": "1"}},
				{"key added", map[string]string{"a.yaml": "3", "b.yaml": "1", "c.yaml": "1"}},
				{"key removed", map[string]string{"a.yaml": "3", "c.yaml": "1"}},
				{"key with a path added", map[string]string{"a.yaml": "3", "sub/d.yaml": "1"}},
				{"key with a path updated", map[string]string{"a.yaml": "3", "sub/d.yaml": "2"}},
				{"all removed", map[string]string{}},
			} {
				m.Write(t, step.files)
				for !maps.Equal(known, step.files) {
					look(t, p, p.next(), volume, known, step.files)
				}
				if t.Failed() {
					t.Fatalf("at %s", step.name)
				}
			}
		})
	}
}

// look updates what is known of a volume as a receiver would: it reads again
// what the hint covers, and nothing else.
func look(t *testing.T, p *probe, hint []string, volume string, known, want map[string]string) {
	t.Helper()
	names := slices.Concat(slices.Collect(maps.Keys(known)), slices.Collect(maps.Keys(want)))
	for _, name := range names {
		path := filepath.Join(volume, name)
		rel, err := filepath.Rel(p.dir, path)
		if err != nil {
			t.Fatal(err)
		}
		if !covers(hint, filepath.ToSlash(rel)) {
			continue
		}
		b, err := os.ReadFile(path)
		switch {
		case err == nil:
			known[name] = string(b)
		case errors.Is(err, fs.ErrNotExist):
			delete(known, name)
		default:
			t.Fatal(err)
		}
	}
}

// No event names the files, so the directory that holds ..data is hinted.
func TestConfigMapSwapHintsItsDirectory(t *testing.T) {
	t.Parallel()
	for below, want := range map[string][]string{".": nil, "x/map": {"x/map"}} {
		t.Run(below, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			m := savetest.NewConfigMap(mkdir(t, filepath.Join(dir, below)))
			m.Write(t, map[string]string{"a.yaml": "1"})
			p := start(t, dir, Options{})
			m.Write(t, map[string]string{"a.yaml": "2"})
			hint := p.next()
			if want == nil && hint != nil || want != nil && !slices.Contains(hint, want[0]) {
				t.Errorf("hint %q, want %q among it", hint, want)
			}
		})
	}
}

// A swap that changes no key is all there is to an update, and waits for nothing.
func TestConfigMapSwapNeedsNoQuiet(t *testing.T) {
	t.Parallel()
	for _, below := range []string{".", "x/map"} {
		t.Run(below, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			m := savetest.NewConfigMap(mkdir(t, filepath.Join(dir, below)))
			m.Write(t, map[string]string{"a.yaml": "1", "sub/b.yaml": "1"})
			p := start(t, dir, Options{Quiet: never, MaxDelay: never})
			for _, content := range []string{"2", "3"} {
				m.Write(t, map[string]string{"a.yaml": content, "sub/b.yaml": content})
				p.reads(filepath.ToSlash(filepath.Join(below, "a.yaml")), content)
			}
		})
	}
}

// A swap that changes keys is not all: their links come and go after it.
func TestConfigMapSwapWaitsForLinks(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]string{"key added": {"a.yaml", "b.yaml", "c.yaml"}, "key removed": {"a.yaml"}, "key moved": {"a.yaml", "c.yaml"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			volume := mkdir(t, filepath.Join(dir, "map"))
			savetest.NewConfigMap(volume).Write(t, map[string]string{"a.yaml": "1", "b.yaml": "1"})
			p := start(t, dir, Options{Quiet: never, MaxDelay: never})
			for _, key := range keys {
				put(t, filepath.Join(mkdir(t, filepath.Join(volume, "..next")), key), "2")
			}
			symlink(t, "..next", filepath.Join(volume, "..data_tmp"))
			rename(t, filepath.Join(volume, "..data_tmp"), filepath.Join(volume, "..data"))
			put(t, filepath.Join(dir, ".mark"), "")
			rename(t, filepath.Join(dir, ".mark"), filepath.Join(dir, "mark.yaml"))
			if got, want := p.next(), []string{"mark.yaml"}; !slices.Equal(got, want) {
				t.Errorf("hint %q, want %q alone", got, want)
			}
		})
	}
}

// The files behind the links can be edited, too.
func TestConfigMapFileWrittenThroughItsLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := savetest.NewConfigMap(dir)
	m.Write(t, map[string]string{"a.yaml": "1", "sub/b.yaml": "1"})
	m.Write(t, map[string]string{"a.yaml": "2", "sub/b.yaml": "2"})
	p := start(t, dir, Options{})
	for _, name := range []string{"a.yaml", "sub/b.yaml"} {
		put(t, p.path(name), "3")
		p.reads(name, "3")
	}
}
