package loader

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"dragoman/diag"
)

var (
	yamlLine   = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)
	yamlAnchor = regexp.MustCompile(`unknown anchor '([^']*)' referenced`)
	bareStar   = regexp.MustCompile(`(?:^|[\s\[,:-])(\*[^\s,\]}]*)`)
)

// syntax reports an error of the YAML parser. It names a line at best, never
// a column, and its words are those of a parser's author; the commonest
// mistakes are told from the text itself.
func (f *file) syntax(err error) {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
		msg = strings.TrimPrefix(msg, m[0])
		msg = yamlLine.ReplaceAllString(msg, "")
	}
	line = min(max(1, line), len(f.lines()))
	if f.conflict() || f.template(line-1, line+1) || f.json() || f.star(msg, line) || f.tab(line) || f.dashes(line) || f.colon(line) {
		return
	}
	if strings.Contains(msg, "did not find expected ',' or") {
		line = f.unclosed(line)
	}
	for len(strings.TrimSpace(f.line(line))) == 0 && line > 1 {
		line-- // the parser often points behind the end
	}
	if n, ok := f.misplaced(line); ok && strings.Contains(msg, "did not find expected") && !strings.Contains(msg, "',' or") {
		f.fault(n, diag.Syntax, "not YAML: the indentation of this line fits none above it", "align it with the lines that it belongs to")
		return
	}
	f.fault(line, diag.Syntax, "not YAML: "+msg, syntaxHint(msg))
}

// template reports an unrendered template in a range of lines.
func (f *file) template(from, to int) bool {
	for n := max(1, from); n <= min(to, len(f.lines())); n++ {
		for _, b := range [][2]string{{"{{", "}}"}, {"{%", "%}"}, {"<%", "%>"}} {
			i := strings.Index(f.line(n), b[0])
			if i < 0 {
				continue
			}
			end := strings.Index(f.line(n)[i:], b[1])
			f.fault(n, diag.Template, fmt.Sprintf("this looks like a template that was not rendered: %s … %s", b[0], b[1]), "give Dragoman the rendered file").
				at(column(f.line(n), i), max(2, end+2))
			return true
		}
	}
	return false
}

// star reports a bare wildcard, which YAML takes for an alias: the commonest
// mistake in a list of hosts.
func (f *file) star(msg string, line int) bool {
	anchor := yamlAnchor.FindStringSubmatch(msg)
	if anchor == nil && !strings.Contains(msg, "alphabetic or numeric character") {
		return false
	}
	from, to := max(1, line-1), min(line+1, len(f.lines()))
	if anchor != nil {
		from, to = 1, len(f.lines()) // that message has no line
	}
	for n := from; n <= to; n++ {
		for _, m := range bareStar.FindAllStringSubmatchIndex(f.line(n), -1) {
			word := f.line(n)[m[2]:m[3]]
			if anchor != nil && word != "*"+anchor[1] {
				continue
			}
			f.fault(n, diag.Syntax, starText(anchor, word), fmt.Sprintf("write %q", word)).
				at(column(f.line(n), m[2]), utf8.RuneCountInString(word))
			return true
		}
	}
	return false
}

func starText(anchor []string, word string) string {
	if anchor != nil {
		return fmt.Sprintf("no anchor &%s for the alias %s; a value that begins with * must be quoted", anchor[1], word)
	}
	return "a value that begins with * must be quoted"
}

// unclosed returns the first line from one on that opens more brackets than
// it closes. The parser names a line before it.
func (f *file) unclosed(line int) int {
	for n := line; n <= len(f.lines()); n++ {
		open := strings.Count(f.line(n), "[") + strings.Count(f.line(n), "{")
		if open > strings.Count(f.line(n), "]")+strings.Count(f.line(n), "}") {
			return n
		}
	}
	return line
}

// tab reports a tab in the indentation.
func (f *file) tab(line int) bool {
	for n := max(1, line-1); n <= min(line+1, len(f.lines())); n++ {
		text := f.line(n)
		indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
		if i := strings.IndexByte(indent, '\t'); i >= 0 {
			f.fault(n, diag.Syntax, "not YAML: a tab in the indentation", "indent with spaces").at(i+1, 1)
			return true
		}
	}
	return false
}

func syntaxHint(msg string) string {
	switch {
	case strings.Contains(msg, "mapping values are not allowed"):
		return `check the indentation, and quote a value that has ": " in it`
	case strings.Contains(msg, "did not find expected '-'"):
		return "check the indentation of the lines that follow"
	case strings.Contains(msg, "did not find expected key"), strings.Contains(msg, "could not find expected ':'"):
		return "check the indentation here and in the lines above"
	case strings.Contains(msg, "did not find expected ',' or"):
		return "a bracket is not closed"
	case strings.Contains(msg, "cannot start any token"):
		return "quote a value that begins with @, ` or %"
	case strings.Contains(msg, "unexpected end of stream"):
		return "a quote is not closed"
	}
	return "check the lines above too"
}

// column is the 1-based column in characters of a byte offset.
func column(line string, offset int) int { return utf8.RuneCountInString(line[:offset]) + 1 }
