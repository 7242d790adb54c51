package loader

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"dragoman/diag"
)

// conflict reports the marks that git leaves in a file that it could not
// merge.
func (f *file) conflict() bool {
	for n := range f.lines() {
		if text := f.line(n + 1); strings.HasPrefix(text, "<<<<<<< ") || strings.HasPrefix(text, ">>>>>>> ") {
			f.fault(n+1, diag.Syntax, "not YAML: a merge conflict that was not resolved", "keep one of the two sides, and take the marks out")
			return true
		}
	}
	return false
}

// notText reports where a file is not UTF-8. Nothing of it is shown that a
// terminal could trip over.
func (f *file) notText(data []byte) {
	if bytes.IndexByte(data, 0) >= 0 {
		f.split.Store(&[]string{})
		f.fault(1, diag.Unreadable, "the file is not UTF-8 text, but UTF-16 or no text at all", "save it as UTF-8")
		return
	}
	valid := 0
	for valid < len(data) {
		r, size := utf8.DecodeRune(data[valid:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		valid += size
	}
	line, col := behind(string(data[:valid]))
	f.text = strings.ToValidUTF8(f.text, "\uFFFD")
	f.fault(line, diag.Unreadable, "the file is not UTF-8 text", "save it as UTF-8").at(col, 1)
}

// json reports what is wrong with a .json file in the words of JSON: the YAML
// parser's are about brackets.
func (f *file) json() bool {
	if path.Ext(f.path) != ".json" {
		return false
	}
	var read any
	wrong, ok := errors.AsType[*json.SyntaxError](json.Unmarshal([]byte(f.text), &read))
	if !ok {
		return false
	}
	// The offset is behind the character that is wrong.
	n, col := behind(f.text[:min(max(0, int(wrong.Offset)-1), len(f.text))])
	f.fault(n, diag.Syntax, "not JSON: "+wrong.Error(), jsonHint(f.line(n), wrong.Error())).at(col, 1)
	return true
}

func jsonHint(line, msg string) string {
	switch {
	case strings.HasPrefix(strings.TrimSpace(line), "//"), strings.Contains(line, "/*"):
		return "JSON has no comments, but YAML has: # this is one"
	case strings.Contains(msg, "after object key:value pair"), strings.Contains(msg, "after array element"):
		return "put a comma before it"
	case strings.Contains(msg, "after top-level value"):
		return "a JSON file holds one document"
	case strings.Contains(msg, "unexpected end"):
		return "a bracket is not closed"
	}
	return ""
}

var (
	wrongDashes = regexp.MustCompile(`^(--|-{4,})\s*$`)
	noSpace     = regexp.MustCompile(`^\s*(?:- )?([A-Za-z]+):[^\s:/].*$|^\s*(?:- )?([a-z]+[A-Z][A-Za-z]*|upstream|url):\S.*$`)
)

// dashes reports a line between documents that is not quite one.
func (f *file) dashes(line int) bool {
	for n := max(1, line-1); n <= min(line+1, len(f.lines())); n++ {
		if wrongDashes.MatchString(f.line(n)) {
			f.fault(n, diag.Syntax, "not YAML: documents are parted by three dashes", "write ---")
			return true
		}
	}
	return false
}

// colon reports a key without the space that makes it one.
func (f *file) colon(line int) bool {
	for n := max(1, line-1); n <= min(line, len(f.lines())); n++ {
		text := f.line(n)
		if m := noSpace.FindStringSubmatchIndex(text); m != nil && !strings.Contains(text, ": ") {
			i := strings.IndexByte(text, ':')
			f.fault(n, diag.Syntax, "not YAML: no space behind the colon", fmt.Sprintf("write %q", strings.TrimLeft(text[:i], " -")+": "+text[i+1:])).
				at(column(text, i), 1)
			return true
		}
	}
	return false
}

// misplaced returns the first line from one on whose indentation fits none
// that is open above it, or that lacks the dash of the lines beside it. The
// parser names the line where the block begins that it could not go on with.
func (f *file) misplaced(from int) (int, bool) {
	type block struct {
		indent int
		list   bool
	}
	var open []block
	for n := 1; n <= len(f.lines()); n++ {
		rest := strings.TrimLeft(f.line(n), " ")
		switch {
		case strings.TrimSpace(rest) == "", rest[0] == '#':
			continue
		case strings.HasPrefix(f.line(n), "---"):
			open = nil
			continue
		}
		indent := len(f.line(n)) - len(rest)
		popped := false
		for len(open) > 0 && open[len(open)-1].indent > indent {
			open, popped = open[:len(open)-1], true
		}
		item := strings.HasPrefix(rest, "- ")
		last := len(open) - 1
		if n >= from && last >= 0 && (popped && open[last].indent < indent || open[last].list && !item && open[last].indent == indent) {
			return n, true
		}
		for ; ; item = strings.HasPrefix(rest, "- ") {
			if len(open) == 0 || open[len(open)-1].indent < indent {
				open = append(open, block{indent, item})
			}
			if !item {
				break
			}
			rest, indent = rest[2:], indent+2
		}
	}
	return from, false
}
