package loader

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"dragoman/diag"
)

var operator = regexp.MustCompile(`^%([A-Z0-9_]+)((\([^)\n]*\))?(:[0-9]+)?)%`)

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
		if msg, hint := wrongOperator(m[1], m[2]); msg != "" {
			d.problem(v.node, diag.BadFormat, msg, hint)
		}
		rest = rest[len(m[0]):]
	}
}

// wrongOperator says what is wrong with an operator and what follows its name,
// a parameter in brackets and a length behind a colon; nothing is "".
func wrongOperator(name, rest string) (msg, hint string) {
	known := strings.Fields(plainOperators)
	if slices.Contains(known, name) {
		if rest != "" {
			return fmt.Sprintf("%%%s%% takes no parameter", name), fmt.Sprintf("write %%%s%%", name)
		}
		return "", ""
	}
	for _, f := range forms() {
		operators := strings.Fields(f.operators)
		known = append(known, operators...)
		switch {
		case !slices.Contains(operators, name):
			continue
		case f.pattern.MatchString(rest):
			return "", ""
		case rest == "":
			return fmt.Sprintf("%%%s%% needs a parameter", name), fmt.Sprintf("write such as %%%s%s%%", name, f.example)
		}
		return fmt.Sprintf("Envoy does not take %%%s%s%%", name, rest), fmt.Sprintf("write such as %%%s%s%%", name, f.example)
	}
	if slices.Contains(strings.Fields(notYetOperators), name) {
		return fmt.Sprintf("%%%s%% is not supported yet", name), "take it out"
	}
	hint = "write %% for a percent sign"
	if near, ok := diag.Nearest(name, known); ok {
		hint = fmt.Sprintf("did you mean %%%s%%?", near)
	}
	return fmt.Sprintf("Envoy has no operator %%%s%%", name), hint
}
