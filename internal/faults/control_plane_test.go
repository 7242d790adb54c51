package faults_test

import (
	"testing"
	"time"
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
