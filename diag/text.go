package diag

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Text prints problems for people: one line that an editor can jump from,
// then the line of the file with the place marked.
//
//	services/cart.yaml:7:5: unknown key "timout" in a route, did you mean "timeout"? [DRG1002 unknown-key]
//	    7 |     timout: 5s
//	      |     ^^^^^^
//
// Field stands before a message that does not name it. Colour marks the
// severity and the carets, and nothing depends on it.
func Text(w io.Writer, ps Problems, color bool) error {
	b := bufio.NewWriter(w)
	for _, p := range ps {
		pen := pen{on: color, severity: p.Severity}
		fmt.Fprintf(b, "%s%s%s [%s]\n", p.place(), pen.paint(p.kind()), p.what(), p.Code)
		fmt.Fprint(b, p.frame(pen))
		for _, r := range p.Related {
			fmt.Fprintf(b, "  %s%s\n", place(r.File, r.Line, r.Col), printable(r.Msg))
		}
	}
	return b.Flush()
}

// A pen colours what belongs to a problem's severity.
type pen struct {
	on       bool
	severity Severity
}

func (p pen) paint(s string) string {
	switch {
	case !p.on || s == "":
		return s
	case p.severity == Warning:
		return "\x1b[33m" + s + "\x1b[0m"
	}
	return "\x1b[31m" + s + "\x1b[0m"
}

// frame is the line of the file and a line of carets below the place.
func (p Problem) frame(pen pen) string {
	if p.Source == "" || p.Line < 1 {
		return ""
	}
	c := crop([]rune(p.Source), p.Col-1, p.Width)
	number := fmt.Sprintf("%5d", p.Line)
	blank := strings.Repeat(" ", len(number))
	return fmt.Sprintf("%s | %s\n%s | %s%s\n", number, frameText(c.line), blank, padding(c.line[:c.from]), pen.paint(c.carets()))
}

// The longest line that a frame shows whole, and how much of a longer one it
// shows before the place.
const (
	maxFrame = 100
	lead     = 40
)

// A cut is the part of a line that is shown; [from, to) is to be marked.
type cut struct {
	line     []rune
	from, to int
}

// crop takes the part of a line around the place, with an ellipsis where
// something was left out. A place behind the line's end is its end.
func crop(line []rune, from, width int) cut {
	from = min(max(from, 0), len(line))
	to := from + min(max(width, 1), len(line)-from)
	if len(line) <= maxFrame {
		return cut{line, from, to}
	}
	start := max(0, min(from-lead, len(line)-maxFrame))
	end := min(start+maxFrame, len(line))
	shown := []rune{}
	if start > 0 {
		shown = append(shown, '…')
	}
	shift := start - len(shown)
	shown = append(shown, line[start:end]...)
	if end < len(line) {
		shown = append(shown, '…')
	}
	return cut{shown, from - shift, min(to, end) - shift}
}

// carets are as wide as what they mark, and one at least.
func (c cut) carets() string {
	n := 0
	for _, r := range c.line[c.from:c.to] {
		n += columns(r)
	}
	return strings.Repeat("^", max(n, 1))
}

// padding is as wide on a terminal as the text is. Tabs stay tabs: only the
// terminal knows how wide they are.
func padding(text []rune) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\t' {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Repeat(" ", columns(r)))
	}
	return b.String()
}

func frameText(line []rune) string {
	parts := strings.Split(string(line), "\t")
	for i, s := range parts {
		parts[i] = printable(s)
	}
	return strings.Join(parts, "\t")
}

// columns is how many columns of a terminal a character takes. East Asian
// wide characters take two, combining and invisible ones none.
func columns(r rune) int {
	switch {
	case harmful(r):
		return 1 // printed as something that is seen
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul),
		r >= 0x3000 && r <= 0x303e,                                 // CJK punctuation
		r >= 0xff01 && r <= 0xff60,                                 // full-width forms
		r >= 0x1f300 && r <= 0x1faff && !unicode.Is(unicode.Sk, r): // pictures
		return 2
	}
	return 1
}
