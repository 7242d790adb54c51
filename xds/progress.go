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
