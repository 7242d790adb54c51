package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"dragoman/diag"
	"dragoman/loader"
	"dragoman/model"
	"dragoman/snapshot"
)

// A Report is what the last look has left. It never changes.
type Report struct {
	Looked    time.Time     // when the last look was over; zero before the first
	Succeeded time.Time     // when something new was read last and all of it was right; zero if never
	Trouble   string        // why the directory cannot be read; "" if it can
	Unsettled []string      // files that are being written: they are looked at again in a moment
	Config    *model.Config // what is valid, not to be changed; nil before there is any
	Problems  diag.Problems
	Files     int
	Held      []string  // files whose newest content is not served
	Pending   bool      // Config is yet to be published
	Versions  []Version // what was published, the newest first; the first serves
}

// OK tells whether all that there is was read and found right.
func (r Report) OK() bool { return r.Trouble == "" && len(r.Held) == 0 && r.Config != nil }

// A Version is one that was published.
type Version struct {
	Version   string
	At        time.Time
	Resources map[string]int // by type URL
	Services  int
	Changed   int      // how many files had changed since the one before
	Files     []string // the first of them by name
}

// A Look is one that found something new, or could not be taken.
type Look struct {
	OK       bool          // as in the report that it has left
	Duration time.Duration // from its beginning to the end of the publication
}

// What is kept for people to read.
const (
	keptVersions = 50
	keptFiles    = 100 // of each
)

// Report returns the last report. It may be called at any time by anybody.
func (p *Pipeline) Report() Report {
	if r := p.reported.Load(); r != nil {
		return *r
	}
	return Report{}
}

// An ask is what somebody wants of Run, and who is told what that has left.
type ask struct {
	approve bool // rather than to look
	done    chan<- Report
}

// settling is how long Look waits for files that are being written. One that is
// missing or empty counts as such a second later.
const settling = 2 * time.Second

// Look has Run look at everything at once, and again as long as something is
// being written, and returns what that has left. It may be called by anybody,
// and waits for Run to begin.
func (p *Pipeline) Look(ctx context.Context) (Report, error) {
	for late := time.Now().Add(settling); ; {
		r, err := p.ask(ctx, false, "a look")
		if err != nil || r.Trouble != "" || len(r.Unsettled) == 0 || time.Now().After(late) {
			return r, err
		}
		select {
		case <-time.After(loader.SettleTime):
		case <-ctx.Done(): // the next ask says so
		}
	}
}

// Approve has Run let go what is held now because so much of it went at once,
// and returns what that has left. It is like Look otherwise, but does not look.
func (p *Pipeline) Approve(ctx context.Context) (Report, error) {
	return p.ask(ctx, true, "an approval")
}

func (p *Pipeline) ask(ctx context.Context, approve bool, what string) (Report, error) {
	done := make(chan Report, 1)
	select {
	case p.asks <- ask{approve, done}:
	case <-ctx.Done():
		return Report{}, fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
	}
	select {
	case r := <-done:
		return r, nil
	case <-ctx.Done():
		return Report{}, fmt.Errorf("waiting for %s to end: %w", what, context.Cause(ctx))
	}
}

// A record is the report in the making, and what is to become of it.
type record struct {
	Report

	began   time.Time           // the look whose end is to be told of; zero for none
	changed map[string]struct{} // files with other content than in the version that serves
}

// look notes that the directory was looked at, or that it cannot be, which is
// told once: it is tried again many times.
func (r *record) look(began time.Time, err error) {
	before := r.Trouble
	r.Looked, r.Trouble = time.Now(), ""
	if err == nil {
		return
	}
	if r.Trouble = err.Error(); r.Trouble != before {
		r.began = began
	}
}

// read notes what was read.
func (r *record) read(began time.Time, changes []loader.Source, res loader.Result) {
	r.began = began
	r.Config, r.Problems, r.Files, r.Held = res.Config, res.Problems, res.Files, res.Held
	if r.changed == nil {
		r.changed = map[string]struct{}{}
	}
	for _, c := range changes {
		r.changed[c.Path] = struct{}{}
	}
	if r.OK() {
		r.Succeeded = time.Now()
	}
}

// published notes a publication with some changed files.
func (r *record) published(s *snapshot.Snapshot, files []string) {
	v := Version{
		Version:   s.Version,
		At:        time.Now(),
		Resources: s.Counts,
		Services:  r.Config.Services.Len(),
		Changed:   len(files),
		Files:     slices.Clone(files[:min(len(files), keptFiles)]),
	}
	r.changed = nil
	// A new slice each time: reports share it.
	r.Versions = append([]Version{v}, r.Versions[:min(len(r.Versions), keptVersions-1)]...)
}

// files are those that have changed since the version that serves.
func (r *record) files() []string { return slices.Sorted(maps.Keys(r.changed)) }

// report makes the record public, to whom it was asked for above all.
func (p *Pipeline) report(unsettled []string, asked chan<- Report) {
	r := p.record.Report
	r.Unsettled, r.Pending = slices.Clone(unsettled), p.pending
	p.reported.Store(&r)
	if began := p.record.began; !began.IsZero() && p.o.Looked != nil {
		p.o.Looked(Look{OK: r.OK(), Duration: time.Since(began)})
	}
	p.record.began = time.Time{}
	if asked != nil {
		asked <- r
	}
}
