package loader_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dragoman/loader"
)

func TestMissingAndEmptyFilesHaveAGrace(t *testing.T) {
	root := t.TempDir()
	a, b := filepath.Join(root, "a.yaml"), filepath.Join(root, "b.yaml")
	write(t, a, "a")
	write(t, b, "b")
	synctest.Test(t, func(t *testing.T) {
		d := loader.OpenDir(root, time.Second)
		want(t, "first", seen(t, d), "a.yaml=a", "b.yaml=b")
		if err := os.Remove(a); err != nil {
			t.Fatal(err)
		}
		write(t, b, " \n")
		_, unsettled, err := d.Look(nil)
		slices.Sort(unsettled)
		if err != nil || !slices.Equal(unsettled, []string{"a.yaml", "b.yaml"}) {
			t.Fatalf("unsettled %v, error %v, want both files", unsettled, err)
		}
		time.Sleep(999 * time.Millisecond)
		want(t, "within the grace", seen(t, d))
		write(t, a, "a")
		want(t, "one is back as it was", seen(t, d))
		time.Sleep(time.Millisecond)
		want(t, "the other is not", seen(t, d), "b.yaml=")
		if err := os.Remove(a); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		want(t, "missing again: the grace begins anew", seen(t, d))
		time.Sleep(time.Second)
		want(t, "and ends", seen(t, d), "-a.yaml")
	})
}

// What was read of a file that is being overwritten may be the beginning of one
// content and the end of another. It counts once nobody has written to it for a
// moment; a file that replaces another one, at once.
func TestAnOverwrittenFileHasToBeStill(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a.yaml")
	write(t, path, "one")
	synctest.Test(t, func(t *testing.T) {
		d := loader.OpenDir(root, time.Second)
		stamped := func(content string) {
			t.Helper()
			write(t, path, content)
			if err := os.Chtimes(path, time.Now(), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		want(t, "first", seen(t, d), "a.yaml=one")
		stamped("two")
		want(t, "being written", seen(t, d))
		time.Sleep(loader.SettleTime - time.Millisecond)
		want(t, "not still enough", seen(t, d))
		time.Sleep(time.Millisecond)
		want(t, "still", seen(t, d), "a.yaml=two")
		for range 30 {
			stamped("three")
			time.Sleep(40 * time.Millisecond)
			want(t, "written to all the time", slices.DeleteFunc(seen(t, d), func(s string) bool {
				return s == "!a.yaml: the file cannot be read: it changes while it is read" // after the grace
			}))
		}
		time.Sleep(loader.SettleTime)
		want(t, "still again", seen(t, d), "a.yaml=three")

		other := filepath.Join(root, ".a.yaml.tmp")
		write(t, other, "four")
		if err := os.Rename(other, path); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Now(), time.Now()); err != nil {
			t.Fatal(err)
		}
		want(t, "replaced", seen(t, d), "a.yaml=four")
	})
}

// A directory that is gone is as one whose files are gone: for a moment, as when
// it is swapped, that is nothing.
func TestAMissingDirectoryHasAGrace(t *testing.T) {
	root := filepath.Join(t.TempDir(), "config")
	write(t, filepath.Join(root, "a.yaml"), "a")
	synctest.Test(t, func(t *testing.T) {
		d := loader.OpenDir(root, time.Second)
		want(t, "first", seen(t, d), "a.yaml=a")
		if err := os.Rename(root, root+"2"); err != nil {
			t.Fatal(err)
		}
		look := func(what string, gone int, unsettled ...string) {
			t.Helper()
			changes, again, err := d.Look(nil)
			if err == nil || len(changes) != gone || !slices.Equal(again, unsettled) {
				t.Errorf("%s: Look = %v, %v, %v, want %d changes, %v unsettled and an error", what, changes, again, err, gone, unsettled)
			}
		}
		look("gone", 0, "a.yaml")
		time.Sleep(time.Second)
		look("for good", 1)
		look("and still", 0)
		if err := os.Rename(root+"2", root); err != nil {
			t.Fatal(err)
		}
		want(t, "it is back", seen(t, d), "a.yaml=a")
	})
}

// Files that go one after the other are passed on together, but not for ever.
func TestFilesThatGoOneByOneGoTogether(t *testing.T) {
	root := t.TempDir()
	for i := range 30 {
		write(t, filepath.Join(root, fmt.Sprintf("%02d.yaml", i)), "a")
	}
	synctest.Test(t, func(t *testing.T) {
		d := loader.OpenDir(root, time.Second)
		seen(t, d)
		removed := 0
		remove := func() {
			t.Helper()
			if err := os.Remove(filepath.Join(root, fmt.Sprintf("%02d.yaml", removed))); err != nil {
				t.Fatal(err)
			}
			removed++
		}
		for range 4 {
			remove()
			want(t, "some are going", seen(t, d))
			time.Sleep(600 * time.Millisecond)
		}
		want(t, "the last of them has just gone", seen(t, d))
		time.Sleep(400 * time.Millisecond)
		want(t, "all are gone", seen(t, d), "-00.yaml", "-01.yaml", "-02.yaml", "-03.yaml")
		start, gone := time.Now(), 0
		for gone == 0 && removed < 30 {
			remove()
			gone = len(seen(t, d))
			time.Sleep(600 * time.Millisecond)
		}
		if took := time.Since(start); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("with more files going all the time the first were gone after %v, want 10s", took)
		}
	})
}
