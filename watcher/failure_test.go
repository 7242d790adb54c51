package watcher

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A faulty source is a real one with a test's hand on it.
type faulty struct {
	notifier

	events chan fsnotify.Event
	errors chan error
	add    func(dir string) error // nil is never an error
}

func (f *faulty) Add(dir string) error {
	if f.add != nil {
		if err := f.add(dir); err != nil {
			return err
		}
	}
	return f.notifier.Add(dir)
}

// faults makes a watcher open faulty sources, which it also sends to the
// test. What the kernel tells passes once gate is closed.
func faults(opened chan<- *faulty, gate <-chan struct{}) func(*Watcher) {
	return func(w *Watcher) {
		w.open = func() (source, error) {
			kernel, err := openNotify()
			if err != nil {
				return source{}, err
			}
			f := &faulty{notifier: kernel, events: make(chan fsnotify.Event), errors: make(chan error)}
			go f.pass(kernel, gate)
			opened <- f
			return source{notifier: f, events: f.events, errors: f.errors}, nil
		}
	}
}

func (f *faulty) pass(kernel source, gate <-chan struct{}) {
	defer close(f.events)
	<-gate
	for {
		select {
		case e, ok := <-kernel.events:
			if !ok {
				return
			}
			f.events <- e
		case err, ok := <-kernel.errors:
			if !ok {
				return
			}
			f.errors <- err
		}
	}
}

// quickly is for what is hinted by the clock, again and again: a quiet time
// that is longer than the pace would never end.
func quickly(w *Watcher) {
	w.options.Quiet = time.Millisecond
	w.pace = pace{check: never, poll: fast, retryFirst: fast, retryLast: 2 * fast}
}

// The reader is held up until the kernel's queue is full, for real.
func TestOverflow(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		t.Skip("no inotify here")
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || limit > 100_000 {
		t.Skipf("the queue takes %s", b)
	}
	dir := t.TempDir()
	gate := make(chan struct{})
	p := start(t, dir, Options{}, slowly, faults(make(chan *faulty, 1), gate))
	for range limit/2 + 4096 { // fsnotify itself holds up to 4096 events.
		put(t, p.path("x"), "")
		if err := os.Remove(p.path("x")); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(mkdir(t, p.path("unseen")), "a.yaml"), "1")
	close(gate)
	p.everywhere()
	p.eventually("counted", func() bool { return p.Stats().Overflows > 0 })

	put(t, p.path("unseen/a.yaml"), "2") // Its directory is watched nevertheless.
	p.reads("unseen/a.yaml", "2")
	if got := p.Stats(); got.Mode != Notify {
		t.Errorf("%+v, want notify again", got)
	}
}

func TestInboxIsBounded(t *testing.T) {
	t.Parallel()
	in := newInbox(&counters{})
	for range inboxSize {
		in.put(fsnotify.Event{Name: "a", Op: fsnotify.Write}, nil)
	}
	if got := in.take(); len(got.events) != inboxSize || got.lost {
		t.Errorf("%d events, lost %t; want all %d", len(got.events), got.lost, inboxSize)
	}
	for range inboxSize + 1 {
		in.put(fsnotify.Event{Name: "a", Op: fsnotify.Write}, nil)
	}
	if got := in.take(); len(got.events) != inboxSize || !got.lost {
		t.Errorf("%d events, lost %t; want %d and the rest lost", len(got.events), got.lost, inboxSize)
	}
	if got := in.take(); len(got.events) != 0 || got.lost || got.err != nil {
		t.Errorf("%+v, want nothing", got)
	}
}

// Whatever ends a watch, it comes back by itself, and what happened
// meanwhile is not missed.
func TestBrokenWatch(t *testing.T) {
	t.Parallel()
	for name, hurt := range map[string]func(*faulty) error{
		"error":          func(f *faulty) error { f.errors <- errors.New("input/output error"); return nil },
		"closed channel": func(f *faulty) error { return f.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			opened, open := make(chan *faulty, 100), make(chan struct{})
			close(open)
			p := start(t, dir, Options{}, quickly, faults(opened, open))
			for i := range 3 {
				if err := hurt(<-opened); err != nil {
					t.Fatal(err)
				}
				p.everywhere()
				p.eventually("armed again", func() bool { return p.Stats().Rearms == uint64(i+1) })
			}
			if got := p.Stats().Mode; got != Notify {
				t.Errorf("mode %v, want notify", got)
			}
			put(t, p.path("a.yaml"), "1")
			p.reads("a.yaml", "1")
		})
	}
}

// A directory that is moved and then removed makes fsnotify report that it
// could not end a watch. That is no reason to end all of them.
func TestHarmlessError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opened, open := make(chan *faulty, 100), make(chan struct{})
	close(open)
	p := start(t, dir, Options{}, quickly, faults(opened, open))
	(<-opened).errors <- os.NewSyscallError("inotify_rm_watch", syscall.EINVAL)
	put(t, p.path("a.yaml"), "1")
	p.reads("a.yaml", "1")
	if got := p.Stats(); got.Rearms != 0 || len(opened) != 0 {
		t.Errorf("%+v and %d more watches, want the first one alone", got, len(opened))
	}
}

// Watches run out while directories are added, and come back.
func TestNoMoreWatches(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opened, open := make(chan *faulty, 1000), make(chan struct{})
	close(open)
	var full atomic.Bool
	p := start(t, dir, Options{}, quickly, faults(opened, open), func(w *Watcher) {
		next := w.open
		w.open = func() (source, error) {
			src, err := next()
			if f, ok := src.notifier.(*faulty); ok {
				f.add = func(string) error {
					if full.Load() {
						return syscall.ENOSPC
					}
					return nil
				}
			}
			return src, err
		}
	})
	full.Store(true)
	put(t, filepath.Join(mkdir(t, p.path("sub")), "a.yaml"), "1")
	p.reads("sub/a.yaml", "1")
	p.eventually("polling", func() bool { return p.Stats().Mode == Poll })
	for range 5 {
		p.everywhere()
	}
	wantOnce(t, p.log.String(), "fs.inotify.max_user_watches")

	full.Store(false)
	p.eventually("watching", func() bool { return p.Stats().Mode == Notify })
	put(t, p.path("sub/a.yaml"), "2")
	p.reads("sub/a.yaml", "2")
}

func TestPolling(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, dir, Options{Mode: Poll}, quickly)
	for i := range 3 {
		content := strconv.Itoa(i)
		put(t, p.path("a.yaml"), content)
		p.reads("a.yaml", content)
	}
	if got := p.Stats(); got.Mode != Poll || got.Events != 0 {
		t.Errorf("%+v, want polling without events", got)
	}
}

func TestRescan(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Auto, Poll} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			o := Options{Quiet: never, MaxDelay: never, Mode: mode}
			p := start(t, t.TempDir(), o, slowly, func(w *Watcher) { w.pace.poll = never })
			for range 3 {
				p.Rescan()
				if hint := p.next(); hint != nil {
					t.Errorf("hint %q, want everywhere", hint)
				}
			}
		})
	}
	t.Run("before anybody watches or receives", func(t *testing.T) {
		t.Parallel()
		w := New(t.TempDir(), Options{})
		for range 3 {
			w.Rescan()
		}
	})
}

func TestResync(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir(), Options{Quiet: time.Millisecond, Resync: fast}, slowly)
	for range 3 {
		p.everywhere()
	}
}

func TestNextResync(t *testing.T) {
	t.Parallel()
	if (&run{Watcher: New("", Options{})}).nextResync() != nil {
		t.Error("there is a resync that nobody asked for")
	}
	begin := time.Now()
	at := <-(&run{Watcher: New("", Options{Resync: 100 * time.Millisecond})}).nextResync()
	if d := at.Sub(begin); d < 80*time.Millisecond {
		t.Errorf("resync after %v, want no less than four fifths of 100ms", d)
	}
}

func TestFlagValue(t *testing.T) {
	t.Parallel()
	for _, want := range []Mode{Auto, Notify, Poll} {
		var m Mode
		if err := m.Set(want.String()); err != nil || m != want {
			t.Errorf("Set(%q) made %v: %v", want, m, err)
		}
	}
	m := Poll
	err := m.Set("inotify")
	if want := `no mode "inotify": use auto, notify or poll`; err == nil || err.Error() != want || m != Poll {
		t.Errorf("Set(inotify) made %v: %v, want: %s", m, err, want)
	}
}

func TestRenamedFrom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := fsnotify.NewWatcher()
	if err != nil {
		t.Skip(err)
	}
	defer w.Close()
	if err := w.Add(dir); err != nil {
		t.Fatal(err)
	}
	from, to := filepath.Join(dir, `a " ← "b"`), filepath.Join(dir, "\xff ← \"c\".yaml")
	put(t, from, "")
	rename(t, from, to)
	put(t, filepath.Join(dir, "last"), "")
	got := map[string]string{}
	for len(got) < 3 {
		select {
		case e := <-w.Events:
			if e.Has(fsnotify.Create) {
				got[e.Name] = renamedFrom(e)
			}
		case <-time.After(patience):
			t.Fatal("no more events")
		}
	}
	if got[to] != from || got[from] != "" || got[filepath.Join(dir, "last")] != "" {
		t.Errorf("renamed from: %q, want only %q from %q", got, to, from)
	}
}

func wantOnce(t *testing.T, log, text string) {
	t.Helper()
	if n := strings.Count(log, text); n != 1 {
		t.Errorf("%q is in the log %d times, want once:\n%s", text, n, log)
	}
}
