package watcher

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// A run is a watcher that runs. One goroutine uses it, which alternates
// between watching and, when that fails, polling.
type run struct {
	*Watcher

	root    string // absolute
	changes *settling
	begun   bool   // armed was closed: from now on a gap needs a hint
	said    string // the last reason for polling that was logged
}

func (r *run) loop(ctx context.Context) {
	if r.options.Mode == Poll {
		r.log.Info("polling", slog.String("dir", r.root), slog.Duration("every", r.pace.poll))
		r.poll(ctx, nil)
		return
	}
	delay := r.pace.retryFirst
	for {
		start := time.Now()
		err := r.watch(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(start) > r.pace.retryLast {
			delay = r.pace.retryFirst // It was a good watch.
		}
		r.complain(err)
		r.poll(ctx, time.After(delay))
		delay = min(2*delay, r.pace.retryLast)
	}
}

// poll hints everywhere again and again, until ctx is done or until comes.
func (r *run) poll(ctx context.Context, until <-chan time.Time) {
	r.stats.mode.Store(int32(Poll))
	r.begin()
	tick := time.NewTicker(r.pace.poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-until:
			return
		case r.changes.out <- r.changes.offer:
			r.changes.taken()
		case <-r.changes.timer.C:
			r.changes.settle()
		case <-r.rescan:
			r.changes.add(change{hint: everywhere(), whole: true})
		case <-tick.C:
			r.changes.add(change{hint: everywhere()})
		}
	}
}

// watch watches until ctx is done or watching fails, and says why it failed.
func (r *run) watch(ctx context.Context) error {
	src, err := r.open()
	if err != nil {
		return err
	}
	in := newInbox(&r.stats)
	var draining sync.WaitGroup
	draining.Go(func() { in.drain(src) })
	defer draining.Wait()
	defer func() { _ = src.Close() }() // It cannot fail in a way that leaves anything to do.

	t := &tree{root: r.root, src: src, remote: r.remote}
	if r.options.Mode == Notify {
		t.remote = func(string) string { return "" }
	}
	if err := t.sync(); err != nil {
		return err
	}
	r.said = ""
	r.stats.mode.Store(int32(Notify))
	r.log.Info("watching", slog.String("dir", r.root), slog.Int("directories", len(t.dirs)))
	if r.begun {
		r.stats.rearms.Add(1)
	}
	r.begin()
	return r.serve(ctx, t, in)
}

func (r *run) serve(ctx context.Context, t *tree, in *inbox) error {
	check := time.NewTicker(r.pace.check)
	defer check.Stop()
	resync := r.nextResync()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-in.ready:
			err = r.events(t, in.take())
		case r.changes.out <- r.changes.offer:
			r.changes.taken()
		case <-r.changes.timer.C:
			r.changes.settle()
		case <-check.C:
			err = r.check(t)
		case <-resync:
			err = t.sync()
			r.changes.add(change{hint: everywhere()})
			resync = r.nextResync()
		case <-r.rescan:
			err = t.sync()
			r.changes.add(change{hint: everywhere(), whole: true})
		}
		if err != nil {
			return err
		}
	}
}

// nextResync spreads the resyncs of many replicas with one directory.
func (r *run) nextResync() <-chan time.Time {
	d := r.options.Resync
	if d <= 0 {
		return nil
	}
	return time.After(d*4/5 + rand.N(d*2/5+1))
}

// events hands on what a batch of events changed. What watches it needs are
// there first: a directory that is looked at before it is watched may change
// in between.
func (r *run) events(t *tree, got batch) error {
	var changes []change
	reshaped := got.lost
	for _, e := range got.events {
		c, shape := t.read(e)
		reshaped = reshaped || shape
		if !c.empty() {
			changes = append(changes, c)
		}
	}
	if got.lost {
		r.stats.overflows.Add(1)
		r.log.Warn("lost some of too many file events, looking everywhere", slog.String("dir", r.root))
		changes = []change{{hint: everywhere()}}
	}
	err := got.err
	if reshaped && err == nil {
		err = t.sync()
		if t.anew {
			r.rearmed(t)
			changes = append(changes, change{hint: everywhere()})
		}
	}
	for _, c := range changes {
		r.changes.add(c)
	}
	return err
}

// check sets the watch up again if it is not what it should be.
func (r *run) check(t *tree) error {
	if t.intact() {
		return nil
	}
	err := t.sync()
	r.rearmed(t)
	r.changes.add(change{hint: everywhere()})
	return err
}

func (r *run) rearmed(t *tree) {
	r.stats.rearms.Add(1)
	r.log.Info("watching again", slog.String("dir", r.root),
		slog.Bool("present", t.info != nil), slog.Int("directories", len(t.dirs)))
}

// begin says that a first look may be taken now, or asks for another one.
func (r *run) begin() {
	if r.begun {
		r.changes.add(change{hint: everywhere()})
		return
	}
	r.begun = true
	close(r.armed)
}

// complain logs why there is no watch, once as long as the reason is the same.
func (r *run) complain(err error) {
	help := remedy(err)
	why := cmp.Or(help, err.Error())
	if why == r.said {
		return
	}
	r.said = why
	level := slog.LevelWarn
	if _, ok := errors.AsType[*remoteError](err); ok {
		level = slog.LevelInfo // Nothing is wrong.
	}
	attrs := []slog.Attr{slog.String("dir", r.root), slog.Duration("every", r.pace.poll), slog.String("reason", err.Error())}
	if help != "" {
		attrs = append(attrs, slog.String("help", help))
	}
	r.log.LogAttrs(context.Background(), level, "polling", attrs...)
}
