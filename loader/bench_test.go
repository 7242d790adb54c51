package loader

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"dragoman/internal/sample"
)

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
	data := sample.Service(1, 0)
	parsed(b, data) // both have the schemas in memory
	b.ReportAllocs()
	for b.Loop() {
		nodesOf(b, data)
	}
}

func BenchmarkParse(b *testing.B) {
	data := sample.Service(1, 0)
	b.ReportAllocs()
	for b.Loop() {
		parsed(b, data)
	}
}

// BenchmarkParseToNodes compares the two in turns, so that it can be believed
// on a busy machine.
func BenchmarkParseToNodes(b *testing.B) {
	const batch = 100
	data := sample.Service(1, 0)
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
			all[i] = parse(fmt.Sprintf("s%d.yaml", i), sample.Service(i, 0))
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
		sources = append(sources, Source{Path: fmt.Sprintf("s%04d.yaml", i), Data: sample.Service(i, 0)})
	}
	b.ReportAllocs()
	for b.Loop() {
		New(Options{}).Take(sources)
	}
}

// many is how many services there are where that should not matter.
const many = 10_000

// BenchmarkCold reads a directory from nothing to a model, and says how long
// each step takes, at best: the machine may be busy.
func BenchmarkCold(b *testing.B) {
	dir := b.TempDir()
	for i := range many {
		team := filepath.Join(dir, fmt.Sprintf("team%d", i/100))
		if err := os.MkdirAll(team, 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(team, fmt.Sprintf("s%d.yaml", i)), sample.Service(i, 0), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	look, take, apply := time.Hour, time.Hour, time.Hour
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		sources, _, err := OpenDir(dir, 0).Look(nil)
		if err != nil {
			b.Fatal(err)
		}
		looked := time.Now()
		l := New(Options{})
		l.Take(sources)
		taken := time.Now()
		if res := l.Apply(nil); res.Services != many {
			b.Fatal(res.Problems)
		}
		look, take, apply = min(look, looked.Sub(start)), min(take, taken.Sub(looked)), min(apply, time.Since(taken))
	}
	for name, d := range map[string]time.Duration{"look-ms": look, "take-ms": take, "apply-ms": apply} {
		b.ReportMetric(d.Seconds()*1000, name)
	}
}

// BenchmarkEdit takes one file that has changed among many.
func BenchmarkEdit(b *testing.B) {
	l := New(Options{})
	var sources []Source
	for i := range many {
		sources = append(sources, Source{Path: fmt.Sprintf("s%d.yaml", i), Data: sample.Service(i, 0)})
	}
	l.Apply(sources)
	edits := [][]byte{sample.Service(5, 0), bytes.Replace(sample.Service(5, 0), []byte("3s"), []byte("4s"), 1)}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		if res := l.Apply([]Source{{Path: "s5.yaml", Data: edits[i%2]}}); !res.Changed {
			b.Fatal(res.Problems)
		}
	}
}

// BenchmarkKept is what a loader and its model keep of each file.
func BenchmarkKept(b *testing.B) {
	for b.Loop() {
		before := heap()
		l := New(Options{})
		var sources []Source
		for i := range many {
			sources = append(sources, Source{Path: fmt.Sprintf("team%d/s%d.yaml", i/100, i), Data: sample.Service(i, 0)})
		}
		l.Apply(sources)
		clear(sources)
		b.ReportMetric(float64(heap()-before)/many, "kept-B/file")
		runtime.KeepAlive(l)
	}
}
