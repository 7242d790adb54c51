package translator

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/diag"
)

const (
	// envoyProgram is the size of a compiled expression above which Envoy
	// refuses it, and with it every route of the listener. A plain text of 100
	// characters is too large.
	envoyProgram = 100
	// maxProgram is what we ask Envoy for instead, and refuse above.
	maxProgram = 10_000
)

// regex is a RE2 expression. Where Envoy's own limit could be too small, a
// larger one goes with it. That field is deprecated, and Envoy logs as much, but
// the only other way is a runtime key, which no resource of ours can bring to
// an Envoy in time. So small expressions do without.
func regex(at scope, pattern string) *matcherv3.RegexMatcher {
	out := &matcherv3.RegexMatcher{Regex: pattern}
	size, err := programSize(pattern)
	if err != nil {
		at.refuse(diag.BadRegex, fmt.Sprintf("%s: %v", at.what, err))
		return out
	}
	if wide(pattern) {
		at.refuse(diag.BadRegex, fmt.Sprintf(`%s: Envoy compares bytes, and knows no character beyond \x{ff}: %s`, at.what, pattern))
	}
	if size > maxProgram {
		at.refuse(diag.BadRegex, fmt.Sprintf("%s has a regular expression that is too large for Envoy: %.80s", at.what, pattern))
	}
	if size > envoyProgram {
		//nolint:staticcheck // deprecated, see above
		out.EngineType = &matcherv3.RegexMatcher_GoogleRe2{GoogleRe2: &matcherv3.RegexMatcher_GoogleRE2{
			MaxProgramSize: wrapperspb.UInt32(maxProgram), //nolint:staticcheck // likewise
		}}
	}
	return out
}

// programSize is never less than the size of the program that Envoy's RE2 makes
// of a pattern. Go compiles the same syntax in the same way, but for characters
// where Envoy is set to bytes: there a class is at most as many instructions as
// it has ranges below 256. The rest is room for RE2's own frame.
func programSize(pattern string) (int, error) {
	parsed, err := syntax.Parse(latin1(pattern), syntax.Perl)
	if err != nil {
		return 0, err
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, err
	}
	size := 0
	for _, inst := range prog.Inst {
		size += max(1, ranges(inst))
	}
	return size + size/8 + 5, nil
}

// ranges counts the ranges of bytes that an instruction takes.
func ranges(inst syntax.Inst) int {
	n := 0
	for i := 0; i < len(inst.Rune); i += 2 {
		if inst.Rune[i] <= 0xff {
			n++
		}
	}
	return n
}

// wide tells whether an escape names a character beyond a byte. Go takes it;
// Envoy refuses it.
func wide(pattern string) bool {
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '\\' {
			continue
		}
		i++ // whatever is escaped begins no escape
		hex, ok := strings.CutPrefix(pattern[i:], "x{")
		if !ok {
			continue
		}
		hex, _, _ = strings.Cut(hex, "}")
		if n, err := strconv.ParseUint(hex, 16, 32); err == nil && n > 0xff {
			return true
		}
	}
	return false
}

// latin1 makes a character of every byte, as Envoy does.
func latin1(pattern string) string {
	var out strings.Builder
	for i := range len(pattern) {
		out.WriteRune(rune(pattern[i]))
	}
	return out.String()
}

// anyOf matches each of some literal texts.
func anyOf(texts []string) string {
	quoted := make([]string, 0, len(texts))
	for _, t := range texts {
		quoted = append(quoted, regexp.QuoteMeta(t))
	}
	return strings.Join(quoted, "|")
}

func caseless(pattern string, ignore bool) string {
	if ignore {
		return "(?i:" + pattern + ")"
	}
	return pattern
}
