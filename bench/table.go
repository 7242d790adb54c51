package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cell is what one subject had of one figure at one number of services.
type cell struct {
	word, figure string
	n            int
}

// unit is what a figure is counted in.
type unit int

const (
	nanoseconds unit = iota
	inBytes
	pieces
)

// table is everything that was measured.
type table struct {
	figures []string // in the order of the first measurement
	sizes   []int
	units   map[string]unit // by figure
	values  map[cell][]int64
	skipped map[string]string // why, by the word of a kind
}

func newTable() *table {
	return &table{units: map[string]unit{}, values: map[cell][]int64{}, skipped: map[string]string{}}
}

func (t *table) add(word, figure string, n int, d time.Duration) {
	t.note(cell{word, figure, n}, nanoseconds, int64(d))
}

func (t *table) count(word, figure string, n int, size int64) {
	t.note(cell{word, figure, n}, inBytes, size)
}

func (t *table) tally(word, figure string, n int, v int64) {
	t.note(cell{word, figure, n}, pieces, v)
}

func (t *table) note(c cell, u unit, v int64) {
	if !slices.Contains(t.figures, c.figure) {
		t.figures = append(t.figures, c.figure)
	}
	if !slices.Contains(t.sizes, c.n) {
		t.sizes = append(t.sizes, c.n)
		slices.Sort(t.sizes)
	}
	t.units[c.figure] = u
	t.values[c] = append(t.values[c], v)
}

// skip says why a kind is not in the table.
func (t *table) skip(word, why string) { t.skipped[word] = why }

// value is the median, if it was measured.
func (t *table) value(c cell) (float64, bool) {
	all := t.values[c]
	if len(all) == 0 {
		return 0, false
	}
	return float64(median(all)), true
}

// print prints a row for each figure and subject, with a column for each number
// of services, and then what is not in it.
func (t *table) print(w io.Writer) {
	head := []string{"figure", "subject"}
	for _, n := range t.sizes {
		head = append(head, "N = "+grouped(n))
	}
	fmt.Fprintf(w, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, figure := range t.figures {
		said := figure
		for _, k := range kinds() {
			cells := t.row(figure, k.word)
			if cells == nil {
				continue
			}
			fmt.Fprintf(w, "| %s | %s | %s |\n", said, k.name, strings.Join(cells, " | "))
			said = ""
		}
	}
	for _, k := range kinds() {
		if why := t.skipped[k.word]; why != "" {
			fmt.Fprintf(w, "\nNot measured: %s: %s.\n", k.name, why)
		}
	}
}

// row is what one subject had of a figure, with how many times that is the bare
// loop's; nil if it was not measured.
func (t *table) row(figure, word string) []string {
	var out []string
	empty := true
	for _, n := range t.sizes {
		c := cell{word, figure, n}
		v, ok := t.value(c)
		if !ok {
			out = append(out, "–")
			continue
		}
		empty = false
		text := t.units[figure].text(v)
		if base, ok := t.value(cell{bare, figure, n}); ok && base > 0 && word != bare {
			text += " (" + times(v/base) + ")"
		}
		if few := len(t.values[c]); few < t.samples(figure, n) {
			text += " of " + strconv.Itoa(few)
		}
		out = append(out, text)
	}
	if empty {
		return nil
	}
	return out
}

// samples is how often the subject was measured that was measured most.
func (t *table) samples(figure string, n int) int {
	most := 0
	for _, k := range kinds() {
		most = max(most, len(t.values[cell{k.word, figure, n}]))
	}
	return most
}

func (u unit) text(v float64) string {
	switch u {
	case nanoseconds:
		return short(time.Duration(v))
	case inBytes:
		return amount(int64(v))
	case pieces:
		return strconv.Itoa(int(v))
	}
	panic(fmt.Sprintf("unit %d", u))
}

// short is a duration with two or three digits.
func short(d time.Duration) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case ms >= 10_000:
		return fmt.Sprintf("%.0f s", ms/1000)
	case ms >= 1000:
		return fmt.Sprintf("%.1f s", ms/1000)
	case ms >= 10:
		return fmt.Sprintf("%.0f ms", ms)
	case ms >= 1:
		return fmt.Sprintf("%.1f ms", ms)
	default:
		return fmt.Sprintf("%.2f ms", ms)
	}
}

func amount(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// times is a ratio with two or three digits.
func times(ratio float64) string {
	switch {
	case ratio >= 9.95:
		return fmt.Sprintf("%.0f×", ratio)
	case ratio >= 0.95:
		return fmt.Sprintf("%.1f×", ratio)
	}
	return fmt.Sprintf("%.2f×", ratio)
}

// grouped is a number with commas.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
