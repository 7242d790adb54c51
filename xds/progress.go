package xds

import (
	"maps"
	"slices"

	"dragoman/snapshot"
)

// A goal is what an Envoy is to have of one type at a stage of its rollout.
type goal struct {
	set    *snapshot.Set
	kept   map[string]keep // beyond the set
	layers bool            // any name has a resource
}

func (g goal) get(name string) *snapshot.Resource {
	r, _ := g.find(name)
	return r
}

// find tells also whether the resource is in the set.
func (g goal) find(name string) (r *snapshot.Resource, in bool) {
	if r := g.set.Get(name); r != nil {
		return r, true
	}
	return g.kept[name].res, false
}

// progress is how far one stream has come with one type: what it wants, what
// it was sent last, what it has acknowledged, and what it refuses.
//
// It has an entry for a resource only where there is something to say of it
// alone. An Envoy that is in step has what is in set, which all Envoys share.
type progress struct {
	typeURL string
	delta   bool

	wildcard bool // everything is wanted that is not on demand
	legacy   bool // because no name was ever given
	names    subscribed
	listed   list // that they were asked for by, in the state of the world

	// set is what was sent last of what is wanted, but for except, which has
	// nil for what was not sent, or as gone.
	set    *snapshot.Set
	except map[string]*snapshot.Resource
	empty  *snapshot.Set // a set of nothing

	// acked is what was acknowledged, where that is not what was sent.
	acked map[string]*snapshot.Resource
	// fresh are names that are to be answered whatever was sent, true for those
	// that the client has asked for.
	fresh map[string]bool
	// parked are the refused versions, by name: they are not sent again.
	parked map[string]string
	// suspects are versions one of which was refused, nobody knows which. They
	// are tried one at a time.
	suspects map[string]string

	open  []*response // that are not answered, oldest first
	nonce string      // of the last response
	owed  bool        // a response, even with nothing in it
	told  standing    // what was told last

	warnedOf string // the version that was refused last
	warned   int    // how often

	// resumed is a stream that began with what an earlier one was sent.
	// recalled is that of the state of the world, which names it by version.
	resumed  bool
	claim    *claimed // not looked up yet
	recalled *snapshot.Set
}

// standing is what a stream has of a type, as observers are told.
type standing struct {
	version string
	partly  bool // without what is refused
}

// A response is one that was sent.
type response struct {
	nonce, version string
	changes        []change
	late           bool // its answer is not waited for any more
	partial        bool // another follows with the rest of the version
}

// A change is a resource as it was sent, nil if it is gone.
type change struct {
	name string
	res  *snapshot.Resource
}

// maxOpen bounds what is remembered for a client that never answers.
const maxOpen = 32

func newProgress(typeURL string, delta bool, empty *snapshot.Set) *progress {
	return &progress{typeURL: typeURL, delta: delta, set: empty, empty: empty, recalled: empty}
}

// wantsAnything tells whether there is a subscription.
func (p *progress) wantsAnything() bool { return p.wildcard || p.names.len() > 0 }

// wants tells whether a resource is subscribed to. Which of all resources of
// its name it is matters little: they are all on demand, or none is.
func (p *progress) wants(name string, versions ...*snapshot.Resource) bool {
	if p.names.has(name) {
		return true
	}
	return p.wildcard && !slices.ContainsFunc(versions, func(r *snapshot.Resource) bool { return r != nil && r.OnDemand })
}

// sent is what the stream was sent last of a name.
func (p *progress) sent(name string) *snapshot.Resource {
	if r, ok := p.except[name]; ok {
		return r
	}
	return p.set.Get(name)
}

// taken is what the stream has acknowledged last of a name.
func (p *progress) taken(name string) *snapshot.Resource {
	if r, ok := p.acked[name]; ok {
		return r
	}
	return p.sent(name)
}

// waits tells whether a response is to be answered before the next one. A
// refused content is then in one response at a time.
func (p *progress) waits() bool {
	return slices.ContainsFunc(p.open, func(r *response) bool { return !r.late })
}

// target is what a name is to be, without regard to refusals.
func (p *progress) target(g goal, name string) *snapshot.Resource {
	r, in := g.find(name)
	switch {
	case r == nil && g.layers && p.names.has(name):
		return emptyLayer(name)
	case r == nil || in:
		return r
	case p.parked[name] == r.Version:
		return p.taken(name) // what lingers is what the Envoy took
	case r.Body == nil && !same(r, p.sent(name)):
		return nil // an Envoy has it from an earlier stream; nobody else can get it
	}
	return r
}

// held tells whether a resource is not to be sent now.
func (p *progress) held(r *snapshot.Resource, trial string) bool {
	if r == nil || r.Name == trial {
		return false
	}
	return p.parked[r.Name] == r.Version || p.suspects[r.Name] == r.Version
}

// A plan is the next response of a type, before it is made one.
type plan struct {
	changes    []change // by name
	quiet      []string // what is gone without a word for it
	candidates []string // whatever may be different now
	changed    []string // between what was sent and the goal, whoever wants it
	trial      string   // the suspect that it tries
	partial    bool     // it is not all that is different
	owed       bool
}

// sends tells whether there is anything to send.
func (pl plan) sends() bool { return len(pl.changes) > 0 || pl.owed }

// plan compares what was sent with the goal.
func (p *progress) plan(g goal, d *differences) plan {
	p.tidy(g)
	changed := d.between(p.set, g.set)
	pl := p.planOf(g, p.candidates(g, changed))
	pl.changed = changed
	return pl
}

// planOf is a plan for the names that may be different, or for a suspect.
func (p *progress) planOf(g goal, candidates []string) plan {
	pl := p.oneByOne(p.compare(g, candidates, ""))
	if pl.sends() || p.waits() || len(p.suspects) == 0 {
		return pl
	}
	trial := slices.Min(slices.Collect(maps.Keys(p.suspects)))
	names := pl.candidates
	if i, there := slices.BinarySearch(names, trial); !there {
		names = slices.Insert(slices.Clone(names), i, trial)
	}
	return p.compare(g, names, trial)
}

// fewAlone is how many new contents of a type are sent one after the other.
// More than that are not the edit of somebody who may have slipped, and would
// take long.
const fewAlone = 8

// oneByOne keeps one new content of a few in a plan, where an Envoy that refuses
// one would not say which: each then stands for itself, and nothing has to be
// sent again to find the guilty one.
func (p *progress) oneByOne(pl plan) plan {
	if p.whole() || !vague(p.typeURL) {
		return pl
	}
	isNew := func(c change) bool { return c.res != nil && !p.fresh[c.name] && !same(c.res, p.taken(c.name)) }
	var first, rest []change
	for _, c := range pl.changes {
		if isNew(c) && slices.ContainsFunc(first, isNew) {
			rest = append(rest, c)
		} else {
			first = append(first, c)
		}
	}
	if len(rest) > 0 && len(rest) < fewAlone {
		pl.changes, pl.partial = first, true
	}
	return pl
}

// tidy forgets refusals of contents that are no more.
func (p *progress) tidy(g goal) {
	other := func(name, version string) bool {
		r := g.get(name)
		if r == nil {
			r = p.target(g, name) // perhaps a layer
		}
		return r == nil || r.Version != version || !p.wants(name, r)
	}
	maps.DeleteFunc(p.parked, other)
	maps.DeleteFunc(p.suspects, other)
}

// candidates are the names whose resource may have to be sent, sorted.
func (p *progress) candidates(g goal, changed []string) []string {
	if !p.wildcard && p.names.len() < len(changed) {
		changed = slices.Collect(p.names.all())
	}
	if len(changed)+len(p.except)+len(p.fresh)+len(g.kept) == 0 {
		return nil
	}
	out := slices.Clone(changed)
	out = slices.AppendSeq(out, maps.Keys(p.except))
	out = slices.AppendSeq(out, maps.Keys(p.fresh))
	out = slices.AppendSeq(out, maps.Keys(g.kept))
	slices.Sort(out)
	return slices.Compact(out)
}

// compare makes a plan of the candidates that are not as they should be.
func (p *progress) compare(g goal, candidates []string, trial string) plan {
	pl := plan{candidates: candidates, trial: trial, owed: p.owed && p.wildcard && !p.waits()}
	for _, name := range candidates {
		want, was := p.target(g, name), p.sent(name)
		asked, fresh := p.fresh[name]
		switch {
		case !p.wants(name, want, was), p.waits() && (!asked || p.whole()):
			continue
		case p.held(want, trial):
			if want = p.taken(name); !asked || want == nil || want.Body == nil || p.held(want, trial) {
				continue
			}
		case !fresh && same(want, was) && name != trial:
			continue
		case want != nil && want.Body == nil:
			continue // it has that one, which cannot be sent again
		}
		if want == nil && !p.says(name, was, asked) {
			pl.quiet = append(pl.quiet, name)
			continue
		}
		pl.changes = append(pl.changes, change{name, want})
	}
	return pl
}

// says tells whether there is something to send of a name that is gone. Only
// delta has a word for it, and a response that has all the others.
func (p *progress) says(name string, was *snapshot.Resource, asked bool) bool {
	return (p.delta || p.whole()) && (was != nil || asked || p.taken(name) != nil)
}

// whole tells whether each response has everything.
func (p *progress) whole() bool { return !p.delta && whole(p.typeURL) }

// commit takes a plan as sent, under a nonce, and returns what goes into the
// response.
func (p *progress) commit(pl plan, g goal, nonce string) (resources []*snapshot.Resource, gone []string) {
	r := &response{nonce: nonce, version: g.set.Version(), changes: pl.changes, partial: pl.partial}
	if p.whole() {
		if !p.takesAll(g) {
			resources = p.everything(g, pl.trial)
		}
		for name := range p.refusals() {
			if name != pl.trial && p.held(p.target(g, name), pl.trial) {
				r.changes = append(r.changes, change{name, p.taken(name)})
			}
		}
	}
	room(&p.acked, len(r.changes))
	room(&p.except, len(r.changes))
	for _, c := range r.changes {
		if was := p.taken(c.name); !same(was, c.res) {
			put(&p.acked, c.name, was)
		}
		delete(p.fresh, c.name)
		switch {
		case c.res == nil:
			gone = append(gone, c.name)
		case !p.whole():
			resources = append(resources, c.res)
		}
	}
	for _, c := range r.changes {
		put(&p.except, c.name, c.res)
	}
	p.owed, p.nonce = false, nonce
	p.open = append(p.open, r)
	if n := len(p.open); n > maxOpen {
		p.open = slices.Delete(p.open, 0, n-maxOpen)
	}
	p.rebase(pl, g)
	return resources, gone
}

// takesAll tells whether a response has all of the goal's set, and nothing else.
func (p *progress) takesAll(g goal) bool {
	return p.whole() && p.wildcard && p.names.len()+len(g.kept)+len(p.parked)+len(p.suspects) == 0
}

// refused tells whether a name is parked or suspected.
func (p *progress) refused(name string) bool {
	return p.parked[name] != "" || p.suspects[name] != ""
}

// refusals are the names that are parked or suspected.
func (p *progress) refusals() map[string]bool {
	out := make(map[string]bool, len(p.parked)+len(p.suspects))
	for name := range p.parked {
		out[name] = true
	}
	for name := range p.suspects {
		out[name] = true
	}
	return out
}

// everything is all that is wanted, for a response that has all: in place of
// what is refused that which was acknowledged before it, if any.
func (p *progress) everything(g goal, trial string) []*snapshot.Resource {
	names := slices.Collect(p.names.all())
	if p.wildcard {
		for r := range g.set.All() {
			names = append(names, r.Name)
		}
		names = slices.AppendSeq(names, maps.Keys(g.kept))
	}
	slices.Sort(names)
	out := make([]*snapshot.Resource, 0, len(names))
	for _, name := range slices.Compact(names) {
		r := p.target(g, name)
		if p.held(r, trial) {
			r = p.taken(name)
		}
		if r != nil && r.Body != nil && p.wants(name, r) {
			out = append(out, r)
		}
	}
	return out
}

// rebase makes the goal's set the one that was sent, after a plan or when
// there is nothing to send.
func (p *progress) rebase(pl plan, g goal) {
	for _, name := range pl.quiet {
		put(&p.except, name, nil)
		delete(p.acked, name)
		delete(p.fresh, name)
	}
	var except map[string]*snapshot.Resource
	keep := func(name string, was *snapshot.Resource) {
		if !same(was, g.set.Get(name)) && p.wants(name, was, p.target(g, name)) {
			put(&except, name, was)
		}
	}
	for name, was := range p.except {
		keep(name, was)
	}
	for _, name := range pl.candidates {
		if _, done := p.except[name]; !done {
			keep(name, p.sent(name))
		}
	}
	maps.DeleteFunc(p.fresh, func(name string, _ bool) bool { return !p.wants(name, p.sent(name)) })
	trim(&p.fresh)
	p.names.follow(p.set, g.set, pl.changed)
	p.set, p.except = g.set, except
}
