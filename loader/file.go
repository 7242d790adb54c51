package loader

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"dragoman/diag"
)

// A file is one content of one file, parsed. It does not change any more.
type file struct {
	path     string
	hash     [sha256.Size]byte
	text     string
	docs     []*document   // those that are right
	defines  []definition  // of all documents, right or wrong
	problems diag.Problems // of this content by itself
	secured  []*document   // the listeners among docs that name certificates

	split atomic.Pointer[[]string] // see lines
}

// A definition is the name of a document.
type definition struct {
	ref ref
	at  spot
}

// broken says that the content cannot serve.
func (f *file) broken() bool { return f.problems.HasErrors() }

// hasSecrets says that some document names certificates.
func (f *file) hasSecrets() bool { return f != nil && len(f.secured) > 0 }

// clone is the same content, to which problems may be added.
func (f *file) clone() *file {
	return &file{
		path: f.path, hash: f.hash, text: f.text,
		docs: f.docs, defines: f.defines, problems: slices.Clone(f.problems), secured: f.secured,
	}
}

// documents yields those that are right. A missing file has none.
func (f *file) documents() iter.Seq[*document] {
	if f == nil {
		return func(func(*document) bool) {}
	}
	return slices.Values(f.docs)
}

// parse reads one content. It always returns a file, perhaps a broken one.
func parse(path string, data []byte) *file {
	f := &file{
		path: path,
		hash: sha256.Sum256(data),
		text: string(data),
	}
	if !f.readable(data) {
		return f
	}
	c := &converter{file: f}
	for _, n := range f.nodes(data) {
		before := len(f.problems)
		v := c.convert(n, 0)
		if f.problems[before:].HasErrors() || v.kind == null {
			continue // reported, or a --- with nothing behind it
		}
		f.document(v)
	}
	if len(f.docs) == 0 && !f.broken() {
		f.fault(1, diag.EmptyFile, "the file holds no document", "delete it if that is what you mean")
	}
	return f
}

// lines returns the text's lines, without their ends. Only problems show any,
// so that a file without one never has them made.
func (f *file) lines() []string {
	if made := f.split.Load(); made != nil {
		return *made
	}
	lines := hideKeys(splitLines(f.text))
	f.split.Store(&lines)
	return lines
}

// hideKeys takes private keys out of lines that problems will show: some people
// write the content where the name of a file belongs.
func hideKeys(lines []string) []string {
	inside := false
	for i, line := range lines {
		if inside {
			lines[i] = "[redacted]"
			inside = !strings.Contains(line, "-----END")
			continue
		}
		lines[i], inside = hide(line)
	}
	return lines
}

// hide cuts off a private key, and says whether it goes on behind the text.
func hide(text string) (string, bool) {
	if !strings.Contains(text, "PRIVATE KEY-----") {
		return text, false
	}
	before, rest, _ := strings.Cut(text, "-----")
	return before + "[redacted]", !strings.Contains(rest, "-----END")
}

// splitLines splits a text where a line ends in YAML 1.1, and so where yaml.v3
// counts one. A regular expression takes seconds for a megabyte of ends.
func splitLines(text string) []string {
	if !strings.ContainsAny(text, "\r\u0085\u2028\u2029") {
		return strings.Split(text, "\n") // nearly always
	}
	var lines []string
	for {
		i := strings.IndexAny(text, "\n\r\u0085\u2028\u2029")
		if i < 0 {
			return append(lines, text)
		}
		lines = append(lines, text[:i])
		_, width := utf8.DecodeRuneInString(text[i:])
		if strings.HasPrefix(text[i:], "\r\n") {
			width = 2
		}
		text = text[i+width:]
	}
}

// behind is the place that follows a text.
func behind(text string) (line, col int) {
	lines := splitLines(text)
	return len(lines), utf8.RuneCountInString(lines[len(lines)-1]) + 1
}

// maxTokens bounds what yaml.v3 may have to build: it takes some 200 bytes a
// node and looks at no limit of its own.
const maxTokens = 150_000

// readable refuses what must not reach the YAML parser.
func (f *file) readable(data []byte) bool {
	tokens, depth := extent(data)
	switch {
	case len(data) > maxBytes:
		f.fault(1, diag.TooLarge, fmt.Sprintf("the file has %d bytes, more than 1 MiB", len(data)), "split it")
	case !utf8.Valid(data):
		f.notText(data)
	case tokens > maxTokens:
		f.fault(1, diag.TooLarge, fmt.Sprintf("the file has too many values: at most %d", maxNodes), "split it")
	case depth > maxDepth:
		f.fault(1, diag.TooLarge, fmt.Sprintf("nested more than %d levels deep", maxDepth), "flatten it")
	default:
		return true
	}
	return false
}

// extent counts what may begin a value, and how deep flow collections nest,
// whose parsing takes time that grows with the square of the depth. Both count
// what stands in texts too, which no configuration comes near.
func extent(data []byte) (tokens, deepest int) {
	depth := 0
	for _, b := range data {
		if b >= 'a' && b <= 'z' || b == ' ' {
			continue // nearly all
		}
		switch b {
		case '[', '{':
			tokens++
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth = max(0, depth-1)
		case ',', ':', '-', '?', '\n', '\r', '#':
			tokens++
		}
	}
	return tokens, deepest
}

// nodes parses the documents up to the first syntax error.
func (f *file) nodes(data []byte) (out []*yaml.Node) {
	defer func() {
		if r := recover(); r != nil { // yaml.v3 is old and not ours
			f.fault(1, diag.Syntax, fmt.Sprintf("the YAML parser gave up: %v", r), "simplify the file")
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		switch err := dec.Decode(&n); {
		case errors.Is(err, io.EOF):
			return out
		case err != nil:
			f.syntax(err)
			return out
		case len(n.Content) == 1:
			out = append(out, n.Content[0])
		}
	}
}
