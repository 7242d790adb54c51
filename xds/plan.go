package xds

import (
	"maps"
	"slices"

	"dragoman/snapshot"
)

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
