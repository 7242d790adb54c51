package loader

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"dragoman/diag"
)

// A spot is where something stands in a file. It is what is kept of a node: a
// node holds on to all that is below it.
type spot struct{ line, col, width int32 }

// spotOf returns the place of a node, and how many characters to mark of it.
func spotOf(n *yaml.Node) spot {
	return spot{int32(n.Line), int32(n.Column), int32(width(n))} //nolint:gosec // a file has at most 1 MiB
}

// A report is a problem that was added to a file and may still be detailed.
type report struct{ p *diag.Problem }

// problem adds an error at a node.
func (f *file) problem(n *yaml.Node, code diag.Code, msg, hint string) report {
	return f.add(f.at(spotOf(n), code, msg, hint))
}

// at makes a problem at a place.
func (f *file) at(m spot, code diag.Code, msg, hint string) diag.Problem {
	msg, _ = hide(msg)
	line := int(m.line)
	return diag.Problem{
		Code: code, File: f.path, Line: line, Col: int(m.col), Width: int(m.width), Source: f.line(line), Msg: msg, Hint: hint,
	}
}

// warn adds a warning at a node.
func (f *file) warn(n *yaml.Node, code diag.Code, msg, hint string) {
	p := f.at(spotOf(n), code, msg, hint)
	p.Severity = diag.Warning
	f.add(p)
}

// fault adds an error at a line that no node stands for.
func (f *file) fault(line int, code diag.Code, msg, hint string) report {
	source := f.line(line)
	indent := len(source) - len(strings.TrimLeft(source, " \t"))
	rest := strings.TrimSpace(source)
	return f.add(diag.Problem{
		Code: code, Line: line, Col: indent + 1, Width: max(1, utf8.RuneCountInString(rest)), Msg: msg, Hint: hint,
	})
}

// maxProblems is how many problems of one file are told. Who has more has one
// big one, and every problem takes memory.
const maxProblems = 100

func (f *file) add(p diag.Problem) report {
	if len(f.problems) > maxProblems {
		return report{&diag.Problem{}} // untold
	}
	if len(f.problems) == maxProblems {
		p.Code, p.Severity = diag.TooLarge, diag.Error
		p.Msg, p.Hint = fmt.Sprintf("there are more than %d problems in this file", maxProblems), "mend the first ones"
	}
	p.File = f.path
	p.Msg, _ = hide(p.Msg)
	p.Line, p.Col, p.Width = max(1, p.Line), max(1, p.Col), max(1, p.Width)
	p.Source = f.line(p.Line)
	f.problems = append(f.problems, p)
	return report{&f.problems[len(f.problems)-1]}
}

// field names the part of the document that a problem is about.
func (r report) field(name string) report {
	r.p.Field = name
	return r
}

// relate adds another place to a problem.
func (r report) relate(path string, n *yaml.Node, msg string) {
	r.p.Related = append(r.p.Related, diag.Place{File: path, Line: n.Line, Col: n.Column, Msg: msg})
}

// at moves a problem within its line.
func (r report) at(col, width int) {
	r.p.Col, r.p.Width = col, max(1, width)
}

// line returns the text of a line, without its end.
func (f *file) line(n int) string {
	lines := f.lines()
	if n < 1 || n > len(lines) {
		return ""
	}
	return lines[n-1]
}

// width is how many characters to mark of a node.
func width(n *yaml.Node) int {
	if n.Kind != yaml.ScalarNode || strings.Contains(n.Value, "\n") {
		return 1
	}
	w := utf8.RuneCountInString(n.Value)
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		w += 2
	}
	return max(1, w)
}

// fieldName writes the path to a value as people do: routes[2].rewrite.
func fieldName(path []string) string {
	var b strings.Builder
	for _, token := range path {
		switch {
		case token != "" && strings.Trim(token, "0123456789") == "":
			fmt.Fprintf(&b, "[%s]", token)
		case b.Len() > 0:
			b.WriteString("." + token)
		default:
			b.WriteString(token)
		}
	}
	return b.String()
}
