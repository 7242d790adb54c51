// Package loader turns a directory of YAML into a model.Config: it reads,
// decodes, checks against the schema, resolves names and applies defaults. A
// file that is wrong keeps its last good content, and so does one whose change
// does not fit the others; all that is wrong is reported, with its place. It
// refuses to decide when to look and what becomes of a configuration: that is
// the watcher's and the pipeline's work.
package loader

import (
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"dragoman/diag"
	"dragoman/model"
	"dragoman/table"
)

// A Source is the new content of one file, or what is in the way of reading it.
type Source struct {
	Path    string // relative to the configuration root, with slashes
	Data    []byte
	Gone    bool
	Problem *diag.Problem // set when there is no content to read
	Named   bool          // it is no configuration but a file that documents name
}

// Options of a Loader.
type Options struct {
	// Check says what is wrong with a configuration beyond what the loader
	// knows. A file named in an error is held back like one that conflicts
	// with another. It is called for every configuration that could be served.
	Check func(*model.Config) diag.Problems

	AllowEmpty bool // lets most services, or all, go at once
	Freeze     bool // takes no change while there is an error anywhere
}

// A Loader holds what was read of each file: the newest content, and the
// content that serves. It is for one goroutine.
type Loader struct {
	check func(*model.Config) diag.Problems
	files map[string]*versions
	good  Contents // that serve
	last  *model.Config
	index *index // of the documents that serve; nil before there are any

	fallback string // the listener that served services which name none

	// Of files, so that nobody has to look at all of them.
	there   int             // that have a newest content
	differ  map[string]bool // whose newest content is not the one that serves
	noted   map[string]bool // whose newest content has problems
	secured map[string]bool // some content of which has certificates

	named     map[string]*named
	materials map[pair]*material
	moved     bool      // what serves of them is not among good yet
	kept      Contents  // what of them is
	due       time.Time // see Due
	restoring bool      // what is taken has served, and is not to be judged by the clock

	accepted Contents // what Envoys have accepted last
	based    bool     // something has been accepted

	allowEmpty bool
	freeze     bool
	approved   bool             // what is held may go, in this Apply
	held       map[string]*file // files that lose too much at once, and their newest content when they were held
}

// versions are the two contents of one file that matter. They are the same
// when the newest is served.
type versions struct {
	newest *file // nil when the file is gone
	good   *file // nil when no content of it has been served

	rejected []rejected
}

// A Result is what a directory amounts to now.
type Result struct {
	Config   *model.Config // nil until something valid was read
	Changed  bool          // Config is not that of the last Apply
	Problems diag.Problems // sorted
	Held     []string      // files whose newest content is not served
	Unserved []string      // those of them of which nothing is
	Files    int
	Services int
}

// New returns a loader that has read nothing.
func New(o Options) *Loader {
	return &Loader{
		check: o.Check, allowEmpty: o.AllowEmpty, freeze: o.Freeze,
		files: map[string]*versions{}, differ: map[string]bool{}, noted: map[string]bool{}, secured: map[string]bool{}, named: map[string]*named{}, materials: map[pair]*material{},
	}
}

// Approve lets go what is held because so much of it went at once. It is for
// what is held now, not for what may come.
func (l *Loader) Approve() Result {
	l.approved = true
	defer func() { l.approved = false }()
	return l.Apply(nil)
}

// Restore takes what served before a restart, each file by itself, so that
// what is wrong with the files now can hurt it no more than it could then.
func (l *Loader) Restore(files []Source) Result {
	freeze := l.freeze
	l.freeze, l.restoring = false, true
	defer func() { l.freeze, l.restoring = freeze, false }()
	return l.Apply(files)
}

// A Content is what serves of one file. It does not change any more, so any
// goroutine may have it.
type Content struct{ file *file }

// Key is the file's name: relative to the configuration root, or absolute.
func (c Content) Key() string { return c.file.path }

// Hash is that of the bytes.
func (c Content) Hash() [sha256.Size]byte { return c.file.hash }

// Bytes is the text as it was read; of files that documents name, what of it
// is used.
func (c Content) Bytes() []byte { return []byte(c.file.text) }

// Contents are those of many files.
type Contents = table.Table[Content]

// Good returns the content that serves of every file, those that documents
// name among them.
func (l *Loader) Good() Contents { return l.good }

// Apply takes the new content of some files. A file that is not named is as
// it was.
func (l *Loader) Apply(changes []Source) Result {
	l.Take(changes)
	now := time.Now()
	l.judge(now)
	set := l.settle(now)
	l.held = set.held
	if l.freeze && l.wrong(set) {
		l.frozen(set)
	}
	var res Result
	res.Changed = l.commit(set)
	res.Config = l.last
	res.Files = l.there
	for path := range l.noted {
		res.Problems = append(res.Problems, l.files[path].newest.problems...)
	}
	for _, path := range slices.Sorted(maps.Keys(l.differ)) {
		res.Held = append(res.Held, path)
		if l.files[path].good == nil {
			res.Unserved = append(res.Unserved, path)
		}
	}
	res.Held = l.heldMaterials(set, res.Held)
	res.Problems = append(res.Problems, set.problems...)
	l.differ, l.noted = shrunk(l.differ), shrunk(l.noted)
	if l.last != nil {
		res.Services = l.last.Services.Len()
	}
	res.Problems.Sort()
	return res
}

// take makes a source the newest content of its file; parsed is of parseAll.
func (l *Loader) take(s Source, parsed *file) {
	if s.Named {
		l.takeNamed(s)
		return
	}
	v := l.files[s.Path]
	if v == nil {
		if s.Gone {
			return
		}
		v = &versions{}
		l.files[s.Path] = v
	}
	if v.newest != nil {
		l.there--
	}
	v.take(s, parsed)
	if l.compare(s.Path, v); v.newest == nil && v.good == nil {
		l.forget(s.Path)
	}
}

// take makes a source the newest content.
func (v *versions) take(s Source, parsed *file) {
	switch {
	case s.Gone:
		v.newest = nil
	case s.Problem != nil:
		v.newest = &file{path: s.Path, problems: diag.Problems{*s.Problem}}
	case parsed == v.good:
		v.newest = v.good // back to what serves
	default:
		v.newest = v.judged(parsed)
	}
}

// compare takes note of how the contents of a file are to each other.
func (l *Loader) compare(path string, v *versions) {
	if v.newest != nil {
		l.there++
	}
	mark(l.differ, path, v.newest != v.good)
	mark(l.noted, path, v.newest != nil && len(v.newest.problems) > 0)
	mark(l.secured, path, v.newest.hasSecrets() || v.good.hasSecrets())
}

// compareAll does so with all files.
func (l *Loader) compareAll() {
	l.there = 0
	for path, v := range l.files {
		l.compare(path, v)
	}
}

func mark[K comparable](set map[K]bool, key K, in bool) {
	if delete(set, key); in {
		set[key] = true
	}
}

// shrunk is a new set in the place of an empty one: to go through what was large
// once costs as much as it did then.
func shrunk(set map[string]bool) map[string]bool {
	if len(set) == 0 {
		return map[string]bool{}
	}
	return set
}

// commit makes a settled set the one that serves and says whether it differs
// from what served before.
func (l *Loader) commit(set *settled) bool {
	if set.config == nil {
		return false
	}
	changes := set.contents.changed()
	changed := l.last == nil || len(changes) > 0
	for _, m := range l.materials {
		if m.good != m.active {
			m.good, l.moved, changed = m.active, true, true
		}
	}
	if changed {
		l.serve(set)
	}
	goods := make([]table.Change[Content], 0, len(changes))
	for _, path := range changes {
		v := l.files[path]
		if v.newest != nil {
			l.there--
		}
		good := set.contents.other[path]
		goods = append(goods, table.Change[Content]{Old: Content{v.good}, New: Content{good}})
		v.good = good
		if l.compare(path, v); v.newest == nil && v.good == nil {
			l.forget(path)
		}
	}
	l.good = l.good.With(goods...)
	l.keepNamed()
	return changed
}

// serve makes the configuration of a set the one that serves.
func (l *Loader) serve(set *settled) {
	l.last, l.index, l.fallback = set.config, set.linked.base, set.linked.scope.fallback
	l.index.take(set.linked)
}

// forget drops a file of which nothing is there or serves.
func (l *Loader) forget(path string) {
	delete(l.files, path)
	for _, set := range []map[string]bool{l.differ, l.noted, l.secured} {
		delete(set, path)
	}
}
