// Package diag is what is wrong with a configuration, as data: where, what,
// and what to do about it. It prints problems in the forms people and machines
// read; it neither finds problems nor decides what follows from them.
package diag

import (
	"cmp"
	"fmt"
	"slices"
)

// A Problem is one thing wrong at one place in a file.
type Problem struct {
	Severity Severity
	Code     Code
	File     string // relative to the configuration root, with slashes
	Line     int    // 1-based; zero for the file as a whole
	Col      int    // 1-based, in characters
	Width    int    // characters to mark from Col, at least 1
	Field    string // such as routes[2].upstream; "" for the document or file
	Msg      string // no service named "paymnts"
	Hint     string // did you mean "payments"? It is printed behind Msg and a comma.
	Source   string // the text of the line, for the code frame; "" when unknown
	Related  []Place
}

// At is the place in the form that editors jump to: file:line:column.
func (p Problem) At() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Key tells one problem from another.
func (p Problem) Key() string {
	return fmt.Sprintf("%s %d %d %s %s", p.At(), p.Severity, p.Code, p.Field, p.Msg)
}

// A Place is another position that belongs to a problem, such as the first
// of two definitions.
type Place struct {
	File      string
	Line, Col int
	Msg       string // "first defined here"
}

// Severity tells an error, which keeps a file from being served, from a warning.
type Severity int

// The severities.
const (
	Error Severity = iota
	Warning
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Problems is what one load found.
type Problems []Problem

// Sort orders problems by file, line, column and code.
func (ps Problems) Sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Col, b.Col),
			cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Msg, b.Msg),
		)
	})
}

// Errors returns the problems that are errors.
func (ps Problems) Errors() Problems {
	var out Problems
	for _, p := range ps {
		if p.Severity == Error {
			out = append(out, p)
		}
	}
	return out
}

// HasErrors says whether any problem is an error.
func (ps Problems) HasErrors() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return p.Severity == Error })
}
