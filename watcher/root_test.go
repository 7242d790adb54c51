package watcher

import (
	"path/filepath"
	"testing"

	"dragoman/internal/savetest"
)

// slowly makes sure that it is an event which tells, not the clock.
func slowly(w *Watcher) { w.pace.check = never }

// onlyByClock is for changes of which no event tells.
func onlyByClock(w *Watcher) { w.pace.check = fast }

// git-sync: the directory that is watched stays as it is, and is no longer
// the one that is meant.
func TestLinkAboveTheRootSwapped(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	for _, rev := range []string{"rev1", "rev2", "rev3"} {
		put(t, filepath.Join(mkdir(t, filepath.Join(base, rev, "cfg")), "a.yaml"), rev)
	}
	current := filepath.Join(base, "current")
	symlink(t, "rev1", current)
	p := start(t, filepath.Join(current, "cfg"), Options{}, slowly)
	for _, rev := range []string{"rev2", "rev3", "rev1"} {
		savetest.SwapLink(t, rev, current)
		p.reads("a.yaml", rev)
		put(t, filepath.Join(base, rev, "cfg/a.yaml"), "edited in "+rev)
		p.reads("a.yaml", "edited in "+rev)
	}
	if got := p.Stats().Rearms; got < 3 {
		t.Errorf("%d re-arms counted, want one for each of 3 swaps", got)
	}
}

func TestRootIsALink(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	for _, rev := range []string{"rev1", "rev2"} {
		put(t, filepath.Join(mkdir(t, filepath.Join(base, rev)), "a.yaml"), rev)
	}
	current := filepath.Join(base, "current")
	symlink(t, "rev1", current)
	p := start(t, current, Options{}, slowly)
	savetest.SwapLink(t, "rev2", current)
	p.reads("a.yaml", "rev2")
	put(t, filepath.Join(base, "rev2/a.yaml"), "edited")
	p.reads("a.yaml", "edited")
}

func TestRootComesAndGoes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		tweak func(*Watcher)
		root  string
		do    func(t *testing.T, base, root string)
	}{
		{"removed and recreated", slowly, "cfg", func(t *testing.T, _, root string) {
			t.Helper()
			removeAll(t, root)
			mkdir(t, root)
		}},
		{"renamed away and a new one put in place", slowly, "cfg", func(t *testing.T, base, root string) {
			t.Helper()
			fresh := mkdir(t, filepath.Join(base, "fresh"))
			rename(t, root, filepath.Join(base, "old"))
			rename(t, fresh, root)
		}},
		// Only the root's own parent is watched, which goes along.
		{"renamed away with its parents", onlyByClock, "x/y/cfg", func(t *testing.T, base, root string) {
			t.Helper()
			rename(t, filepath.Join(base, "x"), filepath.Join(base, "old"))
			mkdir(t, root)
		}},
		{"removed with its parents", onlyByClock, "x/y/cfg", func(t *testing.T, base, root string) {
			t.Helper()
			removeAll(t, filepath.Join(base, "x"))
			mkdir(t, root)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			base := t.TempDir()
			root := mkdir(t, filepath.Join(base, tc.root))
			mkdir(t, filepath.Join(root, "sub"))
			put(t, filepath.Join(root, "sub/a.yaml"), "0")
			p := start(t, root, Options{}, tc.tweak)
			for _, content := range []string{"1", "2", "3"} {
				tc.do(t, base, root)
				put(t, filepath.Join(mkdir(t, filepath.Join(root, "sub")), "a.yaml"), content)
				p.reads("sub/a.yaml", content)
				put(t, p.path("sub/a.yaml"), "edited after "+content)
				p.reads("sub/a.yaml", "edited after "+content)
				removeAll(t, filepath.Join(base, "old"))
			}
			if p.Stats().Rearms == 0 {
				t.Error("no re-arm counted")
			}
		})
	}
}

func TestRootThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	p := start(t, filepath.Join(base, "x/y/cfg"), Options{}, slowly)
	put(t, filepath.Join(mkdir(t, p.dir), "a.yaml"), "1")
	p.reads("a.yaml", "1")
	put(t, p.path("a.yaml"), "2")
	p.reads("a.yaml", "2")
}
