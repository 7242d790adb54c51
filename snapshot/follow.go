package snapshot

import (
	"slices"
	"strings"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/table"
)

// A former is a view of an earlier snapshot, for a later one to be made out of.
type former struct {
	view  *View
	sets  map[string]*Set // of all views of that snapshot
	sound bool            // it had no fault
	*placing
	age int // in snapshots since that nobody has asked for this view
}

// maxAge is how many snapshots a former view is kept for. It holds resources
// that are no more.
const maxAge = 16

// succeed gives the next snapshot what its views can be made out of.
func (s *Snapshot) succeed() *views {
	out := &views{byGroups: map[string]*View{}, sets: map[setKey]*Set{}, former: map[string]former{}}
	s.views.mu.Lock()
	defer s.views.mu.Unlock()
	for groups, f := range s.views.former {
		if f.age++; f.age < maxAge {
			out.former[groups] = f
		}
	}
	for groups, v := range s.views.byGroups {
		out.former[groups] = former{view: v, sets: s.sets, sound: s.sound.Load(), placing: s.placing}
	}
	return out
}

// follow makes a view out of a former one of the same groups, by what is
// different in all resources. It does not look at the rest, and cannot tell what
// is needed no longer: nil is for the cases in which everything must be walked.
// The lock of views is held.
//
// Without a fault everything that is needed is there, so that what is new is
// needed by what has changed, or goes beside what is in the view.
func (s *Snapshot) follow(old former) *View {
	if old.placing != s.placing || !old.sound || !s.sound.Load() {
		return nil
	}
	f := followed{s: s, old: old.view, changes: map[string][]table.Change[*Resource]{}}
	for typeURL, set := range s.sets {
		for _, c := range Changes(old.sets[typeURL], set) {
			if !f.take(typeURL, c) {
				return nil
			}
		}
	}
	f.collect()
	sets := make(map[string]*Set, len(s.sets))
	for typeURL, all := range s.sets {
		changes := f.changes[typeURL]
		slices.SortFunc(changes, func(a, b table.Change[*Resource]) int { return strings.Compare(a.Key(), b.Key()) })
		sets[typeURL] = old.view.Set(typeURL).With(changes...)
		if sets[typeURL].Len() == all.Len() {
			sets[typeURL] = all
		} else {
			sets[typeURL] = s.share(typeURL, sets[typeURL])
		}
	}
	return viewOf(sets, old.view.Shadowed)
}

// followed is a view that is being made out of an old one.
type followed struct {
	s       *Snapshot
	old     *View
	changes map[string][]table.Change[*Resource] // of the view, by type
	more    []Ref                                // that have to be in it, if they are not
}

// take takes account of a change among all resources. It gives up on what may
// leave something in the view that nobody needs, and on what begins there.
func (f *followed) take(typeURL string, c table.Change[*Resource]) bool {
	at := Ref{typeURL, c.Key()}
	has := f.old.Set(typeURL).Get(at.Name) != nil
	less, more := unlike(needs(c.Old), needs(c.New))
	switch {
	case c.Old == nil && typeURL == resourcev3.RuntimeType:
		return false
	case has && (c.New == nil || len(less) > 0):
		return false
	case has:
		f.changes[typeURL] = append(f.changes[typeURL], c)
		f.more = append(f.more, more...)
	case c.Old == nil && f.goesBeside(at):
		f.more = append(f.more, at)
	}
	return true
}

// goesBeside tells whether something in the old view has a new resource beside
// it. What is in the old view is in the new one.
func (f *followed) goesBeside(at Ref) bool {
	if at.Type == resourcev3.ScopedRouteType {
		listener, _, _ := strings.Cut(at.Name, "/")
		return f.old.Set(at.Type).Get(AllScopes(listener)) != nil
	}
	return at.Type == resourcev3.EndpointType && f.old.Set(resourcev3.ClusterType).Get(at.Name) != nil
}

// collect adds what is wanted and not in the view, and what that needs.
func (f *followed) collect() {
	todo, seen := f.more, map[Ref]bool{}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		r := f.s.All(at.Type).Get(at.Name)
		if r == nil || seen[at] || f.old.Set(at.Type).Get(at.Name) != nil {
			continue
		}
		seen[at] = true
		f.changes[at.Type] = append(f.changes[at.Type], table.Change[*Resource]{New: r})
		todo = append(todo, r.Needs...)
		todo = append(todo, f.s.beside(at)...)
	}
}
