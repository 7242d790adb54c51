package pipeline

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"dragoman/diag"
	"dragoman/loader"
	"dragoman/model"
	"dragoman/snapshot"
)

// A Publication is a snapshot, and what it was made of.
type Publication struct {
	Snapshot *snapshot.Snapshot
	Config   *model.Config
	Files    []string // those that have changed since the one before
}

// published is the content that served of every file in a version.
type published struct {
	version  string
	contents loader.Contents
}

// maxPublished is how many versions are kept of which Envoys may still speak.
const maxPublished = 32

// publishing says what is about to be published, and keeps what it is made of.
func (p *Pipeline) publishing(files []string) {
	if p.o.Publishing != nil {
		p.o.Publishing(Publication{p.built, p.record.Config, files})
	}
	if !p.o.Rollback {
		return
	}
	p.contents = append(p.contents, published{p.built.Version, p.loader.Good()})
	p.contents = slices.Delete(p.contents, 0, max(0, len(p.contents)-maxPublished))
}

// verdicts are what was said of versions and is not heeded yet. Anybody may
// add to them.
type verdicts struct {
	wake chan struct{} // capacity one

	mu  sync.Mutex // guards what follows
	all []verdict
}

// verdict is about a version: that it is fine, but for some files, or that
// some files in it are not.
type verdict struct {
	version  string
	except   []string
	problems diag.Problems // none if it is fine
}

// Accepted says that Envoys have accepted a version, and that this is not
// known of some files. It does not wait.
func (p *Pipeline) Accepted(version string, except []string) {
	p.fleet.add(verdict{version: version, except: except})
}

// Reject has files go back to what was accepted of them last, each for a
// problem, unless they have changed since that version. It does not wait.
func (p *Pipeline) Reject(version string, problems diag.Problems) {
	if len(problems) > 0 {
		p.fleet.add(verdict{version: version, problems: problems})
	}
}

func (v *verdicts) add(one verdict) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all = append(v.all, one)
	select {
	case v.wake <- struct{}{}:
	default: // It is awake.
	}
}

func (v *verdicts) take() []verdict {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := v.all
	v.all = nil
	return out
}

// heed does what was said.
func (p *Pipeline) heed() {
	for _, v := range p.fleet.take() {
		contents, ok := p.of(v.version)
		switch {
		case !ok: // too long ago
		case len(v.problems) > 0:
			p.reject(v, contents)
		default:
			p.loader.Accept(contents, v.except)
			p.o.Log.Info("version accepted", slog.String("version", v.version), slog.Any("except", v.except))
		}
	}
}

// of is what a version was made of, when it was published last.
func (p *Pipeline) of(version string) (loader.Contents, bool) {
	for _, c := range slices.Backward(p.contents) {
		if c.version == version {
			return c.contents, true
		}
	}
	return loader.Contents{}, false
}

// reject takes what the loader makes of rejected contents.
func (p *Pipeline) reject(v verdict, contents loader.Contents) {
	var all []loader.Rejection
	var changes []loader.Source
	for _, problem := range v.problems {
		if c := contents.Get(problem.File); c != (loader.Content{}) {
			all = append(all, loader.Rejection{Content: c, Problem: problem})
			changes = append(changes, loader.Source{Path: problem.File})
		}
	}
	start := time.Now()
	res, ok := p.loader.Reject(all)
	if !ok {
		p.o.Log.Info("nothing to go back to", slog.String("version", v.version))
		return
	}
	p.take(res, changes, start)
}
