package watcher

import (
	"errors"
	"sync"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// inboxSize is where the inbox gives up keeping events, as the kernel does
// with its own queue. It is as large as that queue is by default.
const inboxSize = 16384

// errClosed is a source that ended by itself.
var errClosed = errors.New("the kernel's event queue was closed")

// An inbox takes events from the kernel as fast as they come: a reader that
// does anything else meanwhile is what makes the kernel's queue overflow.
type inbox struct {
	ready chan struct{} // capacity one: something has come
	stats *counters

	mu  sync.Mutex // guards got
	got batch
}

// A batch is what came since the last look into the inbox.
type batch struct {
	events []fsnotify.Event
	lost   bool  // there were more events than these
	err    error // no more will come
}

func newInbox(stats *counters) *inbox {
	return &inbox{ready: make(chan struct{}, 1), stats: stats}
}

// drain takes all that comes from src until it fails or is closed.
func (in *inbox) drain(src source) {
	for {
		select {
		case e, ok := <-src.events:
			if !ok {
				in.put(fsnotify.Event{}, errClosed)
				return
			}
			in.stats.events.Add(1)
			// A mode changes no content: kubelet sets modes every minute. The
			// one that makes a file readable is found by the next resync.
			if e.Op != fsnotify.Chmod {
				in.put(e, nil)
			}
		case err, ok := <-src.errors:
			if !ok {
				in.put(fsnotify.Event{}, errClosed)
				return
			}
			in.put(fsnotify.Event{}, err)
		}
	}
}

// put keeps an event, or notes an error.
func (in *inbox) put(e fsnotify.Event, err error) {
	in.mu.Lock()
	switch {
	case errors.Is(err, fsnotify.ErrEventOverflow):
		in.got.lost = true
	case errors.Is(err, syscall.EINVAL):
		// A directory was moved and then removed before fsnotify could end its
		// watch of the old name, which is what it wanted.
	case err != nil:
		in.got.err = err
	case len(in.got.events) >= inboxSize:
		in.got.lost = true
	default:
		in.got.events = append(in.got.events, e)
	}
	in.mu.Unlock()
	select {
	case in.ready <- struct{}{}:
	default: // Nobody has looked since the last one.
	}
}

// take empties the inbox.
func (in *inbox) take() batch {
	in.mu.Lock()
	defer in.mu.Unlock()
	got := in.got
	in.got = batch{}
	return got
}
