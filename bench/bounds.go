package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// A bound is what is to hold of two figures of one run, or of one figure and a
// constant.
type bound struct {
	what string
	of   cell
	to   cell    // "" for none: then the least is one of the figure's unit
	most float64 // times
}

// bounds are what Dragoman is held to.
func bounds() []bound {
	return slices.Concat(pushBounds(), trafficBounds(), fanoutBounds(), startBounds())
}

func pushBounds() []bound {
	var out []bound
	for _, e := range []string{"endpoint edit", "route edit"} {
		for _, what := range []string{" → push", ": CPU"} {
			of := cell{ours, e + what, 10_000}
			out = append(
				out,
				bound{e + what + ", N = 10,000, to the bare loop", of, cell{bare, e + what, 10_000}, 2},
				bound{e + what + ", N = 10,000, to its own at N = 10", of, cell{ours, e + what, 10}, 1.5},
			)
		}
	}
	return append(
		out,
		bound{
			"endpoint edit: CPU with a state, N = 10,000, to its own at N = 10",
			cell{oursState, "endpoint edit: CPU", 10_000},
			cell{oursState, "endpoint edit: CPU", 10},
			1.5,
		},
		bound{
			"endpoint edit: bytes, N = 10,000, to N = 10",
			cell{ours, "endpoint edit: bytes", 10_000},
			cell{ours, "endpoint edit: bytes", 10},
			1.1,
		},
		bound{
			"route edit: bytes, N = 10,000, to N = 10, by scopes",
			cell{oursSRDS, "route edit: bytes", 10_000},
			cell{oursSRDS, "route edit: bytes", 10},
			1.1,
		},
	)
}

func trafficBounds() []bound {
	const e, r = "endpoint edit → traffic", "route edit → traffic"
	of := cell{ours, e, 10_000}
	scopes := cell{oursSRDS, r, 10_000}
	return []bound{
		{e + ", N = 10,000, to the bare loop", of, cell{bare, e, 10_000}, 1.5},
		{e + ", N = 10,000, to SnapshotCache in SotW", of, cell{cacheSotw, e, 10_000}, 1. / 20},
		{e + ", N = 10,000, to Envoy's own YAML files", of, cell{filesYAML, e, 10_000}, 1. / 40},
		{r + ", N = 10,000, by scopes, to the bare loop", scopes, cell{bare, r, 10_000}, 2},
		{r + ", N = 10,000, by scopes, to one table for all", scopes, cell{oursRDS, r, 10_000}, 1. / 10},
	}
}

func fanoutBounds() []bound {
	const e = "1000 clients: endpoint edit"
	of := cell{ours, e + ": CPU", 1000}
	return []bound{
		{"1,000 clients, N = 1,000: the last has an edit, to the bare loop", cell{ours, e + " → the last has it", 1000}, cell{bare, e + " → the last has it", 1000}, 2},
		{"1,000 clients, N = 1,000: CPU, to SnapshotCache in delta", of, cell{cache, e + ": CPU", 1000}, 1. / 5},
		{"1,000 clients, N = 1,000: CPU, to SnapshotCache in SotW", of, cell{cacheSotw, e + ": CPU", 1000}, 1. / 20},
		{"1,000 clients, N = 10,000: CPU, to a second", cell{ours, e + ": CPU", 10_000}, cell{}, float64(time.Second)},
	}
}

func startBounds() []bound {
	const start = "cold start: ready"
	return []bound{
		{"cold start, N = 10,000: ready, to the sum of its parts", cell{ours, start, 10_000}, cell{parts, start, 10_000}, 1.5},
		{"burst of 1,000 files, N = 10,000: less the quiet time, to translating those", cell{ours, burst + burstLessQuiet, 10_000}, cell{parts, burst + burstLessQuiet, 10_000}, 2},
		{"burst of 1,000 files, N = 10,000: CPU, to translating those", cell{ours, burst + ": CPU", 10_000}, cell{parts, burst + ": CPU", 10_000}, 2},
		{"burst of 1,000 files, N = 10,000: publications", cell{ours, burst + ": publications", 10_000}, cell{}, 3},
	}
}

// aims are bounds that hold with another GOGC than the default, as
// docs/scaling.md says.
func aims() []bound {
	const mem = "peak RSS, 10 clients and edits"
	return []bound{
		{"aim: peak RSS, ten clients, N = 10,000, to 150 MB", cell{ours, mem, 10_000}, cell{}, 150e6},
		{"aim: peak RSS, ten clients, N = 100,000, to 1.2 GB", cell{ours, mem, 100_000}, cell{}, 1.2e9},
	}
}

// verdict is what was measured for a bound, in words, and whether it holds; ""
// if it was not measured.
func (b bound) verdict(t *table) (limit, measured string, holds bool) {
	text := ratio
	base := 1.0
	if b.to == (cell{}) {
		text = t.units[b.of.figure].text
	}
	limit = "≤ " + text(b.most)
	v, ok := t.value(b.of)
	if b.to != (cell{}) {
		var there bool
		base, there = t.value(b.to)
		ok = ok && there && base > 0
	}
	if !ok {
		return limit, "", false
	}
	return limit, text(v / base), v/base <= b.most
}

// ratio is times, and below one a fraction with a one above.
func ratio(r float64) string {
	if r > 0 && r < 0.95 {
		return fmt.Sprintf("1/%.3g", 1/r)
	}
	return times(r)
}

// printBounds prints a row for each bound that was measured, and for each aim,
// and tells how many bounds do not hold.
func printBounds(w io.Writer, t *table) (missed int) {
	unmeasured := 0
	fmt.Fprintf(w, "| bound | is to be | measured | holds |\n|---|---|---|---|\n")
	for _, b := range bounds() {
		limit, measured, holds := b.verdict(t)
		if measured == "" {
			unmeasured++
			continue
		}
		word := "yes"
		if !holds {
			word = "**no**"
			missed++
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", b.what, limit, measured, word)
	}
	for _, b := range aims() {
		switch limit, measured, holds := b.verdict(t); {
		case holds:
			fmt.Fprintf(w, "| %s | %s | %s | yes |\n", b.what, limit, measured)
		case measured != "":
			fmt.Fprintf(w, "| %s | %s | %s | no: [why](scaling.md#where-memory-goes) |\n", b.what, limit, measured)
		}
	}
	if unmeasured > 0 {
		fmt.Fprintf(w, "\n%d bounds are of sizes or subjects that this run has not.\n", unmeasured)
	}
	return missed
}
