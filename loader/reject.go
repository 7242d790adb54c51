package loader

import (
	"crypto/sha256"
	"slices"
	"time"

	"dragoman/diag"
	"dragoman/table"
)

// maxRejected is how many contents of one file are remembered as rejected.
const maxRejected = 16

// rejected is a content that Envoys have refused, and what they said.
type rejected struct {
	hash    [sha256.Size]byte
	problem diag.Problem
}

// A Rejection is a content that turned out to be wrong after it served.
type Rejection struct {
	Content Content
	Problem diag.Problem
}

// Accept takes the contents of all files as fine, but for some files: that is
// what a rejected content goes back to. The first time there are no such
// files, for there is nothing yet to go back to.
func (l *Loader) Accept(contents Contents, except []string) {
	var stay []table.Change[Content]
	for _, path := range slices.Compact(slices.Sorted(slices.Values(except))) {
		c := table.Change[Content]{Old: contents.Get(path), New: l.accepted.Get(path)}
		if l.based && c.Old != c.New {
			stay = append(stay, c)
		}
	}
	l.accepted, l.based = contents.With(stay...), true
}

// Reject puts files back to what was accepted of them last, which for a new
// file is nothing. The other files stay as they are, unless they need what has
// gone. A content is rejected until it changes, also if it comes back later. It
// is not if another serves already, if it is the one that was accepted, or if
// the rest cannot be served without it; with nothing to reject, nothing
// changes and false is returned.
func (l *Loader) Reject(all []Rejection) (Result, bool) {
	guilty := map[string]diag.Problem{}
	for _, r := range all {
		path := r.Content.Key()
		v := l.files[path]
		if l.based && v != nil && same(v.good, r.Content.file) && !same(v.good, l.accepted.Get(path).file) {
			guilty[path] = r.Problem
		}
	}
	if len(guilty) == 0 || !l.goBack(guilty) {
		return Result{}, false
	}
	res := l.Apply(nil)
	res.Changed = true
	return res, true
}

// same tells whether two files have the same content.
func same(a, b *file) bool { return a != nil && b != nil && a.hash == b.hash }

// goBack makes what was accepted of some files serve, and says whether that is
// possible. What serves of the others is tried as if it were a change since, so
// that what does not fit goes back as well. That something goes at once is no
// slip of anybody's, so nothing is held.
func (l *Loader) goBack(guilty map[string]diag.Problem) bool {
	before := make(map[string]versions, len(l.files))
	for path, v := range l.files {
		before[path] = *v
		v.newest = v.good
		if v.good != nil {
			v.good = l.accepted.Get(path).file
		}
		if _, ok := guilty[path]; ok {
			v.newest = v.good
		}
	}
	last, index := l.last, l.index
	l.last, l.index = nil, nil
	l.compareAll()
	set := l.settle(time.Now())
	l.last, l.index = last, index
	for path, v := range l.files {
		v.newest, v.good = before[path].newest, before[path].good
	}
	l.compareAll()
	if set.config == nil {
		return false
	}
	for path, p := range guilty {
		v := l.files[path]
		wrong := v.good
		v.rejected = append(v.rejected[max(0, len(v.rejected)-maxRejected+1):], rejected{wrong.hash, p})
		if v.newest == wrong {
			v.newest = v.judged(wrong)
		}
	}
	var goods []Content
	for path, v := range l.files {
		if v.good = set.contents.other[path]; v.good != nil {
			goods = append(goods, Content{v.good})
		}
		if v.newest == nil && v.good == nil {
			l.forget(path)
		}
	}
	l.good = table.Of(slices.AppendSeq(goods, l.kept.All())...)
	l.serve(set)
	l.compareAll()
	return true
}

// judged returns a content with the problem for which it was rejected, if it
// was.
func (v *versions) judged(f *file) *file {
	for _, r := range slices.Backward(v.rejected) {
		if r.hash != f.hash {
			continue
		}
		out := f.clone()
		out.add(r.problem)
		return out
	}
	return f
}
