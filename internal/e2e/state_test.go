package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"dragoman/internal/envoytest"
	"dragoman/internal/servetest"
)

// What the log says when something is not as it should be.
const (
	logHeld       = "too much went at once; it is held and goes on serving"
	logWrong      = "a file is wrong; its last good content serves"
	logUnserved   = "a file is wrong; nothing of it serves yet"
	logUnreadable = "the configuration directory cannot be read"
	logUnwritten  = "the state cannot be written; a restart would find what was written last"
)

// A way for a directory to go bad while nobody looks.
type disaster struct {
	name   string
	strike func(t *testing.T, dir string)
	log    string // what is said of it
}

func disasters() []disaster {
	each := func(spoil func(path string) error) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
			if err != nil || len(files) == 0 {
				t.Fatalf("nothing to spoil: %v", err)
			}
			for _, path := range files {
				if err := spoil(path); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	away := func(t *testing.T, dir string) {
		t.Helper()
		rename(t, dir, dir+".away")
	}
	return []disaster{
		{"gone", away, logHeld},
		{"not mounted", func(t *testing.T, dir string) {
			t.Helper()
			away(t, dir)
			mkdir(t, dir)
		}, logHeld},
		{"a file in its place", func(t *testing.T, dir string) {
			t.Helper()
			away(t, dir)
			write(t, dir, "oops")
		}, logUnreadable},
		{"empty files", each(func(p string) error { return os.Truncate(p, 0) }), logWrong},
		{"half files", each(func(p string) error { return os.Truncate(p, 20) }), logWrong},
		{"binary files", each(func(p string) error { return os.WriteFile(p, []byte("\x00\xff"), 0o600) }), logWrong},
		{"links that dangle", each(func(p string) error { return errors.Join(os.Remove(p), os.Symlink("nowhere", p)) }), logWrong},
		{"most files missing", each(func(p string) error {
			if filepath.Base(p) == "a.yaml" {
				return nil
			}
			return os.Remove(p)
		}), logHeld},
		{"another's files", func(t *testing.T, dir string) {
			t.Helper()
			each(os.Remove)(t, dir)
			write(t, filepath.Join(dir, "x.yaml"), answer("x", "not here"))
		}, logHeld},
		{"conflicts", func(t *testing.T, dir string) {
			t.Helper()
			write(t, filepath.Join(dir, "0.yaml"), answer("a", "mine")+"---\nlistener: http\nport: 1\n")
		}, logUnserved},
		{"a missing file that another needs", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Remove(filepath.Join(dir, "backend.yaml")); err != nil {
				t.Fatal(err)
			}
		}, logWrong},
	}
}

// A power cut, a bad directory, and a restart: with a state directory no
// service that was serving is lost, not even to an Envoy that is new and has
// nothing to keep.
func TestARestartBesideABadDirectoryLosesNothing(t *testing.T) {
	for _, d := range disasters() {
		t.Run(d.name, func(t *testing.T) {
			dir, state := filepath.Join(t.TempDir(), "config"), filepath.Join(t.TempDir(), "state")
			upstream := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "up"})
			write(t, filepath.Join(dir, "backend.yaml"), "service: backend\nupstream: http://"+upstream.Addr+"\n")
			write(t, filepath.Join(dir, "front.yaml"), "service: front\nhosts: [front.example.com]\nroutes: [{to: backend}]\n")
			write(t, filepath.Join(dir, "a.yaml"), answer("a", "one"))
			write(t, filepath.Join(dir, "b.yaml"), answer("b", "one"))
			f := start(t, dir, "--state-dir", state)
			write(t, filepath.Join(dir, "a.yaml"), answer("a", "two"))
			f.wants(t, "a", http.StatusOK, "two")
			servetest.Keeps(t, state, `"two"`)
			f.Kill()
			f.envoy.Stop()
			d.strike(t, dir)

			f.server = serveAt(t, f.Port, dir, "--state-dir", state)
			f.envoy = envoytest.Start(t, envoytest.Options{Bootstrap: envoytest.Original(t, f.Port)})
			f.envoy.WaitLive(t)
			serves := func() {
				t.Helper()
				f.wants(t, "a", http.StatusOK, "two")
				f.wants(t, "b", http.StatusOK, "one")
				r, err := envoytest.Ask(t, envoytest.Request{URL: fmt.Sprintf("http://127.0.0.1:%d/", f.http), Host: "front.example.com"})
				if err != nil || r.Status != http.StatusOK {
					t.Errorf("front answers %+v, %v", r, err)
				}
			}
			serves()
			f.logs(t, d.log)
			serves()
		})
	}
}

// A service that is deleted while nobody looks is gone after a restart, and a
// restart on the same files is invisible.
func TestAStateIsNoObstacle(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		write(t, filepath.Join(dir, name+".yaml"), answer(name, "one"))
	}
	f := start(t, dir, "--state-dir", state)
	f.wants(t, "a", http.StatusOK, "one")
	servetest.Keeps(t, state, "service: a")
	before := f.Published()
	f.Stop(t)
	f.server = serveAt(t, f.Port, dir, "--state-dir", state)
	f.connected(t)
	if again := f.First(t); again != before[len(before)-1] || len(f.Published()) != 1 {
		t.Errorf("after a restart %v is published, before it was %v", f.Published(), before)
	}
	f.Stop(t)
	if err := os.Remove(filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	f.server = serveAt(t, f.Port, dir, "--state-dir", state)
	f.wants(t, "a", http.StatusNotFound, "")
	f.wants(t, "b", http.StatusOK, "one")
}

// A state that is damaged, or cannot be written, is told of once and hurts
// nothing else.
func TestATroubledStateHurtsNothing(t *testing.T) {
	states := map[string]struct {
		make func(t *testing.T) string
		log  string
	}{
		"a file in its place": {func(t *testing.T) string {
			t.Helper()
			path := filepath.Join(t.TempDir(), "state")
			write(t, path, "oops")
			return path
		}, logUnwritten},
		"a full disk": {func(t *testing.T) string {
			t.Helper()
			path := servetest.TinyDisk(t, "16k")
			servetest.Fill(t, filepath.Join(path, "filler"))
			return path
		}, logUnwritten},
		"a disk that may not be written": {func(t *testing.T) string {
			t.Helper()
			path := servetest.TinyDisk(t, "16k")
			servetest.ReadOnly(t, path)
			return path
		}, logUnwritten},
		"damage": {func(t *testing.T) string {
			t.Helper()
			path := t.TempDir()
			write(t, filepath.Join(path, "index"), "dragoman state 1 \x00")
			return path
		}, "the state cannot be read as a whole; what is left of it is used"},
	}
	for name, s := range states {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "web.yaml"), answer("web", "0"))
			f := start(t, dir, "--state-dir", s.make(t))
			for i := range 5 {
				write(t, filepath.Join(dir, "web.yaml"), answer("web", fmt.Sprint(i)))
				f.wants(t, "web", http.StatusOK, fmt.Sprint(i))
			}
			f.logs(t, s.log)
			if n := len(f.Log.Entries(s.log)); n != 1 {
				t.Errorf("that was logged %d times, want once", n)
			}
		})
	}
}

// logs waits for a line in the log.
func (s *server) logs(t *testing.T, msg string) {
	t.Helper()
	envoytest.Eventually(t, patience, "the log says: "+msg, func() error {
		if len(s.Log.Entries(msg)) == 0 {
			return errors.New("not yet")
		}
		return nil
	})
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}
