package loader

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"dragoman/diag"
)

var operator = regexp.MustCompile(`^%([A-Z0-9_]+)(\([^)]*\))?(:[0-9]+)?%`)

// format checks the command operators, such as %REQ(x-id)%, in a header's
// value or an access log's format. %% is a percent sign.
func (d *decoder) format(v value) {
	for rest := v.text; ; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			return
		}
		rest = rest[i:]
		if after, ok := strings.CutPrefix(rest, "%%"); ok {
			rest = after
			continue
		}
		m := operator.FindStringSubmatch(rest)
		if m == nil {
			d.problem(v.node, diag.BadFormat, fmt.Sprintf("a lone percent sign in %q", v.text), "write %% for a percent sign, or %COMMAND% for one of Envoy's operators")
			return
		}
		if msg, hint := wrongOperator(m[1], m[2], m[3]); msg != "" {
			d.problem(v.node, diag.BadFormat, msg, hint)
		}
		rest = rest[len(m[0]):]
	}
}

// wrongOperator says what is wrong with an operator, its parameter in
// brackets, and its length behind a colon; nothing is "".
func wrongOperator(name, parameter, length string) (msg, hint string) {
	plain, free, bound := strings.Fields(plainOperators), strings.Fields(freeOperators), strings.Fields(boundOperators)
	switch {
	case slices.Contains(plain, name):
		if parameter+length != "" {
			return fmt.Sprintf("%%%s%% takes no parameter", name), fmt.Sprintf("write %%%s%%", name)
		}
	case slices.Contains(bound, name):
		if len(parameter) <= len("()") {
			return fmt.Sprintf("%%%s%% needs a parameter", name), fmt.Sprintf("write %%%s(NAME)%%", name)
		}
	case !slices.Contains(free, name):
		hint := "write %% for a percent sign"
		if near, ok := diag.Nearest(name, slices.Concat(plain, free, bound)); ok {
			hint = fmt.Sprintf("did you mean %%%s%%?", near)
		}
		return fmt.Sprintf("Envoy has no operator %%%s%%", name), hint
	}
	return "", ""
}
