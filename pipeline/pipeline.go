// Package pipeline is the loop behind the server: a hint that files may have
// changed becomes a look, a configuration, a snapshot, and a publication. It
// decides what happens when a step fails, and logs what people should know.
// It neither watches nor serves, and refuses to publish what was not checked.
package pipeline

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"dragoman/diag"
	"dragoman/loader"
	"dragoman/model"
	"dragoman/snapshot"
	"dragoman/translator"
)

// Options of a Pipeline.
type Options struct {
	Dir       string          // the configuration directory
	Hints     <-chan []string // names that may have changed, relative to Dir; nil is everything
	Publish   func(context.Context, *snapshot.Snapshot) error
	Translate translator.Options
	Log       *slog.Logger
	Looked    func(Look) // is told of looks, one after the other; nil is nobody

	// Publishing is told what is about to be published. Nil is nobody.
	Publishing func(Publication)

	// Rollback keeps what Accepted and Reject need.
	Rollback bool

	// AllowPaths are directories beside Dir in which files that documents name
	// may lie, such as certificates.
	AllowPaths []string

	AllowEmpty bool // lets most services, or all, go at once
	Freeze     bool // takes no change while there is an error anywhere

	Restore  []loader.Source          // what served before a restart
	Restored func(*snapshot.Snapshot) // called with what that was, before anything is published; may be nil
	Keep     func(loader.Contents)    // called with what serves, once it is published; may be nil
}

// A Pipeline turns hints into publications. It is for one goroutine, Run's,
// but for Report, Look, Approve, Accepted and Reject.
type Pipeline struct {
	o        Options
	dir      *loader.Dir
	loader   *loader.Loader
	reports  reports
	checked  *snapshot.Snapshot // the last that passed every check
	built    *snapshot.Snapshot // of what the loader says serves
	serving  string             // the version published last, "" when that is not known
	looked   bool               // at the directory, at least once
	pending  bool               // built is to be published
	unkept   bool               // what serves has not been handed to Keep
	failures int                // of publishing it

	fleet    verdicts    // of the Envoys
	contents []published // of which they may still speak, the oldest first

	record   record
	reported atomic.Pointer[Report]
	asks     chan ask
}

// grace is how long a file must be missing or empty to count as such.
const grace = time.Second

// pollElsewhere is how often files outside of Dir are looked at: nobody hints
// at them. They are few and small.
const pollElsewhere = 500 * time.Millisecond

// New returns a pipeline that has read nothing.
func New(o Options) *Pipeline {
	p := &Pipeline{o: o, dir: loader.OpenDir(o.Dir, grace), unkept: o.Keep != nil, asks: make(chan ask)}
	p.fleet.wake = make(chan struct{}, 1)
	p.reports.log = o.Log
	b := newBuilder(o.Translate)
	p.loader = loader.New(loader.Options{AllowEmpty: o.AllowEmpty, Freeze: o.Freeze, Check: func(c *model.Config) diag.Problems {
		snap, problems := b.build(c)
		if !problems.HasErrors() {
			p.checked = snap
		}
		return problems
	}})
	p.dir.Allow(o.AllowPaths)
	return p
}

// Run looks at everything once, and then follows the hints until ctx ends.
func (p *Pipeline) Run(ctx context.Context) error {
	var settle, retry, elsewhere, aged <-chan time.Time
	var unsettled []string
	var asked ask
	hint, due := []string(nil), true
	p.restore()
	for {
		if due {
			unsettled = p.look(hint, unsettled)
		}
		again := p.publish(ctx)
		p.keep()
		p.report(unsettled, asked.done)
		asked = ask{}
		settle, retry = after(len(unsettled) > 0, loader.SettleTime), after(again, p.backoff())
		elsewhere, aged = p.follow(elsewhere)
		select {
		case <-ctx.Done():
			return nil
		case hint = <-p.o.Hints:
			due = true
		case asked = <-p.asks:
			if hint, due = nil, !asked.approve; asked.approve {
				p.take(p.loader.Approve(), nil, time.Now())
			}
		case <-settle:
			hint, due = unsettled, true
		case <-elsewhere:
			elsewhere = nil
			hint, due = p.dir.Elsewhere(), true
		case <-aged:
			due = false
			p.take(p.loader.Apply(nil), nil, time.Now())
		case <-retry:
			due = false
		case <-p.fleet.wake:
			due = false
			p.heed()
		}
	}
}

// follow returns what tells of changes that nobody hints at: in files outside
// of the directory, and by time alone. A timer for the first that runs goes on.
func (p *Pipeline) follow(running <-chan time.Time) (elsewhere, aged <-chan time.Time) {
	if len(p.dir.Elsewhere()) == 0 {
		running = nil
	} else if running == nil {
		running = time.After(pollElsewhere)
	}
	due := p.loader.Due()
	return running, after(!due.IsZero(), time.Until(due))
}

// overdue says that time has changed what is right.
func (p *Pipeline) overdue() bool {
	due := p.loader.Due()
	return !due.IsZero() && !time.Now().Before(due)
}

// after is a timer, or nothing.
func after(wanted bool, d time.Duration) <-chan time.Time {
	if !wanted {
		return nil
	}
	return time.After(d)
}

// restore begins with what served before a restart, as if it had just been
// read. The first look, which comes before it is published, says what of it is
// still there; what is missing has its grace, and what is wrong is no worse
// than an edit.
func (p *Pipeline) restore() {
	start := time.Now()
	var names []string
	for _, s := range p.o.Restore {
		if !s.Named {
			names = append(names, s.Path)
		}
	}
	p.dir.Expect(names)
	res := p.loader.Restore(p.o.Restore)
	p.dir.ExpectNamed(p.loader.Named())
	if !res.Changed {
		return
	}
	p.record.read(start, p.o.Restore, res)
	if p.o.Rollback {
		p.loader.Accept(p.loader.Good(), nil) // it served
	}
	p.built, p.pending = p.checked, true
	if p.o.Restored != nil {
		p.o.Restored(p.built)
	}
	p.o.Log.Info("state restored",
		slog.String("version", p.built.Version),
		slog.Int("files", res.Files),
		slog.Int("services", res.Services),
		slog.Duration("duration", time.Since(start)))
}

// keep hands over what serves, once it is published and if it is new.
func (p *Pipeline) keep() {
	if !p.unkept || p.pending || p.serving == "" {
		return
	}
	p.unkept = false
	p.o.Keep(p.loader.Good())
}

// look reads what a hint names, together with what was unsettled, and makes a
// snapshot of it. It returns what is unsettled now.
func (p *Pipeline) look(hint, unsettled []string) []string {
	start := time.Now()
	if hint != nil {
		hint = append(slices.Clip(unsettled), hint...)
	}
	changes, unsettled, err := p.dir.Look(hint)
	p.loader.Take(changes)
	if err == nil {
		var named []loader.Source
		var more []string
		named, more, err = p.dir.Follow(p.loader.Named())
		p.loader.Take(named)
		changes, unsettled = append(changes, named...), append(unsettled, more...)
	}
	p.reports.directory(err)
	p.record.look(start, err)
	switch {
	case len(changes) > 0 || p.overdue(): // the clock may have been set
		p.take(p.loader.Apply(nil), changes, start)
	case err == nil && !p.looked && len(unsettled) == 0:
		p.o.Log.Warn("no .yaml, .yml or .json file to serve yet", slog.String("directory", p.o.Dir))
	}
	if err != nil {
		return []string{"."} // whatever was to be looked at, and with no further hint
	}
	p.looked = true
	return unsettled
}

// take makes what the loader came to the next to be published.
func (p *Pipeline) take(res loader.Result, changes []loader.Source, start time.Time) {
	p.record.read(start, changes, res)
	p.reports.problems(changes, res)
	if !res.Changed {
		return
	}
	p.built, p.unkept = p.checked, p.o.Keep != nil
	if p.built.Version == p.serving {
		p.pending = false // perhaps something else was about to be published
		p.o.Log.Debug("no change in substance", slog.String("version", p.serving))
		return
	}
	p.pending, p.failures = true, 0
	p.o.Log.Info("configuration read",
		slog.String("version", p.built.Version),
		slog.Int("changed_files", len(changes)),
		slog.Int("files", res.Files),
		slog.Int("services", res.Services),
		slog.Duration("duration", time.Since(start)))
}

// publish publishes what is pending and says whether to try again.
func (p *Pipeline) publish(ctx context.Context) (again bool) {
	if !p.pending {
		return false
	}
	files := p.record.files()
	p.publishing(files)
	if err := p.o.Publish(ctx, p.built); err != nil {
		p.failures++
		p.serving = "" // perhaps some of it: going back is a change too
		p.o.Log.Error("publishing failed; it will be tried again",
			slog.String("version", p.built.Version), slog.Any("error", err))
		return true
	}
	p.pending, p.failures, p.serving = false, 0, p.built.Version
	p.record.published(p.built, files)
	return false
}

// backoff is how long to wait after a failure to publish.
func (p *Pipeline) backoff() time.Duration {
	return min(5*time.Second, 100*time.Millisecond<<min(p.failures, 6))
}
