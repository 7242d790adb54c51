package loader

import (
	"fmt"
	"slices"

	"dragoman/diag"
)

// wrong says whether there is an error anywhere.
func (l *Loader) wrong(s *settled) bool {
	if s.problems.HasErrors() {
		return true
	}
	for path := range l.differ {
		if f := l.files[path].newest; f != nil && f.broken() {
			return true
		}
	}
	return false
}

// frozen takes nothing of a set, and names the files that are right and wait
// nevertheless: nobody finds out why from the files themselves.
func (l *Loader) frozen(s *settled) {
	waiting := s.contents.changed()
	for _, m := range l.materials {
		if m.active != m.good {
			waiting = append(waiting, m.pair.cert)
		}
	}
	if s.config == nil || len(waiting) == 0 {
		return
	}
	slices.Sort(waiting)
	s.config = nil
	s.problems = append(s.problems, diag.Problem{
		Severity: diag.Warning, Code: diag.Frozen, File: ".", Line: 1, Col: 1, Width: 1,
		Msg:  fmt.Sprintf("nothing is taken while anything is wrong, and so not the change of %s", several(waiting)),
		Hint: "mend what is wrong, or start with --on-error quarantine",
	})
}
