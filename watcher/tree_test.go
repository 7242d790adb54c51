package watcher

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewDirectories(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		do   func(t *testing.T, dir string)
	}{
		{"mkdir -p and a file", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(mkdir(t, filepath.Join(dir, "a/b")), "x.yaml"), "1")
		}},
		{"a tree moved in", func(t *testing.T, dir string) {
			t.Helper()
			outside := t.TempDir()
			put(t, filepath.Join(mkdir(t, filepath.Join(outside, "a/b")), "x.yaml"), "1")
			rename(t, filepath.Join(outside, "a"), filepath.Join(dir, "a"))
		}},
		{"a tree renamed", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(mkdir(t, filepath.Join(dir, "old/b")), "x.yaml"), "1")
			rename(t, filepath.Join(dir, "old"), filepath.Join(dir, "a"))
		}},
		{"a link to a tree outside", func(t *testing.T, dir string) {
			t.Helper()
			outside := t.TempDir()
			put(t, filepath.Join(mkdir(t, filepath.Join(outside, "b")), "x.yaml"), "1")
			symlink(t, outside, filepath.Join(dir, "a"))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := start(t, dir, Options{})
			tc.do(t, dir)
			p.reads("a/b/x.yaml", "1")

			// It is watched from now on, and so is what returns in its place.
			put(t, p.path("a/b/x.yaml"), "2")
			p.reads("a/b/x.yaml", "2")
			removeAll(t, p.path("a"))
			p.covered("a/b/x.yaml")
			put(t, filepath.Join(mkdir(t, p.path("a/b")), "x.yaml"), "3")
			p.reads("a/b/x.yaml", "3")
			put(t, p.path("a/b/x.yaml"), "4")
			p.reads("a/b/x.yaml", "4")
		})
	}
}

// fsnotify goes on naming what is in a directory that was renamed by its old
// name.
func TestRenamedTreeIsHintedByItsNewName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, filepath.Join(mkdir(t, filepath.Join(dir, "old/b/c")), "x.yaml"), "1")
	p := start(t, dir, Options{})
	rename(t, p.path("old"), p.path("new"))
	p.coveredAll("old/b/c/x.yaml", "new/b/c/x.yaml")
	put(t, p.path("new/b/c/x.yaml"), "2")
	p.reads("new/b/c/x.yaml", "2")

	// A directory that takes the place of another is another one.
	mkdir(t, p.path("old/b/c"))
	put(t, p.path("old/b/c/y.yaml"), "1")
	p.reads("old/b/c/y.yaml", "1")
	removeAll(t, p.path("new"))
	rename(t, p.path("old"), p.path("new"))
	p.reads("new/b/c/y.yaml", "1")
	put(t, p.path("new/b/c/y.yaml"), "2")
	p.reads("new/b/c/y.yaml", "2")
}

func TestManyDirectoriesAtOnce(t *testing.T) {
	t.Parallel()
	const dirs = 100
	dir := t.TempDir()
	p := start(t, dir, Options{})
	var files []string
	for i := range dirs {
		files = append(files, fmt.Sprintf("%d/deep/er/x.yaml", i))
		put(t, filepath.Join(mkdir(t, p.path(filepath.Dir(files[i]))), "x.yaml"), "1")
	}
	p.coveredAll(files...)
	// Whoever has been told of a directory may rely on its being watched.
	for _, name := range files {
		put(t, p.path(name), "2")
	}
	p.coveredAll(files...)
}

func TestHiddenDirectoriesAreNotWatched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mkdir(t, filepath.Join(dir, ".git/refs"))
	p := start(t, dir, Options{})
	put(t, p.path(".git/refs/a.yaml"), "1")
	put(t, p.path(".git/b.yaml"), "1")
	put(t, p.path("z.yaml"), "1")
	if diff := cmp.Diff([][]string{{"z.yaml"}}, p.covered("z.yaml")); diff != "" {
		t.Errorf("hints until the first visible change (-want +got):\n%s", diff)
	}
}

func TestLinksThatGoRoundInCircles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mkdir(t, filepath.Join(dir, "a/b"))
	symlink(t, "..", filepath.Join(dir, "a/b/up"))
	symlink(t, dir, filepath.Join(dir, "a/top"))
	symlink(t, "self", filepath.Join(dir, "self"))
	p := start(t, dir, Options{})
	put(t, p.path("a/b/x.yaml"), "1")
	p.reads("a/b/x.yaml", "1")
}

func TestTreeThatIsTooLarge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// Each level doubles the number of names, though not of directories.
	for i := range 16 {
		from := mkdir(t, filepath.Join(dir, fmt.Sprintf(".%d", i)))
		for _, name := range []string{"l", "r"} {
			symlink(t, fmt.Sprintf("../.%d", i+1), filepath.Join(from, name))
		}
	}
	mkdir(t, filepath.Join(dir, ".16"))
	symlink(t, ".0", filepath.Join(dir, "all"))
	src, err := openNotify()
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	tr := &tree{root: dir, src: src, remote: remote}
	if err := tr.sync(); err == nil || !strings.Contains(err.Error(), "more than 20000 directories") {
		t.Errorf("sync: %v, want too many directories", err)
	}
}

func TestNetworkFileSystems(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{"directory": ".", "file": "real.yaml"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, outside := t.TempDir(), tempDir(t)
			put(t, filepath.Join(outside, "real.yaml"), "1")
			symlink(t, filepath.Join(outside, target), filepath.Join(dir, "link"))
			far := func(w *Watcher) {
				quickly(w)
				w.remote = func(d string) string {
					if d == outside {
						return "nfs"
					}
					return ""
				}
			}
			p := start(t, dir, Options{}, far)
			p.everywhere()
			if got := p.Stats().Mode; got != Poll {
				t.Errorf("mode %v, want poll", got)
			}
			wantOnce(t, p.log.String(), outside+" is on nfs")

			p = start(t, dir, Options{Mode: Notify}, far)
			put(t, p.path("a.yaml"), "1")
			p.reads("a.yaml", "1")
			if got := p.Stats().Mode; got != Notify {
				t.Errorf("mode %v, want notify, which was asked for", got)
			}
		})
	}
}
