package faults_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The clock jumps, as files see it: what is written is from yesterday, from
// tomorrow, from the first of all days, or has the very time and size of what
// stood there before. The program's own timers are monotonic, which no jump of
// the clock moves.
func TestTheClockJumps(t *testing.T) {
	t.Parallel()
	w := create(t, options{})
	l := w.load(t)
	path := filepath.Join(w.dir, "edited.yaml")
	var took []time.Duration
	revision := 0
	rounds := pick(2, 20)
	for range rounds {
		for _, at := range []time.Time{
			time.Now().AddDate(0, 0, -1), time.Now().AddDate(0, 0, 1), time.Unix(0, 0), time.Now().AddDate(100, 0, 0), time.Now(), time.Now().AddDate(0, 0, -1),
		} {
			revision = revision%8 + 1 // of one digit, so that the size stays
			before, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			for i, mtime := range []time.Time{at, before.ModTime()} {
				revision += i
				if err := os.WriteFile(path, []byte(w.service("edited", revision)), 0o644); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(path, mtime, mtime); err != nil {
					t.Fatal(err)
				}
				took = append(took, w.sees(t, revision))
			}
		}
	}
	w.shows(t, "all is well", func(s status) bool { return s.OK })
	over(t, l, "the clock jumps by a day, and more", figure("edits", len(took)), slowest("each within", took))
}
