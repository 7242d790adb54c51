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
}

// A Pipeline turns hints into publications. It is for one goroutine, Run's,
// but for Report and Look.
type Pipeline struct {
	o        Options
	dir      *loader.Dir
	loader   *loader.Loader
	reports  reports
	built    *snapshot.Snapshot // the last that passed every check
	serving  string             // the version published last
	pending  bool               // built is to be published
	failures int                // of publishing it

	record   record
	reported atomic.Pointer[Report]
	asks     chan chan<- Report
}

// grace is how long a file must be missing or empty to count as such.
const grace = time.Second

// New returns a pipeline that has read nothing.
func New(o Options) *Pipeline {
	p := &Pipeline{o: o, dir: loader.OpenDir(o.Dir, grace), asks: make(chan chan<- Report)}
	p.reports.log = o.Log
	p.loader = loader.New(loader.Options{Check: func(c *model.Config) diag.Problems {
		snap, problems := Build(c, o.Translate)
		if !problems.HasErrors() {
			p.built = snap
		}
		return problems
	}})
	return p
}

// Run looks at everything once, and then follows the hints until ctx ends.
func (p *Pipeline) Run(ctx context.Context) error {
	var settle, retry <-chan time.Time
	var unsettled []string
	var asked chan<- Report
	hint, due := []string(nil), true
	for {
		if due {
			unsettled = p.look(hint, unsettled)
		}
		again := p.publish(ctx)
		p.report(unsettled, asked)
		asked = nil
		settle, retry = after(len(unsettled) > 0, loader.SettleTime), after(again, p.backoff())
		select {
		case <-ctx.Done():
			return nil
		case hint = <-p.o.Hints:
			due = true
		case asked = <-p.asks:
			hint, due = nil, true
		case <-settle:
			hint, due = unsettled, true
		case <-retry:
			due = false
		}
	}
}

// after is a timer, or nothing.
func after(wanted bool, d time.Duration) <-chan time.Time {
	if !wanted {
		return nil
	}
	return time.After(d)
}

// look reads what a hint names, together with what was unsettled, and makes a
// snapshot of it. It returns what is unsettled now.
func (p *Pipeline) look(hint, unsettled []string) []string {
	start := time.Now()
	if hint != nil {
		hint = append(slices.Clip(unsettled), hint...)
	}
	changes, unsettled, err := p.dir.Look(hint)
	p.reports.directory(err)
	p.record.Looked, p.record.Trouble = time.Now(), ""
	if err != nil {
		p.record.failed(start, err)
		return unsettled
	}
	if len(changes) == 0 {
		return unsettled
	}
	res := p.loader.Apply(changes)
	p.record.read(start, changes, res)
	p.reports.problems(res)
	switch {
	case !res.Changed:
	case p.built.Version == p.serving:
		p.pending = false // perhaps something else was about to be published
		p.o.Log.Debug("no change in substance", slog.String("version", p.serving))
	default:
		p.pending, p.failures = true, 0
		p.o.Log.Info("configuration read",
			slog.String("version", p.built.Version),
			slog.Int("changed_files", len(changes)),
			slog.Int("files", res.Files),
			slog.Int("services", res.Services),
			slog.Duration("duration", time.Since(start)))
	}
	return unsettled
}

// publish publishes what is pending and says whether to try again.
func (p *Pipeline) publish(ctx context.Context) (again bool) {
	if !p.pending {
		return false
	}
	if err := p.o.Publish(ctx, p.built); err != nil {
		p.failures++
		p.o.Log.Error("publishing failed; it will be tried again",
			slog.String("version", p.built.Version), slog.Any("error", err))
		return true
	}
	p.pending, p.failures, p.serving = false, 0, p.built.Version
	p.record.published(p.built)
	return false
}

// backoff is how long to wait after a failure to publish.
func (p *Pipeline) backoff() time.Duration {
	return min(5*time.Second, 100*time.Millisecond<<min(p.failures, 6))
}
