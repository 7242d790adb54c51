package refusal

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/diag"
)

// judge decides what is due, and says what is to be told and when to look again.
func (t *Tracker) judge(now time.Time) (tell []func(), next time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	later := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	for _, r := range t.refused {
		switch {
		case r.decide.IsZero():
		case now.Before(r.decide) && (r.name == "" || !t.answered(r)): // of several, each may yet be tried alone
			later(r.decide)
		default:
			r.decide = time.Time{}
			if r.outvoted = !t.guilty(r); r.outvoted {
				t.trust(r.key)
			} else {
				version, problems := r.version, t.verdict(r)
				tell = append(tell, func() { t.o.Reject(version, problems) })
			}
		}
	}
	for len(t.accepting) > 0 {
		a := t.accepting[0]
		if now.Before(a.at) {
			later(a.at)
			break
		}
		t.accepting = t.accepting[1:]
		except := a.except()
		t.settle(a.version, except)
		if what := fmt.Sprint(a.version, except); what != t.accepted {
			t.accepted = what
			tell = append(tell, func() { t.o.Accepted(a.version, except) })
		}
	}
	return tell, next
}

// votes counts the Envoys that refuse something, those that have it, and those
// that are yet to answer. Streams of one Envoy are one vote.
func (t *Tracker) votes(r *refused) (against, in, open int) {
	refuse, have, owe := map[Stream]bool{}, map[Stream]bool{}, map[Stream]bool{}
	for id, s := range t.streams {
		who := s.Stream
		who.ID = 0
		version, asked := s.has[r.typ]
		switch {
		case r.by[id]:
			refuse[who] = true
		case !asked:
		case version != "" && r.contentIn(t.publication(r.typ, version)) == r.content:
			have[who] = true
		default:
			owe[who] = true
		}
	}
	return len(refuse), len(have), len(owe)
}

// answered tells whether there is nobody to wait for.
func (t *Tracker) answered(r *refused) bool {
	_, _, open := t.votes(r)
	return open == 0
}

// guilty tells whether something is refused by more Envoys than have it: a
// single old one among many must not take it from all.
func (t *Tracker) guilty(r *refused) bool {
	against, in, _ := t.votes(r)
	return against > in
}

// accept notes that an Envoy has all of the last publication.
func (t *Tracker) accept(s *stream) {
	last := t.publications[len(t.publications)-1]
	waiting := slices.ContainsFunc(t.accepting, func(a acceptance) bool { return a.version == last.Version })
	if waiting || t.o.Accepted == nil || len(t.changed) == 0 {
		return
	}
	asked := map[string]bool{}
	for _, other := range t.streams {
		if other.Node != s.Node || other.Cluster != s.Cluster || other.Peer != s.Peer {
			continue
		}
		for typeURL, version := range other.has {
			if version != cmp.Or(other.assigned[typeURL], last.Types[typeURL]) {
				return
			}
			asked[typeURL] = true
		}
	}
	if asked[resource.ClusterType] && asked[resource.ListenerType] {
		t.accepting = append(t.accepting, acceptance{last.Version, time.Now().Add(acceptAfter), t.doubted()})
		t.poke()
	}
}

// settle forgets the changes up to a version that is accepted.
func (t *Tracker) settle(version string, except []string) {
	t.changed = map[string]bool{}
	for _, f := range except {
		t.changed[f] = true
	}
	for _, p := range slices.Backward(t.publications) {
		if p.Version == version {
			return
		}
		for _, f := range p.Files {
			t.changed[f] = true
		}
	}
}

// An acceptance is about to be: at a time, and but for the files of what is
// refused until then.
type acceptance struct {
	version string // of the whole
	at      time.Time
	doubts  map[key][]string
}

func (a acceptance) except() []string {
	files := map[string]bool{}
	for _, of := range a.doubts {
		for _, f := range of {
			files[f] = true
		}
	}
	return slices.Sorted(maps.Keys(files))
}

// doubted are the files of what is refused, unless that is an Envoy's own
// trouble or most have it.
func (t *Tracker) doubted() map[key][]string {
	out := map[key][]string{}
	for k, r := range t.refused {
		if !r.own && !r.outvoted {
			out[k] = t.files(r)
		}
	}
	return out
}

// trust takes what is refused for fine, since most have it.
func (t *Tracker) trust(k key) {
	for _, a := range t.accepting {
		delete(a.doubts, k)
	}
}

// files are those that something is blamed on.
func (t *Tracker) files(r *refused) []string {
	var out []string
	for _, p := range t.verdict(r) {
		out = append(out, p.File)
	}
	return out
}

// verdict is a problem for each file that something is blamed on: those that
// it is from, or all that have changed if that is not known.
func (t *Tracker) verdict(r *refused) diag.Problems {
	var p publication
	for _, one := range t.publications {
		if one.Version == r.version {
			p = one
		}
	}
	if p.Config == nil {
		return nil // too long ago
	}
	var out diag.Problems
	add := func(file string, line, col int) {
		out = append(out, diag.Problem{
			Code: diag.RolledBack, File: file, Line: line, Col: col, Width: 1, Msg: t.sentence(r),
			Hint: "what was accepted last serves; this content is not tried again until it changes",
		})
	}
	for _, at := range r.places(p.Config) {
		add(at.File, at.Line, at.Col)
	}
	if len(out) == 0 {
		for _, file := range r.files {
			add(file, 1, 1)
		}
	}
	return out
}
