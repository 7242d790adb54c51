package diag

import (
	"slices"
	"strings"
)

// Nearest finds what was meant by a word that is none of the candidates. It
// looks past case, _ and -, and allows one typing mistake in three letters:
// a letter too many, too few, another one, or two in the wrong order. Of
// equally near candidates the first in the alphabet is taken.
func Nearest(word string, candidates []string) (string, bool) {
	w := fold(word)
	if len(w) == 0 {
		return "", false
	}
	best, found := 0, ""
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		f := fold(c)
		d := distance(w, f)
		// Two words with nothing in common are not near, however short.
		if d > max(1, len(w)/3) || d >= max(len(w), len(f)) {
			continue
		}
		if found == "" || d < best {
			best, found = d, c
		}
	}
	return found, found != ""
}

func fold(s string) []rune {
	return slices.DeleteFunc([]rune(strings.ToLower(s)), func(r rune) bool { return r == '_' || r == '-' })
}

// distance is the Damerau–Levenshtein distance in which no part is changed
// twice.
func distance(a, b []rune) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+differs(a[i], b[j]))
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

func differs(a, b rune) int {
	if a == b {
		return 0
	}
	return 1
}
