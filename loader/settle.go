package loader

import (
	"slices"
	"time"

	"dragoman/diag"
	"dragoman/model"
)

// settled is a set of contents that fit each other, with what had to be held
// back for it.
type settled struct {
	active   map[string]*file
	config   *model.Config // nil when nothing may be served
	fallback string
	problems diag.Problems
	held     map[string]*file // see Loader.held
}

// A conflict is a problem between files, and the files whose change is held
// back for it.
type conflict struct {
	problem diag.Problem
	blame   []string
}

// maxRounds is how long a chain of files may be of which each depends on the
// next, before all that changed is held back together.
const maxRounds = 50

// settle finds the newest contents that fit each other. It begins with the
// newest of every file that is right by itself, and puts the files that a
// conflict is blamed on back to their last good content until none is left.
// What served before had no conflict, so this ends.
func (l *Loader) settle(now time.Time) *settled {
	s := &settled{active: make(map[string]*file, len(l.files)), held: map[string]*file{}}
	for path, v := range l.files {
		f := v.newest
		if f != nil && f.broken() {
			f = v.good
		}
		if f != nil {
			s.active[path] = f
		}
	}
	for round := 0; ; round++ {
		set := l.link(s.active)
		if len(set.conflicts) == 0 {
			set.conflicts = l.wiped(s, set)
		}
		if len(set.conflicts) == 0 {
			s.config, s.fallback = set.config(), set.scope.fallback
			set.conflicts = l.checked(s)
		}
		if len(set.conflicts) == 0 {
			s.problems = append(s.problems, set.warnings()...)
			s.problems = append(s.problems, set.doubts(now)...)
			s.problems = append(s.problems, set.unevenRPCs()...)
			return s
		}
		s.config = nil
		if round == maxRounds {
			set.conflicts[0].blame = l.changed(s.active)
		}
		if !l.holdBack(s, set.conflicts) {
			return s
		}
	}
}

// holdBack reverts the files that conflicts are blamed on, and says whether
// that changed anything.
func (l *Loader) holdBack(s *settled, conflicts []conflict) bool {
	reverted := false
	for _, c := range conflicts {
		s.problems = append(s.problems, c.problem)
		for _, path := range c.blame {
			reverted = l.revert(s.active, path) || reverted
		}
	}
	return reverted
}

// revert puts a file back to its last good content and says whether it was
// at another.
func (l *Loader) revert(active map[string]*file, path string) bool {
	v := l.files[path]
	if v == nil || v.good == active[path] {
		return false
	}
	good := v.good
	if good == nil {
		delete(active, path)
	} else {
		active[path] = good
	}
	return true
}

// checked asks the options' check.
func (l *Loader) checked(s *settled) []conflict {
	if len(s.active) == 0 && l.last == nil {
		s.config = nil // nothing was read yet
		return nil
	}
	if l.check == nil || l.last != nil && len(l.changed(s.active)) == 0 && !l.renewed() {
		return nil // what serves was checked before
	}
	var out []conflict
	for _, p := range l.check(s.config) {
		if p.Severity != diag.Error {
			s.problems = append(s.problems, p)
			continue
		}
		if f := s.active[p.File]; f != nil {
			p.Source = f.line(p.Line)
		}
		c := conflict{problem: p, blame: []string{p.File}}
		if !slices.Contains(l.changed(s.active), p.File) {
			c.blame = l.changed(s.active) // it is right by itself: some change made it wrong
		}
		out = append(out, c)
	}
	return out
}

// changed returns the files that are not at their last good content, sorted.
func (l *Loader) changed(active map[string]*file) []string {
	var out []string
	for _, path := range l.order {
		if l.files[path].good != active[path] {
			out = append(out, path)
		}
	}
	return out
}
