package faults_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"dragoman/internal/servetest"
)

// The disk of the state is full, and has room again; then it may not be
// written. What serves goes on as if there were no state.
func TestTheDiskIsFull(t *testing.T) {
	t.Parallel()
	disk := servetest.TinyDisk(t, "256k")
	state := filepath.Join(disk, "state")
	w := create(t, options{args: []string{"--state-dir", state}})
	servetest.Keeps(t, state, stamp(0))
	l := w.load(t)
	edits := pick(5, 50)
	var took []time.Duration
	revision := 0
	edit := func() {
		revision++
		w.edit(t, revision)
		took = append(took, w.sees(t, revision))
	}

	filler := filepath.Join(disk, "filler")
	servetest.Fill(t, filler)
	for range edits {
		edit()
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	edit()
	servetest.Keeps(t, state, stamp(revision))
	servetest.ReadOnly(t, disk)
	for range edits {
		edit()
	}
	over(t, l, "state on a full disk, and read-only", figure("edits", len(took)), slowest("each within", took))
}
