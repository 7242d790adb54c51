package watcher

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dragoman/internal/savetest"

	"github.com/google/go-cmp/cmp"
)

func TestLinkedFileEditedElsewhere(t *testing.T) {
	t.Parallel()
	for _, way := range savetest.Ways() {
		t.Run(way.Name, func(t *testing.T) {
			t.Parallel()
			dir, outside := t.TempDir(), t.TempDir()
			target := filepath.Join(outside, "real.yaml")
			put(t, target, "old")
			symlink(t, target, filepath.Join(dir, "a.yaml"))
			p := start(t, dir, Options{})
			way.Save(t, target, "new")
			p.reads("a.yaml", "new")
			way.Save(t, target, "newer")
			p.reads("a.yaml", "newer")
		})
	}
}

func TestNeighboursOfALinkedFileAreNobodysBusiness(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	put(t, filepath.Join(outside, "real.yaml"), "old")
	symlink(t, filepath.Join(outside, "real.yaml"), filepath.Join(dir, "a.yaml"))
	p := start(t, dir, Options{})
	put(t, filepath.Join(outside, "other.yaml"), "1")
	mkdir(t, filepath.Join(outside, "sub"))
	put(t, filepath.Join(outside, "real.yaml"), "new")
	if diff := cmp.Diff([]string{"a.yaml"}, p.next()); diff != "" {
		t.Errorf("first hint (-want +got):\n%s", diff)
	}
}

// Wherever on the way a link is swapped, what is found behind it is hinted,
// and watched from then on.
func TestLinkSwapped(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, link string // of the watched directory to something in store/current
		file       string // in it, as it is hinted
	}{
		{"on the way to a file", "store/current/team/a.yaml", "link"},
		{"on the way to a directory", "store/current/team", "link/a.yaml"},
		{"a directory itself", "store/current", "link/team/a.yaml"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir, base := t.TempDir(), t.TempDir()
			for _, rev := range []string{"rev1", "rev2"} {
				put(t, filepath.Join(mkdir(t, filepath.Join(base, "store", rev, "team")), "a.yaml"), rev)
			}
			current := filepath.Join(base, "store/current")
			symlink(t, "rev1", current)
			symlink(t, filepath.Join(base, tc.link), filepath.Join(dir, "link"))
			p := start(t, dir, Options{})

			savetest.SwapLink(t, "rev2", current)
			p.reads(tc.file, "rev2")
			put(t, filepath.Join(base, "store/rev2/team/a.yaml"), "rev2, edited")
			p.reads(tc.file, "rev2, edited")
			savetest.SwapLink(t, "rev1", current)
			p.reads(tc.file, "rev1")
		})
	}
}

// No link changes here, and nobody watches the directory above.
func TestDirectoryOfALinkedFileReplaced(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	store := mkdir(t, filepath.Join(outside, "store"))
	put(t, filepath.Join(store, "real.yaml"), "0")
	symlink(t, filepath.Join(store, "real.yaml"), filepath.Join(dir, "a.yaml"))
	p := start(t, dir, Options{})
	for _, content := range []string{"1", "2"} {
		fresh := mkdir(t, filepath.Join(outside, "fresh"))
		put(t, filepath.Join(fresh, "real.yaml"), content)
		rename(t, store, filepath.Join(outside, "old"+content))
		rename(t, fresh, store)
		p.reads("a.yaml", content)
		put(t, filepath.Join(store, "real.yaml"), "edited after "+content)
		p.reads("a.yaml", "edited after "+content)
	}
	removeAll(t, store)
	p.covered("a.yaml")
	put(t, filepath.Join(mkdir(t, store), "real.yaml"), "last")
	p.reads("a.yaml", "last")
}

func TestLinkThatLeadsNowhereYet(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	symlink(t, filepath.Join(outside, "later/on/real.yaml"), filepath.Join(dir, "a.yaml"))
	p := start(t, dir, Options{})
	put(t, filepath.Join(mkdir(t, filepath.Join(outside, "later/on")), "real.yaml"), "1")
	p.reads("a.yaml", "1")
	put(t, filepath.Join(outside, "later/on/real.yaml"), "2")
	p.reads("a.yaml", "2")
}

// Two names of one directory: fsnotify knows only one of them.
func TestDirectoryWithTwoNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mkdir(t, filepath.Join(dir, "real/sub"))
	symlink(t, "real", filepath.Join(dir, "alias"))
	p := start(t, dir, Options{})
	put(t, p.path("real/sub/a.yaml"), "1")
	if diff := cmp.Diff([]string{"alias/sub/a.yaml", "real/sub/a.yaml"}, p.next()); diff != "" {
		t.Errorf("hint (-want +got):\n%s", diff)
	}
}

// Of a hard link's other name no kernel tells.
func TestHardLinkEditedElsewhereIsFoundByTheResync(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	put(t, filepath.Join(outside, "real.yaml"), "old")
	if err := os.Link(filepath.Join(outside, "real.yaml"), filepath.Join(dir, "a.yaml")); err != nil {
		t.Skip(err)
	}
	p := start(t, dir, Options{Quiet: time.Millisecond, Resync: fast})
	put(t, filepath.Join(outside, "real.yaml"), "new")
	p.reads("a.yaml", "new")
}

func TestFollow(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	mkdir(t, filepath.Join(dir, "a/b"))
	put(t, filepath.Join(dir, "a/file"), "")
	symlink(t, "a/b", filepath.Join(dir, "short"))
	symlink(t, dir+"/short/../file", filepath.Join(dir, "dots"))
	symlink(t, "gone/file", filepath.Join(dir, "nowhere"))
	symlink(t, "loop", filepath.Join(dir, "loop"))
	for _, tc := range []struct {
		name, want string
		steps      []string // in dir
		err        error
	}{
		{name: ".", want: "."},
		{name: "a//b/.", want: "a/b"},
		{name: "short", want: "a/b", steps: []string{"short"}},
		// After a link to a/b, .. is a.
		{name: "short/../file", want: "a/file", steps: []string{"short"}},
		{name: "dots", want: "a/file", steps: []string{"dots", "short"}},
		{name: "nowhere", steps: []string{"nowhere", "gone"}, err: os.ErrNotExist},
		{name: "a/file/x", steps: []string{"a/file/x"}, err: syscall.ENOTDIR},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			place, steps, err := follow(dir, tc.name)
			if !errors.Is(err, tc.err) {
				t.Errorf("follow(%q): %v, want %v", tc.name, err, tc.err)
			}
			if want := filepath.Join(dir, tc.want); err == nil && place != want {
				t.Errorf("follow(%q) = %s, want %s", tc.name, place, want)
			}
			var got []string
			for _, s := range steps {
				rel, _ := filepath.Rel(dir, filepath.Join(s.dir, s.base))
				got = append(got, rel)
			}
			if diff := cmp.Diff(tc.steps, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
	if _, _, err := follow(dir, "loop"); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("follow(loop): %v, want ELOOP", err)
	}
}
