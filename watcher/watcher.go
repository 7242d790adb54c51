// Package watcher turns a directory into hints: "look again, and here". It
// hears of changes from the kernel, waits until a burst of them is over, and
// looks by itself from time to time, because there are changes of which no
// kernel tells.
//
// It refuses to say what happened. Events lie: they name ..data when a.yaml
// changed, come before the content does, get lost, and stop without a word.
// So a hint is only ever a place to compare with what one knew. The package
// reads no file's content, knows no file format, and writes nothing.
package watcher

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"
)

// The times that nobody configures.
const (
	checkEvery = 2 * time.Second // is the root still the directory that is watched?
	pollEvery  = 2 * time.Second // between hints while nothing can be watched
	retryFirst = time.Second     // until a broken watch is tried again,
	retryLast  = 30 * time.Second
)

// Options of a watcher. The zero value is a good one, except that it never
// looks by itself as long as the watch is healthy.
type Options struct {
	Quiet    time.Duration // how long a burst must be still; 0 is 100ms
	MaxDelay time.Duration // from a burst's first change to its hint, at most; 0 is 2s
	Resync   time.Duration // hint everything this often, give or take a fifth; 0 is never
	Mode     Mode
	Log      *slog.Logger // nil is silence
}

// A Watcher watches one directory tree.
type Watcher struct {
	root    string
	options Options
	log     *slog.Logger
	hints   chan []string
	rescan  chan struct{} // capacity one
	armed   chan struct{}
	stats   counters

	// Seams and paces for tests, write-once.
	open   func() (source, error)
	remote func(dir string) string
	pace   pace
}

type pace struct{ check, poll, retryFirst, retryLast time.Duration }

// New returns a watcher of the directory root, which need not exist yet. It
// starts nothing.
func New(root string, o Options) *Watcher {
	o.Quiet = cmp.Or(o.Quiet, 100*time.Millisecond)
	o.MaxDelay = cmp.Or(o.MaxDelay, 2*time.Second)
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Watcher{
		root:    root,
		options: o,
		log:     log,
		hints:   make(chan []string),
		rescan:  make(chan struct{}, 1),
		armed:   make(chan struct{}),
		open:    openNotify,
		remote:  remote,
		pace:    pace{checkEvery, pollEvery, retryFirst, retryLast},
	}
}

// Changes yields hints. A hint is nil for everywhere, or sorted names of
// files and directories, with slashes and relative to the root, that may have
// changed; a directory stands for all that is in it. A name may be gone by
// now, be hidden, or be none of the receiver's business.
//
// A hint waits until it is received and grows meanwhile: however slow the
// receiver, there is at most one. The channel is never closed.
func (w *Watcher) Changes() <-chan []string { return w.hints }

// Armed is closed once changes are being noticed. A first look after that
// misses nothing.
func (w *Watcher) Armed() <-chan struct{} { return w.armed }

// Rescan asks for a hint for everywhere at once, without quiet time. It does
// not wait for the hint, and may be called at any time.
func (w *Watcher) Rescan() {
	select {
	case w.rescan <- struct{}{}:
	default: // One is asked for already.
	}
}

// Run watches until ctx is done, then returns nil after all that it started
// has ended. Whatever goes wrong with watching ends in polling, not here: the
// only error is a root that cannot be made absolute. Run may be called once.
func (w *Watcher) Run(ctx context.Context) error {
	root, err := filepath.Abs(w.root)
	if err != nil {
		return fmt.Errorf("watching %s: %w", w.root, err)
	}
	r := &run{Watcher: w, root: root, changes: newSettling(w.hints, w.options.Quiet, w.options.MaxDelay)}
	r.loop(ctx)
	return nil
}

// Stats are counts since the start.
type Stats struct {
	Events    uint64 // the kernel told of
	Overflows uint64 // times it told of too many, and some were lost
	Rearms    uint64 // times the watch was found broken and set up again
	Mode      Mode   // Notify or Poll; Auto while nothing is set up yet
}

type counters struct {
	events, overflows, rearms atomic.Uint64
	mode                      atomic.Int32
}

// Stats may be called at any time.
func (w *Watcher) Stats() Stats {
	return Stats{
		Events:    w.stats.events.Load(),
		Overflows: w.stats.overflows.Load(),
		Rearms:    w.stats.rearms.Load(),
		Mode:      Mode(w.stats.mode.Load()),
	}
}
