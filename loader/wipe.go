package loader

import (
	"fmt"
	"slices"

	"dragoman/diag"
)

// Services that go in such numbers, and more than half of them at once, are
// more often a volume that was not mounted, a checkout under way or a slip of
// the hand than a wish.
const leastWiped = 3

// A loss is what a set of contents would take away from what serves.
type loss struct {
	files    []string // those that had it
	services []string
}

// loss is what the newest contents of some files would take away.
func (k *linker) loss(paths []string) loss {
	var out loss
	for _, path := range paths {
		loses := false
		for d := range k.files[path].good.documents() {
			if k.table(d.kind).get(d.name.text) != nil {
				continue
			}
			loses = true
			if d.kind == "service" {
				out.services = append(out.services, d.name.text)
			}
		}
		if loses {
			out.files = append(out.files, path)
		}
	}
	slices.Sort(out.services)
	return out
}

// wiped holds back the files that lose too much, until somebody approves. What
// is held stays held when some of it comes back and the rest would be little: a
// directory that is being restored comes back file by file. Only a file that
// has changed since is judged anew.
func (l *Loader) wiped(s *settled, k *linker) []conflict {
	if l.allowEmpty || l.approved || l.last == nil {
		return nil
	}
	lost := k.loss(s.contents.changed())
	gone, before := len(lost.services), l.last.Services.Len()
	p := diag.Problem{Code: diag.MostGone, File: ".", Line: 1, Col: 1, Width: 1, Hint: "put back what is missing; if that is meant, POST /api/v1/approve to the admin address, or start with --allow-empty"}
	switch {
	case gone == 0 && s.contents.empty():
		p.Code, p.Msg = diag.Emptied, "the last document is gone, and what it said still serves"
	case gone > 0 && k.scope.services.empty():
		p.Code, p.Msg = diag.Emptied, several(lost.services)+" went, so that no service would be left; what went still serves"
	case gone >= leastWiped && 2*gone > before:
		p.Msg = fmt.Sprintf("%s went at once, %d of %d services; what went still serves", several(lost.services), gone, before)
	default:
		lost = k.loss(slices.DeleteFunc(lost.files, l.judgedAnew))
		p.Msg = several(lost.services) + " went with most services at once and did not come back; what went still serves"
	}
	if len(lost.files) == 0 {
		return nil
	}
	for _, path := range lost.files {
		s.held[path] = l.files[path].newest
	}
	return []conflict{{p, lost.files}}
}

// judgedAnew says that a file is not as it was when it was held last.
func (l *Loader) judgedAnew(path string) bool {
	f, ok := l.held[path]
	return !ok || f != l.files[path].newest
}

// several names the first of many.
func several(names []string) string {
	const most = 10
	if more := len(names) - most; more > 1 {
		names = append(slices.Clone(names[:most]), fmt.Sprintf("%d more", more))
	}
	return listed(names)
}
