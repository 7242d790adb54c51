package loader

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"

	"dragoman/diag"
)

var (
	wildcard = regexp.MustCompile(`\*+|\{[^{}/]*\}|/:[A-Za-z_]\w*`)
	variable = regexp.MustCompile(`\$(?:[A-Za-z_]\w*|\{\w+\}|[0-9])`)
)

// odd warns of a text that is taken otherwise than elsewhere.
func (d *decoder) odd(v value, msg, hint string) {
	d.file.warn(v.node, diag.OddMatch, msg, hint)
}

// literalPath warns of a path that is a pattern elsewhere: here it is compared
// as it stands, and no request has such a path.
func (d *decoder) literalPath(v value) {
	if !strings.ContainsAny(v.text, "*{:") {
		return // nearly always
	}
	found := wildcard.FindString(v.text)
	if found == "" {
		return
	}
	hint := fmt.Sprintf("write regex: %q", wildcard.ReplaceAllStringFunc(v.text, anySegment))
	if before, ok := strings.CutSuffix(strings.TrimRight(v.text, "*"), "/"); ok && wildcard.FindString(before) == "" {
		hint = "write prefix: " + max(before, "/")
	}
	d.odd(v, fmt.Sprintf("prefix and path have no wildcards: %s is taken as it stands", strings.TrimPrefix(found, "/")), hint)
}

// anySegment is the regular expression of a wildcard.
func anySegment(wildcard string) string {
	switch {
	case wildcard == "**":
		return ".*"
	case strings.HasPrefix(wildcard, "/"):
		return "/[^/]+"
	}
	return "[^/]+"
}

// literalDollar warns of a variable, which Envoy does not fill in.
func (d *decoder) literalDollar(v value, hint string) {
	if !strings.Contains(v.text, "$") {
		return // nearly always
	}
	if found := variable.FindString(v.text); found != "" {
		d.odd(v, fmt.Sprintf("%s is not replaced by anything", found), hint)
	}
}

// pathRegex warns of a regular expression that was written to be searched for
// in a path. Envoy compares the whole path with it.
func (d *decoder) pathRegex(v value) {
	re, err := syntax.Parse(v.text, syntax.Perl)
	if err != nil {
		return // reported
	}
	switch {
	case !beginsWithSlash(re):
		d.odd(v, "no path matches: a regex takes the whole path, which begins with /", fmt.Sprintf("write %q", wholePath(v.text)))
	case strings.HasPrefix(v.text, "^") && !strings.HasSuffix(v.text, "$") && !strings.HasSuffix(v.text, ".*"):
		d.odd(v, "a regex takes the whole path, so that nothing may follow what this matches", "end it with .*, or with $ if that is meant")
	}
}

// wholePath is a regular expression of the paths in which another would be
// found, without the sign of nginx before it.
func wholePath(s string) string {
	s = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(s, "~"), "*"))
	s = strings.TrimPrefix(s, "^")
	if strings.HasPrefix(s, "/") {
		return s
	}
	if first, _ := utf8.DecodeRuneInString(s); unicode.IsLetter(first) {
		return "/" + s
	}
	return "/.*" + s
}

// beginsWithSlash says whether a regular expression can match a text that
// begins with a slash.
func beginsWithSlash(re *syntax.Regexp) bool {
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return true // too large to say
	}
	seen := make([]bool, len(prog.Inst))
	next := []uint32{uint32(prog.Start)}
	for len(next) > 0 {
		at := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[at] {
			continue
		}
		seen[at] = true
		switch inst := &prog.Inst[at]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			next = append(next, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
			next = append(next, inst.Out)
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if inst.MatchRune('/') {
				return true
			}
		case syntax.InstMatch, syntax.InstFail:
		}
	}
	return false
}
