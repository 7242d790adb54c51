package watcher

import (
	"context"
	"time"
)

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

// settle collects changes and sends one hint per burst: after quiet time
// without changes, and never later than limit after the first of them. The
// limit runs from the first pending change, not from the last hint: otherwise
// the first save after a long silence would be read half-written.
//
// Whole changes are sent at once, by themselves, while others go on waiting.
// What the receiver has not taken yet grows; it is never queued. settle knows
// no file system, so that its times can be tested exactly.
func settle(ctx context.Context, changes <-chan change, hints chan<- []string, quiet, limit time.Duration) {
	var (
		pending, due hint
		calm, late   <-chan time.Time // nil while nothing is pending
		offer        []string         // due as a list
		out          chan<- []string  // nil while nothing is due
	)
	for {
		select {
		case <-ctx.Done():
			return
		case out <- offer:
			due, out = hint{}, nil
			continue
		case c := <-changes:
			if !c.whole {
				pending.merge(c.hint)
				calm = time.After(quiet)
				if late == nil {
					late = time.After(limit)
				}
				continue
			}
			pending.drop(c)
			due.merge(c.hint)
		case <-calm:
			due.merge(pending)
			pending = hint{}
		case <-late:
			due.merge(pending)
			pending = hint{}
		}
		if pending.empty() {
			calm, late = nil, nil
		}
		offer, out = due.list(), hints
	}
}
