package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dragoman/diag"
)

// A finding is a Finding that may still be folded into another.
type finding struct {
	Finding
	missing []string // the keys of which the mapping at Path needs one
	unknown string   // the last key of Path, when it is an unknown one
	meant   string   // our word for it, when it is another proxy's
}

// tidy sorts, folds what has one cause into one finding, and leaves one
// finding at each place.
func tidy(found []finding) []Finding {
	slices.SortFunc(found, func(a, b finding) int {
		return cmp.Or(
			slices.CompareFunc(a.Path, b.Path, compareTokens),
			cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Msg, b.Msg),
		)
	})
	var out []Finding
	for _, f := range fold(found) {
		last := len(out) - 1
		if last >= 0 && f.missing == nil && out[last].Key == f.Key && slices.Equal(out[last].Path, f.Path) {
			continue
		}
		out = append(out, f.Finding)
	}
	return out
}

// fold drops each missing key that an unknown one was meant to be: one typing
// mistake is one problem.
func fold(found []finding) []finding {
	folded := map[int]bool{}
	for i, u := range found {
		if u.unknown == "" {
			continue
		}
		around := u.Path[:len(u.Path)-1]
		for j, m := range found {
			if folded[j] || m.missing == nil || !slices.Equal(m.Path, around) {
				continue
			}
			if u.means(m.missing) {
				folded[j] = true
				continue // another of the missing keys may be meant too
			}
			if near, ok := diag.Nearest(u.unknown, m.missing); ok && u.meant == "" {
				found[i].Hint, folded[j] = fmt.Sprintf("did you mean %q?", near), true
				break
			}
		}
	}
	var out []finding
	for i, f := range found {
		if !folded[i] {
			out = append(out, f)
		}
	}
	return out
}

// means says whether another proxy's word stands for one of the keys.
func (f finding) means(keys []string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return f.meant == key || strings.HasPrefix(f.meant, "write "+key+": ") })
}

// compareTokens orders the indexes of a list as numbers, before all words.
func compareTokens(a, b string) int {
	i, errA := strconv.Atoi(a)
	j, errB := strconv.Atoi(b)
	switch {
	case errA == nil && errB == nil:
		return cmp.Or(cmp.Compare(i, j), cmp.Compare(a, b))
	case errA == nil:
		return -1
	case errB == nil:
		return 1
	}
	return cmp.Compare(a, b)
}
