package pipeline_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dragoman/pipeline"
	"dragoman/snapshot"
)

const (
	goodA = "service: a\nhosts: [a.example.com]\nupstream: http://10.0.0.1:80\n"
	goodB = "service: b\nhosts: [b.example.com]\nupstream: http://10.0.0.2:80\n"
)

// A loop is a pipeline with a hand on its signal and an eye on what it
// publishes. It runs in a synctest bubble.
type loop struct {
	*pipeline.Pipeline

	t     *testing.T
	dir   string
	hints chan []string
	log   strings.Builder

	mu        sync.Mutex // guards what follows
	published []string
	refuse    int // how many publications fail
	looks     []bool
}

func start(t *testing.T, dir string) *loop {
	t.Helper()
	l := &loop{t: t, dir: dir, hints: make(chan []string)}
	l.Pipeline = pipeline.New(pipeline.Options{
		Dir:    dir,
		Hints:  l.hints,
		Log:    slog.New(slog.NewTextHandler(&l.log, nil)),
		Looked: func(k pipeline.Look) { l.looks = append(l.looks, k.OK) },
		Publish: func(_ context.Context, s *snapshot.Snapshot) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.refuse > 0 {
				l.refuse--
				return errors.New("refused")
			}
			l.published = append(l.published, s.Version)
			return nil
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait() // for the first look
	return l
}

func (l *loop) write(name, content string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(content), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// hint tells the loop where to look and waits until it has.
func (l *loop) hint(names ...string) {
	l.hints <- names
	synctest.Wait()
}

func (l *loop) wantPublished(what string, n int) {
	l.t.Helper()
	if got := l.versions(); len(got) != n {
		l.t.Errorf("%s: %d publications, want %d\n%s", what, len(got), n, l.log.String())
	}
}

func (l *loop) versions() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.published)
}

// refuses makes the next n publications fail.
func (l *loop) refuses(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse = n
}

func TestTheLoop(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir)
		l.wantPublished("an empty directory", 0)

		l.write("a.yaml", goodA)
		l.hint("a.yaml")
		l.wantPublished("a first file", 1)

		l.write("a.yaml", "# a comment\n"+goodA)
		l.hint("a.yaml")
		l.wantPublished("a comment more", 1)

		l.write("b.yaml", "service: [")
		l.hint("b.yaml")
		l.wantPublished("a bad file", 1)
		if !strings.Contains(l.log.String(), "b.yaml:1:") {
			t.Errorf("the log does not say where: %s", l.log.String())
		}

		l.write("b.yaml", goodB)
		l.hint("b.yaml")
		l.wantPublished("it is mended", 2)
		if !strings.Contains(l.log.String(), "right again") {
			t.Errorf("the log does not say that it is mended: %s", l.log.String())
		}

		l.hint()
		l.wantPublished("a hint for nothing", 2)
	})
}

// An error is logged once, not at every look.
func TestProblemsAreLoggedOnce(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir)
		l.write("a.yaml", "service: [")
		for i := range 3 {
			l.write("b.yaml", strings.Replace(goodB, "10.0.0.2", "10.0.0."+string(rune('3'+i)), 1))
			l.hint("a.yaml", "b.yaml")
		}
		if n := strings.Count(l.log.String(), "a.yaml:1:"); n != 1 {
			t.Errorf("the problem was logged %d times, want once:\n%s", n, l.log.String())
		}
	})
}

// A publication that fails is tried again by itself until it succeeds, and a
// newer configuration takes the place of one that waits.
func TestFailedPublicationsAreRepeated(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir)
		l.refuses(3)
		l.write("a.yaml", goodA)
		l.hint("a.yaml")
		l.wantPublished("refused", 0)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		l.wantPublished("after a while", 1)

		l.refuses(1)
		l.write("b.yaml", goodB)
		l.hint("b.yaml")
		l.write("a.yaml", strings.Replace(goodA, "10.0.0.1", "10.0.0.9", 1))
		l.hint("a.yaml")
		l.wantPublished("a newer one at once", 2)
		time.Sleep(time.Minute)
		l.wantPublished("and nothing more", 2)
	})
}

// A file that vanishes for a moment is not a service that goes; nobody needs
// to hint again for it to be noticed when it has gone for good.
func TestUnsettledFilesAreLookedAtAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir)
		l.write("a.yaml", goodA)
		l.write("b.yaml", goodB)
		l.hint()
		l.wantPublished("two files", 1)

		if err := os.Remove(filepath.Join(dir, "b.yaml")); err != nil {
			t.Fatal(err)
		}
		l.hint("b.yaml")
		time.Sleep(900 * time.Millisecond)
		synctest.Wait()
		l.wantPublished("b is missing for a moment", 1)
		l.write("b.yaml", goodB)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		l.wantPublished("b is back", 1)

		if err := os.Remove(filepath.Join(dir, "b.yaml")); err != nil {
			t.Fatal(err)
		}
		l.hint("b.yaml")
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		l.wantPublished("b is gone", 2)
	})
}

// The same files give the same version, whatever was in between.
func TestVersionsAreContent(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir)
		l.write("a.yaml", goodA)
		l.hint("a.yaml")
		l.write("a.yaml", strings.Replace(goodA, "10.0.0.1", "10.0.0.9", 1))
		l.hint("a.yaml")
		l.write("a.yaml", goodA)
		l.hint("a.yaml")
		l.wantPublished("there and back", 3)
		if v := l.versions(); len(v) == 3 && v[0] != v[2] {
			t.Errorf("versions %v: the third should be the first", v)
		}
	})
}

func TestAVanishedDirectoryKeepsServing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir)
		l.write("a.yaml", goodA)
		l.hint()
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			l.hint()
			time.Sleep(time.Second)
		}
		l.wantPublished("the directory is gone", 1)
		if n := strings.Count(l.log.String(), "cannot be read"); n != 1 {
			t.Errorf("that was logged %d times, want once:\n%s", n, l.log.String())
		}
	})
}
