package pipeline_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"dragoman/diag"
	"dragoman/internal/sample"
	"dragoman/loader"
	"dragoman/model"
	"dragoman/pipeline"
	"dragoman/snapshot"
	"dragoman/translator"
	"dragoman/xds"
)

// The sizes of the directories: one service in a file, 100 files in a
// directory. Growth from one to the next is what these benchmarks are for.
var sizes = []int{10, 100, 1_000, 10_000}

func forSizes(b *testing.B, f func(b *testing.B, dir string, n int)) {
	b.Helper()
	for _, n := range sizes {
		b.Run(fmt.Sprintf("N=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			for i := range n {
				path := filepath.Join(dir, fmt.Sprintf("team%d", i/100), fmt.Sprintf("s%d.yaml", i))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					b.Fatal(err)
				}
				writeService(b, path, i, 0)
			}
			b.ReportAllocs()
			b.ResetTimer()
			f(b, dir, n)
		})
	}
}

func writeService(b *testing.B, path string, i, revision int) {
	b.Helper()
	// Renamed into place, since what is overwritten is waited for.
	if err := os.WriteFile(path+".new", sample.Service(i, revision), 0o644); err != nil {
		b.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		b.Fatal(err)
	}
}

func configOf(b *testing.B, dir string) *model.Config {
	b.Helper()
	sources, _, err := loader.OpenDir(dir, 0).Look(nil)
	if err != nil {
		b.Fatal(err)
	}
	res := loader.New(loader.Options{}).Apply(sources)
	if err := res.Problems.Err(); err != nil {
		b.Fatal(err)
	}
	return res.Config
}

// BenchmarkLoad reads a directory from nothing to a model.
func BenchmarkLoad(b *testing.B) {
	forSizes(b, func(b *testing.B, dir string, _ int) {
		b.Helper()
		for b.Loop() {
			configOf(b, dir)
		}
	})
}

// BenchmarkRescan looks at everything when nothing has changed.
func BenchmarkRescan(b *testing.B) {
	forSizes(b, func(b *testing.B, dir string, _ int) {
		b.Helper()
		d := loader.OpenDir(dir, 0)
		for b.Loop() {
			if _, _, err := d.Look(nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkTranslate makes the protos of a model.
func BenchmarkTranslate(b *testing.B) {
	forSizes(b, func(b *testing.B, dir string, _ int) {
		b.Helper()
		c := configOf(b, dir)
		for b.Loop() {
			if _, problems := translator.Translate(c, translator.Options{}); problems != nil {
				b.Fatal(problems)
			}
		}
	})
}

// BenchmarkPublish versions, checks and publishes the protos.
func BenchmarkPublish(b *testing.B) {
	forSizes(b, func(b *testing.B, dir string, _ int) {
		b.Helper()
		resources, _ := translator.Translate(configOf(b, dir), translator.Options{})
		server := xds.New(xds.Options{})
		for b.Loop() {
			s, err := snapshot.Build(resources)
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Check(); err != nil {
				b.Fatal(err)
			}
			if err := server.Publish(b.Context(), s); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkEdit changes one file among N and follows it to the publication.
func BenchmarkEdit(b *testing.B) {
	forSizes(b, func(b *testing.B, dir string, n int) {
		b.Helper()
		hints, published := make(chan []string), make(chan string)
		p := pipeline.New(pipeline.Options{
			Dir:   dir,
			Hints: hints,
			Log:   slog.New(slog.DiscardHandler),
			Publish: func(_ context.Context, s *snapshot.Snapshot) error {
				published <- s.Version
				return nil
			},
		})
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		<-published
		i := n / 2
		name := fmt.Sprintf("team%d/s%d.yaml", i/100, i)
		revision := 0
		b.ResetTimer()
		for b.Loop() {
			revision++
			writeService(b, filepath.Join(dir, name), i, revision)
			hints <- []string{name}
			<-published
		}
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkBadEdit saves a file that is wrong: nothing else must be looked at.
func BenchmarkBadEdit(b *testing.B) {
	forSizes(b, func(b *testing.B, dir string, _ int) {
		b.Helper()
		sources, _, err := loader.OpenDir(dir, 0).Look(nil)
		if err != nil {
			b.Fatal(err)
		}
		l := loader.New(loader.Options{Check: func(c *model.Config) diag.Problems {
			_, problems := pipeline.Build(c, translator.Options{})
			return problems
		}})
		l.Apply(sources)
		revision := 0
		for b.Loop() {
			revision++
			l.Apply([]loader.Source{{Path: sources[0].Path, Data: fmt.Appendf(nil, "service: [%d\n", revision)}})
		}
	})
}
