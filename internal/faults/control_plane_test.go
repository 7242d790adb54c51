package faults_test

import (
	"fmt"
	"testing"
	"time"

	"dragoman/internal/servetest"
)

// The control plane is killed and comes back, on the files that it knew and on
// others.
func TestKilled(t *testing.T) {
	t.Parallel()
	for form := range forms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			w := create(t, options{form: form})
			l := w.load(t)
			var back []time.Duration
			rounds := pick(2, 20)
			for i := range rounds {
				before := changes(t, w.envoy)
				last := w.Published()
				w.Kill()
				hold(t, 100*time.Millisecond) // requests while there is nobody
				begin := time.Now()
				w.again(t)
				w.shows(t, "Envoy is back and in sync", func(s status) bool { return s.Envoys.InSync == 1 })
				back = append(back, time.Since(begin))
				if got := w.First(t); got != last[len(last)-1] {
					t.Errorf("the version is %s on the same files, before it was %s", got, last[len(last)-1])
				}
				if after := changes(t, w.envoy); after != before {
					t.Errorf("a restart on the same files changed Envoy from %s to %s", before, after)
				}

				w.Kill()
				w.edit(t, i+1)
				w.again(t)
				w.sees(t, i+1)
			}
			over(t, l, "killed and restarted, "+form, figure("restarts", 2*rounds), slowest("back within", back))
		})
	}
}

// While the control plane is down, a cluster in use is renamed with its route.
// What served is in the state, so that the Envoy that comes back is moved as if
// there had been no restart.
func TestRenamedWhileAway(t *testing.T) {
	t.Parallel()
	for form := range forms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			state := t.TempDir()
			w := create(t, options{form: form, args: []string{"--state-dir", state}})
			renamed := func(i int) string {
				return fmt.Sprintf("service: web-%d\nhosts: [web.example.com]\nupstream: http://%s\n%s", i, w.up.Addr, stamp(i))
			}
			w.write(t, "web.yaml", renamed(0))
			serves(t, w.address(), "web", 0)
			web := target{host: "web.example.com", check: says("up web.example.com")}
			l := w.load(t, web, web, web, web)
			rounds := pick(3, 30)
			for i := 1; i <= rounds; i++ {
				w.shows(t, "Envoy is in sync", func(s status) bool { return s.Envoys.InSync == 1 })
				servetest.Keeps(t, state, fmt.Sprintf("service: web-%d\n", i-1))
				w.Kill()
				w.write(t, "web.yaml", renamed(i))
				w.again(t)
				serves(t, w.address(), "web", i)
			}
			over(t, l, "renamed while away, "+form, figure("renames", rounds), figure("NACKs", rejected(t, w.envoy)))
		})
	}
}
