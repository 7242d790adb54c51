package loader

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// usual is a file like most: one service with two routes.
func usual(i int) []byte {
	return fmt.Appendf(nil, `service: s%d
hosts: [s%d.example.com]
upstream: http://10.%d.%d.1:8080
routes:
  - prefix: /api
    timeout: 3s
    retry: {attempts: 2, on: [connect-failure]}
  - prefix: /
    responseHeaders: {set: {x-revision: "0"}}
`, i, i, i/250%250, i%250)
}

// nodesOf makes nodes of a file, as parse does, and nothing else.
func nodesOf(tb testing.TB, data []byte) {
	tb.Helper()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		if err := dec.Decode(&n); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			tb.Fatal(err)
		}
	}
}

// parsed makes a file of a text: nodes, values, schema, structs.
func parsed(tb testing.TB, data []byte) {
	tb.Helper()
	if f := parse("s.yaml", data); f.broken() {
		tb.Fatal(f.problems)
	}
}

// BenchmarkNodes is what yaml.v3 takes to make nodes of a file: no parse can
// be cheaper. It is the measure of BenchmarkParse.
func BenchmarkNodes(b *testing.B) {
	data := usual(1)
	parsed(b, data) // both have the schemas in memory
	b.ReportAllocs()
	for b.Loop() {
		nodesOf(b, data)
	}
}

func BenchmarkParse(b *testing.B) {
	data := usual(1)
	b.ReportAllocs()
	for b.Loop() {
		parsed(b, data)
	}
}

// BenchmarkParseToNodes compares the two in turns, so that it can be believed
// on a busy machine.
func BenchmarkParseToNodes(b *testing.B) {
	const batch = 100
	data := usual(1)
	parsed(b, data)
	var nodes, all time.Duration
	for b.Loop() {
		start := time.Now()
		for range batch {
			nodesOf(b, data)
		}
		middle := time.Now()
		for range batch {
			parsed(b, data)
		}
		nodes += middle.Sub(start)
		all += time.Since(middle)
	}
	b.ReportMetric(float64(all)/float64(nodes), "parse/nodes")
}

// BenchmarkHeld parses many files and counts what stays of each.
func BenchmarkHeld(b *testing.B) {
	const files = 2_000
	for b.Loop() {
		before := heap()
		all := make([]*file, files)
		for i := range all {
			all[i] = parse(fmt.Sprintf("s%d.yaml", i), usual(i))
		}
		b.ReportMetric(float64(heap()-before)/files, "held-B/file")
		runtime.KeepAlive(all)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkTake takes many new files at once, on all cores.
func BenchmarkTake(b *testing.B) {
	const files = 1_000
	var sources []Source
	for i := range files {
		sources = append(sources, Source{Path: fmt.Sprintf("s%04d.yaml", i), Data: usual(i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		New(Options{}).Take(sources)
	}
}
