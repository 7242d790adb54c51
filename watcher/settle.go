package watcher

import "time"

// A change is one reason to look again, and where.
type change struct {
	hint

	// whole means that nothing is half-written there, so that it needs no
	// quiet time.
	whole bool
	// spent are names that a whole change did away with, such as that of the
	// temporary file which was renamed. To look there is pointless.
	spent []string
}

// settling collects changes and offers one hint per burst: after quiet time
// without changes, and never later than limit after the first of them. The
// limit runs from the first pending change, not from the last hint: otherwise
// the first save after a long silence would be read half-written.
//
// Whole changes are offered at once, by themselves, while others go on waiting.
// What the receiver has not taken yet grows; it is never queued. settling knows
// no file system, so that its times can be tested exactly.
//
// It is plain state of the goroutine that makes the changes, which waits for
// two things on its behalf:
//
//	case s.out <- s.offer:
//		s.taken()
//	case <-s.timer.C:
//		s.settle()
//
// One of its own would have to be woken for every change, and for every hint.
type settling struct {
	quiet, limit time.Duration
	hints        chan<- []string

	pending, due hint
	late         time.Time       // when pending is due in any case
	timer        *time.Timer     // until it is due; runs while there is something
	offer        []string        // due as a list
	out          chan<- []string // hints; nil while nothing is due
}

func newSettling(hints chan<- []string, quiet, limit time.Duration) *settling {
	s := &settling{quiet: quiet, limit: limit, hints: hints, timer: time.NewTimer(limit)}
	s.timer.Stop()
	return s
}

// add takes a change.
func (s *settling) add(c change) {
	if c.whole {
		s.pending.drop(c)
		s.ready(c.hint)
		return
	}
	now := time.Now()
	if s.pending.empty() {
		s.late = now.Add(s.limit)
	}
	s.pending.merge(c.hint)
	s.timer.Reset(min(s.quiet, s.late.Sub(now)))
}

// settle ends a burst.
func (s *settling) settle() {
	over := s.pending
	s.pending = hint{}
	s.ready(over)
}

// ready offers what is due, with what has just become so.
func (s *settling) ready(h hint) {
	s.due.merge(h)
	s.offer, s.out = s.due.list(), s.hints
	if s.pending.empty() {
		s.timer.Stop()
	}
}

// taken says that the receiver has the hint, whose names are its own now.
func (s *settling) taken() { s.due, s.out = hint{}, nil }
