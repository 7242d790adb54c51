package loader_test

import (
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
