package diag

import (
	"strconv"
	"strings"
	"unicode"
)

// Err is the problems that are errors as one error, and nil when there are
// none, so that an empty slice cannot become an error.
func (ps Problems) Err() error {
	if errs := ps.Errors(); len(errs) > 0 {
		return errs
	}
	return nil
}

// Error is the problems as Text prints them, one line each, without frames.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// String is the problem on one line: where, what, what to do, which kind.
func (p Problem) String() string {
	return p.place() + p.kind() + p.what() + " [" + p.Code.String() + "]"
}

// place is file:line:column: as editors jump to it, and the file alone for
// a problem of the file as a whole.
func (p Problem) place() string { return place(p.File, p.Line, p.Col) }

func place(file string, line, col int) string {
	if file == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString(file)
	for _, n := range []int{line, col} {
		if n < 1 {
			break
		}
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(n))
	}
	b.WriteString(": ")
	return b.String()
}

// kind is a word for what is less than an error. Errors are the rule and have
// none.
func (p Problem) kind() string {
	if p.Severity == Error {
		return ""
	}
	return p.Severity.String() + ": "
}

// what is the message with its hint, behind the field if the message does not
// name it already.
func (p Problem) what() string {
	s := printable(p.message())
	if p.Field != "" && !strings.Contains(p.Msg, strconv.Quote(lastKey(p.Field))) {
		s = printable(p.Field) + ": " + s
	}
	return s
}

func (p Problem) message() string {
	if p.Hint == "" {
		return p.Msg
	}
	return p.Msg + ", " + p.Hint
}

// lastKey is the last name in a field: endpoints in upstream.endpoints[0].
func lastKey(field string) string {
	field = strings.TrimRight(field, "[]0123456789")
	return field[strings.LastIndexByte(field, '.')+1:]
}

// printable keeps a line one line, and a terminal's escapes out of it. The
// words may come from a file that nobody has looked at.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if harmful(r) {
			return '�'
		}
		return r
	}, s)
}

// harmful characters move the cursor, end the line, or turn its direction.
func harmful(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}
