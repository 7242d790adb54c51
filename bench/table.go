package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// cell is what one subject had of one figure at one number of services.
type cell struct {
	subject, figure string
	n               int
}

// table is everything that was measured.
type table struct {
	figures []string // in the order of the first measurement
	sizes   []int
	times   map[cell][]time.Duration
	counts  map[cell][]int64
}

func newTable() *table {
	return &table{times: map[cell][]time.Duration{}, counts: map[cell][]int64{}}
}

func (t *table) note(figure string, n int) {
	if !slices.Contains(t.figures, figure) {
		t.figures = append(t.figures, figure)
	}
	if !slices.Contains(t.sizes, n) {
		t.sizes = append(t.sizes, n)
	}
}

func (t *table) add(subject, figure string, n int, d time.Duration) {
	t.note(figure, n)
	c := cell{subject, figure, n}
	t.times[c] = append(t.times[c], d)
}

func (t *table) count(subject, figure string, n int, v int64) {
	t.note(figure, n)
	c := cell{subject, figure, n}
	t.counts[c] = append(t.counts[c], v)
}

// value is the median as it is printed, and as a number for ratios.
func (t *table) value(c cell) (string, float64) {
	if all := t.times[c]; len(all) > 0 {
		m := median(all)
		return short(m), float64(m)
	}
	if all := t.counts[c]; len(all) > 0 {
		m := median(all)
		return amount(m), float64(m)
	}
	return "", 0
}

// short is a duration with three digits.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

func amount(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d kB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// subjects in the order of the columns.
func subjects() []string { return []string{ours, oursSotw, bare, cache, cacheSotw, files} }

// print prints a row for each figure and number of services, and how many times
// the bare loop's each is.
func (t *table) print(w io.Writer) {
	fmt.Fprintf(w, "| figure (median) | N | %s |\n", strings.Join(subjects(), " | "))
	fmt.Fprintf(w, "|---|---|%s\n", strings.Repeat("---|", len(subjects())))
	for _, figure := range t.figures {
		for _, n := range slices.SortedFunc(slices.Values(t.sizes), cmp.Compare) {
			_, base := t.value(cell{bare, figure, n})
			var row []string
			empty := true
			for _, s := range subjects() {
				text, v := t.value(cell{s, figure, n})
				if text != "" {
					empty = false
					if base > 0 && s != bare {
						text += fmt.Sprintf(" (%s)", times(v/base))
					}
				}
				row = append(row, cmp.Or(text, "–"))
			}
			if !empty {
				fmt.Fprintf(w, "| %s | %d | %s |\n", figure, n, strings.Join(row, " | "))
			}
		}
	}
}

// times is a ratio with two or three digits.
func times(ratio float64) string {
	if ratio >= 10 {
		return fmt.Sprintf("%.0f×", ratio)
	}
	return fmt.Sprintf("%.1f×", ratio)
}
