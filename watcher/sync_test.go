package watcher

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/fsnotify/fsnotify"
)

// A ledger stands in for fsnotify where a test must say what it knows, and
// when. It is always a little behind: its list keeps what was removed from
// the file system, until the test ends a watch.
type ledger struct {
	onAdd func(dir string) error // before the watch is set; nil does nothing

	mu    sync.Mutex // guards the rest
	list  map[string]bool
	added []string
}

func (l *ledger) Add(dir string) error {
	if l.onAdd != nil {
		if err := l.onAdd(dir); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list[dir] = true
	l.added = append(l.added, dir)
	return nil
}

func (l *ledger) Remove(dir string) error { l.end(dir); return nil }
func (l *ledger) Close() error            { return nil }

func (l *ledger) WatchList() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.list))
}

// end ends a watch, as the kernel does.
func (l *ledger) end(dir string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.list, dir)
}

// times is how often a watch was set on dir.
func (l *ledger) times(dir string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, added := range l.added {
		if added == dir {
			n++
		}
	}
	return n
}

func planted(t *testing.T, root string) (*tree, *ledger) {
	t.Helper()
	l := &ledger{list: map[string]bool{}}
	return &tree{root: root, src: l, remote: remote}, l
}

func resync(t *testing.T, tr *tree) {
	t.Helper()
	if err := tr.sync(); err != nil {
		t.Fatalf("sync: %v", err)
	}
}

// tempDir is a temporary directory without links on the way.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSyncOfAnUnchangedTreeSetsNoWatch(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	mkdir(t, filepath.Join(dir, "a/b"))
	symlink(t, "a", filepath.Join(dir, "link"))
	tr, l := planted(t, dir)
	resync(t, tr)
	before := len(l.added)
	resync(t, tr)
	if len(l.added) != before || tr.anew {
		t.Errorf("watches set: %q, the last ones by a second sync", l.added[before:])
	}
	if !tr.intact() {
		t.Error("not intact")
	}
}

// A directory that is removed and made again may have the old one's inode, and
// fsnotify may not know yet that its watch ended: the event alone tells.
func TestDirectoryThatIsBackIsWatchedAnew(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	sub := mkdir(t, filepath.Join(dir, "sub"))
	tr, l := planted(t, dir)
	resync(t, tr)
	c, reshaped := tr.read(fsnotify.Event{Name: sub, Op: fsnotify.Remove})
	if !reshaped || !slices.Equal(c.list(), []string{"sub"}) {
		t.Errorf("read: %q, reshaped %t; want sub, reshaped", c.list(), reshaped)
	}
	resync(t, tr)
	if got := l.times(sub); got != 2 {
		t.Errorf("watched %d times, want once more", got)
	}

	if _, reshaped = tr.read(fsnotify.Event{Name: dir, Op: fsnotify.Remove}); !reshaped {
		t.Error("the root's removal changes nothing")
	}
	resync(t, tr)
	if got := l.times(dir); got != 2 || !tr.anew {
		t.Errorf("root watched %d times, anew %t; want once more, anew", got, tr.anew)
	}
	removeAll(t, dir)
	resync(t, tr)
	if !tr.anew || !tr.intact() {
		t.Errorf("root lost: anew %t, intact %t; want both", tr.anew, tr.intact())
	}
}

func TestWatchThatEndedByItself(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	sub := mkdir(t, filepath.Join(dir, "sub"))
	tr, l := planted(t, dir)
	resync(t, tr)
	l.end(sub)
	if tr.intact() {
		t.Error("intact without a watch of sub")
	}
	resync(t, tr)
	if got := l.times(sub); got != 2 || !tr.intact() {
		t.Errorf("watched %d times, want once more", got)
	}
}

// A watch that ends at once, before the list of watches is looked at.
func TestWatchThatNeverWas(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	sub := mkdir(t, filepath.Join(dir, "sub"))
	tr, l := planted(t, dir)
	tr.src = forgetful{l, sub}
	resync(t, tr)
	if tr.intact() {
		t.Error("intact without a watch of sub")
	}
}

// forgetful is a ledger that does not list one directory.
type forgetful struct {
	*ledger

	dir string
}

func (f forgetful) WatchList() []string {
	return slices.DeleteFunc(f.ledger.WatchList(), func(dir string) bool { return dir == f.dir })
}

// The directory in which something is missing goes while it is looked at.
func TestWayToALinkedFileGoesDuringSync(t *testing.T) {
	t.Parallel()
	base := tempDir(t)
	outside := mkdir(t, filepath.Join(base, "outside"))
	store := mkdir(t, filepath.Join(outside, "store"))
	symlink(t, filepath.Join(store, "real.yaml"), filepath.Join(mkdir(t, filepath.Join(base, "dir")), "a.yaml"))
	tr, l := planted(t, filepath.Join(base, "dir"))
	l.onAdd = func(dir string) error {
		if dir != store {
			return nil
		}
		removeAll(t, store)
		return os.ErrNotExist
	}
	resync(t, tr)
	if l.times(outside) != 1 {
		t.Errorf("watches: %q, want the directory in which the way ends now", l.added)
	}
}

// What a link lacks appears before the watch is set that would have told of
// it: each time, one part of the path more.
func TestLinkedFileAppearsDuringSync(t *testing.T) {
	t.Parallel()
	for name, root := range map[string]string{"linked file": "dir", "root": "outside/later/on"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := tempDir(t)
			outside := mkdir(t, filepath.Join(base, "outside"))
			symlink(t, filepath.Join(outside, "later/on/real.yaml"), filepath.Join(mkdir(t, filepath.Join(base, "dir")), "a.yaml"))
			tr, l := planted(t, filepath.Join(base, root))
			l.onAdd = func(dir string) error {
				switch dir {
				case outside:
					mkdir(t, filepath.Join(outside, "later"))
				case filepath.Join(outside, "later"):
					put(t, filepath.Join(mkdir(t, filepath.Join(dir, "on")), "real.yaml"), "1")
				}
				return nil
			}
			resync(t, tr)
			if got := l.times(filepath.Join(outside, "later/on")); got != 1 {
				t.Errorf("watches: %q, want the directory of the file in the end", l.added)
			}
		})
	}
}

// Whoever looks because of a hint may rely on hearing of what comes after.
func TestWatchIsSetBeforeTheHint(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	tr, l := planted(t, dir)
	resync(t, tr)
	sub := mkdir(t, filepath.Join(dir, "sub"))
	r := &run{Watcher: New(dir, Options{}), root: dir, changes: newSettling(nil, testQuiet, testLimit)}
	l.onAdd = func(string) error {
		if !r.changes.pending.empty() {
			t.Errorf("hint %q before the watch", r.changes.pending.list())
		}
		return nil
	}
	if err := r.events(tr, batch{events: []fsnotify.Event{{Name: sub, Op: fsnotify.Create}}}); err != nil {
		t.Error(err)
	}
	if got := r.changes.pending.list(); !slices.Equal(got, []string{"sub"}) || l.times(sub) != 1 {
		t.Errorf("hint %q, sub watched %d times; want sub, once", got, l.times(sub))
	}
}

// That the root is another one is found by the way, too: then all is hinted.
func TestRootFoundReplacedByTheWay(t *testing.T) {
	t.Parallel()
	base := tempDir(t)
	root, outside := mkdir(t, filepath.Join(base, "x/root")), mkdir(t, filepath.Join(base, "outside"))
	for _, dir := range []string{root, mkdir(t, filepath.Join(base, "y/root"))} {
		symlink(t, outside, filepath.Join(dir, "link"))
	}
	tr, _ := planted(t, root)
	resync(t, tr)
	rename(t, filepath.Join(base, "x"), filepath.Join(base, "z"))
	rename(t, filepath.Join(base, "y"), filepath.Join(base, "x"))

	r := &run{Watcher: New(root, Options{}), root: root, changes: newSettling(nil, testQuiet, testLimit)}
	err := r.events(tr, batch{events: []fsnotify.Event{
		{Name: mkdir(t, filepath.Join(outside, "new")), Op: fsnotify.Create},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if all := r.changes.pending; !all.all || r.Stats().Rearms != 1 {
		t.Errorf("hint %q, %+v; want everywhere and one re-arm", all.list(), r.Stats())
	}
}

func TestDirectoryThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	sub := mkdir(t, filepath.Join(dir, "sub"))
	mkdir(t, filepath.Join(dir, "z"))
	tr, l := planted(t, dir)
	l.onAdd = func(dir string) error {
		if dir == sub {
			return os.ErrPermission
		}
		return nil
	}
	resync(t, tr)
	if l.times(filepath.Join(dir, "z")) != 1 || l.times(sub) != 0 {
		t.Errorf("watches: %q, want all but sub", l.added)
	}
	if !tr.intact() {
		t.Error("not intact: it would be set up again every two seconds")
	}
}
