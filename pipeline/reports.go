package pipeline

import (
	"log/slog"
	"maps"
	"slices"

	"dragoman/diag"
	"dragoman/loader"
)

// reports log what is wrong, once for each thing and not at every look, and
// that it is right again.
type reports struct {
	log   *slog.Logger
	known map[string]bool // problems by key
	files map[string]bool // files with an error
	dir   string          // what is wrong with the directory itself
}

// directory reports that the directory cannot be read, and that it can again.
func (r *reports) directory(err error) {
	switch {
	case err == nil && r.dir != "":
		r.log.Info("the configuration directory can be read again")
		r.dir = ""
	case err != nil && err.Error() != r.dir:
		r.dir = err.Error()
		r.log.Error("the configuration directory cannot be read", slog.Any("error", err))
	}
}

// problems reports the problems that were not there before, and files that
// have none any more because they are right, or gone.
func (r *reports) problems(changes []loader.Source, res loader.Result) {
	known, files := map[string]bool{}, map[string]bool{}
	for _, p := range res.Problems {
		key := p.Key()
		known[key] = true
		if p.Severity == diag.Error {
			files[p.File] = true
		}
		if !r.known[key] {
			r.report(p, !slices.Contains(res.Unserved, p.File))
		}
	}
	for _, f := range slices.Sorted(maps.Keys(r.files)) {
		switch {
		case files[f]:
		case f == ".":
			r.log.Info("nothing is held any more")
		case slices.ContainsFunc(changes, func(s loader.Source) bool { return s.Path == f && s.Gone }):
			r.log.Info("a wrong file is gone", slog.String("file", f))
		default:
			r.log.Info("a file is right again", slog.String("file", f))
		}
	}
	r.known, r.files = known, files
	if len(res.Held) > 0 && res.Config == nil {
		r.log.Warn("nothing valid to serve yet", slog.Int("held", len(res.Held)))
	}
}

// report logs one problem. What serves meanwhile depends on whether the file
// was ever right since this program began.
func (r *reports) report(p diag.Problem, hasServed bool) {
	attrs := []any{
		slog.String("at", p.At()),
		slog.String("code", p.Code.String()),
		slog.String("problem", p.Msg),
	}
	if p.Hint != "" {
		attrs = append(attrs, slog.String("hint", p.Hint))
	}
	switch {
	case p.Severity == diag.Warning:
		r.log.Warn("a file should be looked at", attrs...)
	case p.Code == diag.Emptied, p.Code == diag.MostGone:
		r.log.Error("too much went at once; it is held and goes on serving", attrs...)
	case p.Code == diag.RolledBack && hasServed:
		r.log.Error("Envoys refuse a file; what was accepted of it last serves", attrs...)
	case p.Code == diag.RolledBack:
		r.log.Error("Envoys refuse a new file; nothing of it serves", attrs...)
	case hasServed:
		r.log.Error("a file is wrong; its last good content serves", attrs...)
	default:
		r.log.Error("a file is wrong; nothing of it serves yet", attrs...)
	}
}
