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
	contents contents
	linked   *linker
	config   *model.Config // nil when nothing may be served
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
	s := &settled{contents: l.newest(), held: map[string]*file{}}
	for round := 0; ; round++ {
		set := l.link(s.contents)
		if len(set.conflicts) == 0 {
			set.conflicts = l.wiped(s, set)
		}
		if len(set.conflicts) == 0 {
			s.config, s.linked = set.config(), set
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
			set.conflicts[0].blame = s.contents.changed()
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
			reverted = s.contents.revert(path) || reverted
		}
	}
	return reverted
}

// checked asks the options' check.
func (l *Loader) checked(s *settled) []conflict {
	if l.last == nil && s.contents.empty() {
		s.config = nil // nothing was read yet
		return nil
	}
	if l.check == nil || l.last != nil && len(s.contents.changed()) == 0 && !l.renewed() {
		return nil // what serves was checked before
	}
	var out []conflict
	for _, p := range l.check(s.config) {
		if p.Severity != diag.Error {
			s.problems = append(s.problems, p)
			continue
		}
		if f := s.contents.of(p.File); f != nil {
			p.Source = f.line(p.Line)
		}
		c := conflict{problem: p, blame: []string{p.File}}
		if !slices.Contains(s.contents.changed(), p.File) {
			c.blame = s.contents.changed() // it is right by itself: some change made it wrong
		}
		out = append(out, c)
	}
	return out
}
