package pipeline_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dragoman/loader"
	"dragoman/pipeline"
)

// kept are the contents that were handed over to be kept, by path.
func (l *loop) kept() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.keeps)
}

func (l *loop) wantKept(what string, want map[string]string) {
	l.t.Helper()
	if diff := cmp.Diff(want, l.kept()); diff != "" {
		l.t.Errorf("%s (-want +kept):\n%s", what, diff)
	}
}

// withState makes a pipeline keep what serves, and begin with something.
func withState(restore map[string]string) func(*loop, *pipeline.Options) {
	return func(l *loop, o *pipeline.Options) {
		for _, path := range slices.Sorted(maps.Keys(restore)) {
			o.Restore = append(o.Restore, loader.Source{Path: path, Data: []byte(restore[path])})
		}
		o.Keep = func(contents loader.Contents) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.keeps = map[string]string{}
			for c := range contents.All() {
				l.keeps[c.Key()] = string(c.Bytes())
			}
		}
	}
}

// What serves is kept once it is published, never before, and what does not
// serve is not.
func TestWhatServesIsKept(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir, withState(nil))
		l.wantKept("an empty directory", nil)
		l.refuses(1)
		l.write("a.yaml", goodA)
		l.write("b.yaml", "service: [")
		l.hint()
		l.wantKept("not published", nil)
		time.Sleep(time.Second)
		synctest.Wait()
		l.wantKept("published", map[string]string{"a.yaml": goodA})
		l.write("a.yaml", "# a comment\r\n"+goodA)
		l.hint()
		l.wantKept("nothing to publish", map[string]string{"a.yaml": "# a comment\r\n" + goodA})
		l.write("a.yaml", "service: [")
		l.write("b.yaml", goodB)
		l.hint()
		l.wantKept("one is mended, one breaks", map[string]string{"a.yaml": "# a comment\r\n" + goodA, "b.yaml": goodB})
	})
}

// Beside a bad directory a restart serves what served before it.
func TestARestartBesideABadDirectory(t *testing.T) {
	const goodC = "service: c\nhosts: [c.example.com]\nupstream: http://10.0.0.3:80\n"
	const goodD = "service: d\nhosts: [d.example.com]\nupstream: http://10.0.0.4:80\n"
	good := map[string]string{"a.yaml": goodA, "b.yaml": goodB, "c.yaml": goodC, "d.yaml": goodD}
	tests := map[string]struct {
		dir   map[string]string // nil is none
		first map[string]string // what serves at once
		then  map[string]string // and when the grace is over
		log   string
	}{
		"the same":           {good, good, good, "state restored"},
		"gone":               {nil, good, good, "DRG3009"},
		"empty":              {map[string]string{}, good, good, "DRG3009"},
		"most files missing": {map[string]string{"a.yaml": goodA}, good, good, "DRG3010"},
		"one file missing":   {map[string]string{"a.yaml": goodA, "b.yaml": goodB, "c.yaml": goodC}, good, map[string]string{"a.yaml": goodA, "b.yaml": goodB, "c.yaml": goodC}, ""},
		"bad files": {
			map[string]string{"a.yaml": "service: [", "b.yaml": "\x00", "c.yaml": "", "d.yaml": goodD + "tiemout: 5s\n"}, good, good, "d.yaml:4:1",
		},
		"one bad, one edited": {
			map[string]string{"a.yaml": "service: [", "b.yaml": strings.Replace(goodB, "0.2", "0.9", 1), "c.yaml": goodC, "d.yaml": goodD},
			map[string]string{"a.yaml": goodA, "b.yaml": strings.Replace(goodB, "0.2", "0.9", 1), "c.yaml": goodC, "d.yaml": goodD},
			map[string]string{"a.yaml": goodA, "b.yaml": strings.Replace(goodB, "0.2", "0.9", 1), "c.yaml": goodC, "d.yaml": goodD},
			"a.yaml:1:",
		},
		"a newcomer wants what is there": {
			map[string]string{"0.yaml": goodA, "a.yaml": "service: [", "b.yaml": goodB, "c.yaml": goodC, "d.yaml": goodD}, good, good, "0.yaml:1:",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "config")
			if tt.dir != nil {
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for path, content := range tt.dir {
				if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Test(t, func(t *testing.T) {
				l := start(t, dir, withState(good))
				l.wantPublished("at once, and only once", 1)
				l.wantKept("at once", tt.first)
				time.Sleep(3 * time.Second)
				synctest.Wait()
				l.wantKept("when the grace is over", tt.then)
				if !strings.Contains(l.log.String(), tt.log) {
					t.Errorf("the log does not have %q:\n%s", tt.log, l.log.String())
				}
			})
		})
	}
}

// Without anything to restore, a freeze begins with nothing; with it, with
// what served before.
func TestAFreezeBeginsWithTheState(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		freeze := func(_ *loop, o *pipeline.Options) { o.Freeze = true }
		for path, content := range map[string]string{"a.yaml": "service: [", "b.yaml": strings.Replace(goodB, "0.2", "0.9", 1)} {
			if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		start(t, dir, freeze).wantPublished("no state", 0)
		good := map[string]string{"a.yaml": goodA, "b.yaml": goodB, "bad.yaml": "service: ["} // a stricter program may find one
		l := start(t, dir, withState(good), freeze)
		l.wantPublished("a state", 1)
		l.wantKept("as a whole", map[string]string{"a.yaml": goodA, "b.yaml": goodB})
	})
}
