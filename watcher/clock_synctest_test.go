package watcher

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/google/go-cmp/cmp"
)

// In a bubble the clock is the test's. No kernel tells of anything there: an
// idle fsnotify watcher would stop the clock.

// pass lets time pass, and then everybody come to rest.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// ticking runs w in a bubble until the test's end, and collects its hints.
func ticking(t *testing.T, w *Watcher) (hints *[]got) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	hints = &[]got{}
	start := time.Now()
	go func() {
		for {
			select {
			case names := <-w.Changes():
				*hints = append(*hints, got{time.Since(start), names})
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	<-w.Armed()
	return hints
}

func TestRetriesAndPollsWhenNothingCanBeWatched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var tries []time.Duration
		start := time.Now()
		w := New(dir, Options{})
		w.open = func() (source, error) {
			tries = append(tries, time.Since(start))
			return source{}, syscall.EMFILE
		}
		hints := ticking(t, w)
		pass(100 * time.Second)
		seconds := func(ns ...int) (out []time.Duration) {
			for _, n := range ns {
				out = append(out, time.Duration(n)*time.Second)
			}
			return out
		}
		if diff := cmp.Diff(seconds(0, 1, 3, 7, 15, 31, 61, 91), tries); diff != "" {
			t.Errorf("tries (-want +got):\n%s", diff)
		}
		if n := len(*hints); n < 45 || n > 60 {
			t.Errorf("%d hints in 100s, want one every 2s and one for each try", n)
		}
	})
}

func TestPollsEveryTwoSeconds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		hints := ticking(t, New(dir, Options{Mode: Poll}))
		pass(7 * time.Second)
		if diff := cmp.Diff([]got{hinted(2100), hinted(4100), hinted(6100)}, *hints); diff != "" {
			t.Errorf("hints (-want +got):\n%s", diff)
		}
	})
}

// A quiet kernel opens sources of which no event ever comes. Time that passes
// in a bubble orders nothing, so what a test shares with a watcher is locked.
type quiet struct {
	*ledger

	mu     sync.Mutex // guards the rest
	opened int
	events chan fsnotify.Event // of the open source; nil when it is closed
}

func quieten(w *Watcher) *quiet {
	q := &quiet{ledger: &ledger{list: map[string]bool{}}}
	w.open = func() (source, error) {
		for _, dir := range q.WatchList() {
			q.end(dir)
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		q.opened++
		q.events = make(chan fsnotify.Event)
		return source{notifier: q, events: q.events, errors: make(chan error)}, nil
	}
	return q
}

// Close ends the open source, for a watcher or before it for the test.
func (q *quiet) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.events != nil {
		close(q.events)
	}
	q.events = nil
	return nil
}

func (q *quiet) opens() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.opened
}

func TestWatchesAreSetAgain(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	synctest.Test(t, func(t *testing.T) {
		w := New(dir, Options{Resync: 30 * time.Second})
		w.pace.check = never
		q := quieten(w)
		hints := ticking(t, w)

		synctest.Wait()
		q.end(dir) // The kernel ended the watch.
		pass(time.Second)
		w.Rescan()
		synctest.Wait()
		if got := q.times(dir); got != 2 {
			t.Errorf("watched %d times after Rescan, want 2", got)
		}
		if diff := cmp.Diff([]got{hinted(1000)}, *hints); diff != "" {
			t.Errorf("hints (-want +got):\n%s", diff)
		}
		q.end(dir)
		pass(36 * time.Second)
		if got := q.times(dir); got != 3 {
			t.Errorf("watched %d times after a resync, want 3", got)
		}
		if n := len(*hints); n != 2 || (*hints)[1].At < 24*time.Second || (*hints)[1].At > 36100*time.Millisecond {
			t.Errorf("hints %v, want a second one after 30s, give or take 6s", *hints)
		}
	})
}

func TestLostWatchIsFoundWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	synctest.Test(t, func(t *testing.T) {
		w := New(dir, Options{})
		q := quieten(w)
		hints := ticking(t, w)
		pass(5 * time.Second)
		q.end(dir)
		pass(time.Minute)
		if diff := cmp.Diff([]got{hinted(6100)}, *hints); diff != "" {
			t.Errorf("hints (-want +got):\n%s", diff)
		}
		if got := w.Stats(); got.Rearms != 1 || q.times(dir) != 2 {
			t.Errorf("%+v, watched %d times; want one re-arm", got, q.times(dir))
		}
	})
}

// After a good watch the first retry is quick again; until then it gets slower.
func TestPatienceReturnsAfterAGoodWatch(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	synctest.Test(t, func(t *testing.T) {
		w := New(dir, Options{})
		q := quieten(w)
		ticking(t, w)
		for _, step := range []struct{ lived, pause time.Duration }{
			{time.Second, time.Second},
			{time.Second, 2 * time.Second},
			{time.Second, 4 * time.Second},
			{31 * time.Second, time.Second},
			{time.Second, 2 * time.Second},
		} {
			pass(step.lived)
			before := q.opens()
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			pass(step.pause - time.Millisecond)
			if q.opens() != before {
				t.Fatalf("%+v: opened again too early", step)
			}
			pass(time.Millisecond)
			if q.opens() != before+1 {
				t.Fatalf("%+v: opened %d times since, want once", step, q.opens()-before)
			}
		}
	})
}
