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
	keeps     map[string]string
	looks     []bool
}

func start(t *testing.T, dir string, with ...func(*loop, *pipeline.Options)) *loop {
	t.Helper()
	l := &loop{t: t, dir: dir, hints: make(chan []string)}
	o := pipeline.Options{
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
	}
	for _, f := range with {
		f(l, &o)
	}
	l.Pipeline = pipeline.New(o)
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

// approve lets go what is held, and waits until it has gone.
func (l *loop) approve() {
	l.t.Helper()
	if _, err := l.Approve(l.t.Context()); err != nil {
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
		l.wantLoggedOnce("no .yaml, .yml or .json file to serve yet")

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

func (l *loop) wantLoggedOnce(text string) {
	l.t.Helper()
	if got := strings.Count(l.log.String(), text); got != 1 {
		l.t.Errorf("%q was logged %d times, want once\n%s", text, got, l.log.String())
	}
}

// Whoever reads the log must not think that something serves when nothing
// does, or that a file was mended that was taken away.
func TestWhatServesMeanwhileIsSaid(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir)
		l.write("a.yaml", "service: [")
		l.hint("a.yaml")
		l.wantLoggedOnce("a file is wrong; nothing of it serves yet")
		l.write("a.yaml", goodA)
		l.hint("a.yaml")
		l.wantLoggedOnce("a file is right again")
		l.write("a.yaml", "service: [")
		l.hint("a.yaml")
		l.wantLoggedOnce("a file is wrong; its last good content serves")

		l.write("b.yaml", "service: [")
		l.hint("b.yaml")
		if err := os.Remove(filepath.Join(dir, "b.yaml")); err != nil {
			t.Fatal(err)
		}
		l.hint("b.yaml")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		l.wantLoggedOnce("a wrong file is gone")
		l.wantLoggedOnce("a file is right again")
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

// A publication that fails may have reached some Envoys: to go back to what was
// published before it is not nothing.
func TestGoingBackFromAFailureIsPublished(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir)
		l.write("a.yaml", goodA)
		l.hint("a.yaml")
		l.refuses(1)
		l.write("a.yaml", strings.Replace(goodA, "10.0.0.1", "10.0.0.9", 1))
		l.hint("a.yaml")
		l.write("a.yaml", goodA)
		l.hint("a.yaml")
		l.wantPublished("back again", 2)
		if v := l.versions(); len(v) == 2 && v[0] != v[1] {
			t.Errorf("versions %v: the second should be the first", v)
		}
	})
}

// A hint that comes while the directory cannot be read is not forgotten.
func TestAHintWaitsForTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir)
		l.write("a.yaml", goodA)
		l.hint("a.yaml")
		l.write("a.yaml", strings.Replace(goodA, "10.0.0.1", "10.0.0.9", 1))
		if err := os.Rename(dir, dir+"~"); err != nil {
			t.Fatal(err)
		}
		l.hint("a.yaml")
		l.wantPublished("the directory is away", 1)
		if err := os.Rename(dir+"~", dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		l.wantPublished("it is back", 2)
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

// What goes all at once is held until somebody approves; looking again is no
// approval, and an approval of nothing is not kept for later.
func TestAWipeWaitsForApproval(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir)
		l.write("a.yaml", goodA)
		l.write("b.yaml", goodB)
		l.hint()
		l.approve()
		for _, name := range []string{"a.yaml", "b.yaml"} {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		for range 5 {
			l.hint()
			time.Sleep(time.Second)
		}
		l.wantPublished("the directory is empty", 1)
		if n := strings.Count(l.log.String(), "DRG3009"); n != 1 || !strings.Contains(l.log.String(), "a and b went") {
			t.Errorf("that was logged %d times, want once, with what is held:\n%s", n, l.log.String())
		}
		l.write("a.yaml", goodA)
		l.hint("a.yaml")
		l.wantPublished("a is back", 1)
		l.approve()
		l.wantPublished("the rest is approved", 2)
		if !strings.Contains(l.log.String(), "nothing is held any more") {
			t.Errorf("the log does not say that nothing is held:\n%s", l.log.String())
		}
	})
}

func TestAVanishedDirectoryMayBeApproved(t *testing.T) {
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
		l.hint()
		time.Sleep(2 * time.Second)
		l.wantPublished("the directory is gone", 1)
		l.approve()
		l.wantPublished("that is approved", 2)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		l.write("a.yaml", goodA)
		l.hint()
		l.wantPublished("it is back", 3)
	})
}

// What is held back by a freeze was translated all the same; that is not what
// a repeated publication publishes.
func TestAFrozenChangeIsNotPublished(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir, func(_ *loop, o *pipeline.Options) { o.Freeze = true })
		l.write("a.yaml", goodA)
		l.hint()
		l.refuses(1)
		l.write("a.yaml", strings.Replace(goodA, "10.0.0.1", "10.0.0.9", 1))
		l.hint()
		l.write("b.yaml", goodB)
		l.write("c.yaml", "service: [")
		l.hint()
		time.Sleep(time.Minute)
		l.wantPublished("a's change, after a while", 2)
		published := l.versions()[1]
		l.write("a.yaml", goodA)
		for _, name := range []string{"b.yaml", "c.yaml"} {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		l.hint()
		time.Sleep(2 * time.Second)
		l.write("a.yaml", strings.Replace(goodA, "10.0.0.1", "10.0.0.9", 1))
		l.hint()
		if v := l.versions(); len(v) != 4 || v[3] != published {
			t.Errorf("published %v; the second should be a's change alone, as the last is", v)
		}
	})
}
