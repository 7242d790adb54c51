package watcher

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dragoman/internal/savetest"
)

// patience is how long a test waits for what must come. It is never a
// measure of anything.
const patience = 30 * time.Second

// never is a time that no test lives to see; fast is a pace for what would
// otherwise keep a test waiting.
const (
	never = time.Hour
	fast  = 20 * time.Millisecond
)

// A probe is a running watcher and what a test sees of it.
type probe struct {
	*Watcher

	t   *testing.T
	dir string
	log *record
}

// start runs a watcher of dir until the test ends. It never resyncs by
// itself unless o says so: what a test sees, an event has told.
func start(t *testing.T, dir string, o Options, tweaks ...func(*Watcher)) *probe {
	t.Helper()
	log := &record{}
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	w := New(dir, o)
	for _, tweak := range tweaks {
		tweak(w)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			t.Error("Run did not end")
		}
	})
	p := &probe{Watcher: w, t: t, dir: dir, log: log}
	select {
	case <-w.Armed():
	case <-time.After(patience):
		t.Fatal("never armed")
	}
	return p
}

// next waits for a hint.
func (p *probe) next() []string {
	p.t.Helper()
	select {
	case h := <-p.Changes():
		return h
	case <-time.After(patience):
		p.t.Fatalf("no hint; %+v\n%s", p.Stats(), p.log)
		return nil
	}
}

// covered waits for a hint that covers name, and returns all until then.
func (p *probe) covered(name string) [][]string {
	p.t.Helper()
	var all [][]string
	for {
		h := p.next()
		all = append(all, h)
		if covers(h, name) {
			return all
		}
	}
}

// coveredAll waits until hints have covered every one of names.
func (p *probe) coveredAll(names ...string) {
	p.t.Helper()
	for len(names) > 0 {
		hint := p.next()
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return covers(hint, name) })
	}
}

// everywhere waits for a hint for everywhere.
func (p *probe) everywhere() {
	p.t.Helper()
	for p.next() != nil {
		continue
	}
}

// reads does what receivers do: it reads a file whenever a hint covers it,
// until it finds the content that it must end with. A hint that comes too
// early for the last write and is the last one fails the test. It returns
// all that was read.
func (p *probe) reads(name, want string) []string {
	p.t.Helper()
	var all []string
	for {
		p.covered(name)
		b, err := os.ReadFile(p.path(name))
		all = append(all, string(b))
		if err == nil && string(b) == want {
			return all
		}
	}
}

// eventually waits for what no channel tells of.
func (p *probe) eventually(what string, is func() bool) {
	p.t.Helper()
	deadline := time.After(patience)
	for !is() {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-p.Changes(): // Nobody else takes them meanwhile.
		case <-deadline:
			p.t.Fatalf("never %s; %+v\n%s", what, p.Stats(), p.log)
		}
	}
}

func (p *probe) path(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

func covers(hint []string, name string) bool {
	return hint == nil || slices.ContainsFunc(hint, func(h string) bool {
		return h == name || strings.HasPrefix(name, h+"/")
	})
}

// A record is a log that can be read while it is written.
type record struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// way returns one of savetest's ways of saving.
func way(t *testing.T, name string) savetest.Way {
	t.Helper()
	for _, w := range savetest.Ways() {
		if w.Name == name {
			return w
		}
	}
	t.Fatalf("savetest has no way %q", name)
	return savetest.Way{}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func removeAll(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}
