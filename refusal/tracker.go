package refusal

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"dragoman/diag"
	"dragoman/model"
)

// Options of a Tracker.
type Options struct {
	Log *slog.Logger

	// Present is the configuration as it is now, nil before there is any. A
	// comment that has moved lines since the publication is no reason for a
	// wrong line.
	Present func() *model.Config

	// Accepted is told of a version that is fine: an Envoy has all of it, and
	// some time has passed. The files are those of which that is not known. Nil
	// is nobody, and then Reject is not asked either.
	Accepted func(version string, except []string)

	// Reject is told of files that are not fine in a version, each by a problem.
	// It is not told again of the same contents.
	Reject func(version string, problems diag.Problems)
}

// The times of a judgement. Envoys answer within milliseconds; but one that
// refuses is often faster than the many that have something to do.
const (
	decideAfter = time.Second     // from a refusal
	acceptAfter = 2 * time.Second // from when an Envoy has all of a version
)

// maxPublications is how many are kept: a refusal may be of one that is not the
// last any more.
const maxPublications = 32

// A Tracker knows who refuses what.
type Tracker struct {
	o    Options
	wake chan struct{} // capacity one

	mu           sync.Mutex    // guards what follows
	publications []publication // the oldest first
	streams      map[uint64]*stream
	refused      map[key]*refused
	logged       map[key]bool
	changed      map[string]bool // files that differ from what was accepted last
	accepting    []acceptance    // the oldest first
	accepted     string          // what was told last of what is accepted
}

// stream is one that is open, and the version of each type that it has, or has
// but for what it refuses of it.
type stream struct {
	Stream

	assigned map[string]string // what it is to have, of its own part of everything
	has      map[string]string
}

// publication is one, with all versions that types have in parts of it.
type publication struct {
	Publication

	parts map[part]bool
}

type part struct{ typ, version string }

// A key tells what is refused: a resource, for its content. An Envoy's own
// trouble is another thing.
type key struct {
	typ, name, content string
	own, stuck         bool
}

// refused is one thing that is refused, and by whom.
type refused struct {
	key

	candidates []string // instead of a name
	words      string
	version    string   // of the publication
	files      []string // those that had changed, of which one may have brought it
	by         map[uint64]bool
	decide     time.Time // when it is to be judged; zero if it is
	outvoted   bool
}

// names are those of the resources that it may be.
func (r *refused) names() []string {
	if r.name != "" {
		return []string{r.name}
	}
	return r.candidates
}

// New returns a tracker that knows of nothing.
func New(o Options) *Tracker {
	if o.Accepted == nil || o.Reject == nil {
		o.Accepted, o.Reject = nil, nil
	}
	return &Tracker{
		o: o, wake: make(chan struct{}, 1),
		streams: map[uint64]*stream{}, refused: map[key]*refused{}, logged: map[key]bool{},
		changed: map[string]bool{},
	}
}

// Published says what every Envoy is to have. It comes before the events that
// follow from it.
func (t *Tracker) Published(p Publication) {
	t.mu.Lock()
	defer t.mu.Unlock()
	added := publication{p, make(map[part]bool, len(p.Types))}
	added.add(p.Types)
	t.publications = append(t.publications, added)
	t.publications = slices.Delete(t.publications, 0, max(0, len(t.publications)-maxPublications))
	for _, f := range p.Files {
		t.changed[f] = true
	}
	maps.DeleteFunc(t.refused, func(_ key, r *refused) bool {
		gone := r.contentIn(p) == ""
		if gone {
			t.over(r, "the resource is gone")
		}
		return gone
	})
	maps.DeleteFunc(t.logged, func(k key, _ bool) bool {
		return k.name != "" && p.Content(k.typ, k.name) != k.content
	})
}

// Opened says that a stream has said who it is.
func (t *Tracker) Opened(s Stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.streams[s.ID] = &stream{Stream: s, has: map[string]string{}}
}

// Assigned says what a stream is to have of the last publication.
func (t *Tracker) Assigned(id uint64, types map[string]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.streams[id]; s != nil && len(t.publications) > 0 {
		s.assigned = types
		t.publications[len(t.publications)-1].add(types)
	}
}

func (p publication) add(types map[string]string) {
	for typeURL, version := range types {
		p.parts[part{typeURL, version}] = true
	}
}

// Closed says that a stream has ended. What it refused is forgotten: it will
// be asked again.
func (t *Tracker) Closed(id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.streams, id)
	for k, r := range t.refused {
		if delete(r.by, id); len(r.by) == 0 {
			delete(t.refused, k)
		}
	}
}

// Asked says that a stream wants resources of a type.
func (t *Tracker) Asked(id uint64, typeURL string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.streams[id]; s != nil && s.has[typeURL] == "" {
		s.has[typeURL] = ""
	}
}

// Dropped says that a stream wants nothing of a type any more.
func (t *Tracker) Dropped(id uint64, typeURL string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.streams[id]; s != nil {
		delete(s.has, typeURL)
	}
	t.clear(id, "nobody asks for it any more", func(r *refused) bool { return r.typ == typeURL })
}

// Accepted says that an Envoy has a version of a type, perhaps but for what it
// refuses of it. It ends a refusal if that version says something else of the
// resource, and one of which it was not known what it is about: that has been
// tried.
func (t *Tracker) Accepted(id uint64, typeURL, version string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.streams[id]
	if s == nil || len(t.publications) == 0 {
		return
	}
	s.has[typeURL] = version
	p := t.publication(typeURL, version)
	t.clear(id, "it has been accepted", func(r *refused) bool {
		return r.typ == typeURL && (r.stuck || r.name == "" || r.contentIn(p) != r.content)
	})
	t.accept(s)
}

// clear ends refusals of a stream.
func (t *Tracker) clear(id uint64, why string, which func(*refused) bool) {
	for k, r := range t.refused {
		if !r.by[id] || !which(r) {
			continue
		}
		if delete(r.by, id); len(r.by) == 0 {
			t.over(r, why)
			delete(t.refused, k)
		}
	}
}

// over says that nobody refuses something any more.
func (t *Tracker) over(r *refused, why string) {
	delete(t.logged, r.key)
	t.o.Log.Info("nothing is refused here any more", slog.String("resource", r.subject()), slog.String("reason", why))
}

// Refused says that an Envoy has refused a response.
func (t *Tracker) Refused(in Refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range in.Resources {
		t.refuse(in, false, r.Name, r.Words)
	}
	if len(in.Resources) == 0 {
		t.refuse(in, false, "", in.Words)
	}
	if s := t.streams[in.Stream]; s != nil && len(t.publications) > 0 {
		s.has[in.Type] = in.Version
		t.accept(s)
	}
}

// Stuck says that resources were not answered within the time that they have.
func (t *Tracker) Stuck(id uint64, typeURL string, names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	in := Refusal{Stream: id, Type: typeURL, Candidates: names}
	const words = "it has not become ready within the time that it has; the change goes on without it"
	if len(names) == 1 {
		t.refuse(in, true, names[0], words)
		return
	}
	t.refuse(in, true, "", words)
}

// refuse enters that a stream refuses something. It is logged when it is the
// first.
func (t *Tracker) refuse(in Refusal, stuck bool, name, words string) {
	if t.streams[in.Stream] == nil || len(t.publications) == 0 {
		return
	}
	p := t.publication(in.Type, in.Version)
	r := &refused{
		key:   key{typ: in.Type, name: name, own: Own(words), stuck: stuck},
		words: words, version: p.Version, by: map[uint64]bool{},
		files: slices.Sorted(maps.Keys(t.changed)),
	}
	if name == "" {
		r.candidates = slices.Sorted(slices.Values(in.Candidates))
	}
	r.content = r.contentIn(p)
	t.replace(in.Stream, r.key)
	if known := t.refused[r.key]; known != nil {
		r.by = known.by
	}
	t.refused[r.key] = r
	r.by[in.Stream] = true
	if t.o.Reject != nil && !r.own {
		r.decide = time.Now().Add(decideAfter)
		for _, a := range t.accepting {
			a.doubts[r.key] = t.files(r)
		}
		t.poke()
	}
	if !t.logged[r.key] {
		t.logged[r.key] = true
		t.report(r)
	}
}

// replace forgets that a stream refused other content of the same resource.
func (t *Tracker) replace(id uint64, by key) {
	for k, r := range t.refused {
		if k.typ != by.typ || k.name != by.name || k == by {
			continue
		}
		if delete(r.by, id); len(r.by) == 0 {
			delete(t.refused, k)
		}
	}
}

// contentIn is what a publication says of what is refused.
func (r *refused) contentIn(p Publication) string {
	var all strings.Builder
	for _, name := range r.names() {
		all.WriteString(p.Content(r.typ, name))
	}
	return all.String()
}

// publication is the newest with a version of a type, or the last one if that
// is not known.
func (t *Tracker) publication(typeURL, version string) Publication {
	for _, p := range slices.Backward(t.publications) {
		if p.parts[part{typeURL, version}] {
			return p.Publication
		}
	}
	return t.publications[len(t.publications)-1].Publication
}

func (t *Tracker) poke() {
	select {
	case t.wake <- struct{}{}:
	default: // It is awake.
	}
}

// Run judges what is due until ctx ends.
func (t *Tracker) Run(ctx context.Context) {
	for {
		verdicts, next := t.judge(time.Now())
		for _, tell := range verdicts {
			tell()
		}
		var timer <-chan time.Time
		if !next.IsZero() {
			timer = time.After(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		case <-timer:
		}
	}
}
