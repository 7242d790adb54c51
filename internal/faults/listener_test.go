package faults_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"dragoman/internal/envoytest"
)

// The listener itself is changed again and again. Envoy drains what was there,
// which may close kept connections, each after an answer.
func TestListenerChanges(t *testing.T) {
	t.Parallel()
	for form := range forms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			w := create(t, options{form: form})
			l := w.load(t)
			changed := func() int64 {
				return w.envoy.Stats(t, `^listener_manager.listener_(modified|in_place_updated)$`)["listener_manager.listener_modified"]
			}
			rounds := pick(20, 200)
			for i := range rounds {
				before := changed()
				w.write(t, "listener.yaml", w.listener(fmt.Sprintf("accessLog: {path: /dev/null, format: \"%d %%RESPONSE_CODE%%\\n\"}\n", i)))
				envoytest.Eventually(t, patience, "the listener is changed", func() error {
					if changed() == before {
						return errNotYet
					}
					return nil
				})
			}
			over(t, l, "listener changed, "+form, figure("changes", rounds), figure("kept connections closed", int(l.closed.Load())))
		})
	}
}

// Changes of all else leave the listener alone: no kept connection is closed.
func TestChangesBesideTheListener(t *testing.T) {
	t.Parallel()
	for form := range forms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			beside(t, form, "500")
		})
		t.Run(form+" by scope", func(t *testing.T) {
			t.Parallel()
			beside(t, form, "0")
		})
	}
}

func beside(t *testing.T, form, scopesAbove string) {
	t.Helper()
	// Files go faster than one a second, for so long that it looks like a wipe.
	w := create(t, options{form: form, args: []string{"--allow-empty", "--scoped-routes-above", scopesAbove}})
	l := w.load(t)
	const counters = `listener_manager.listener_(added|modified|in_place_updated|removed|stopped)$|total_listeners_draining$|total_filter_chains_draining$`
	before := fmt.Sprint(w.envoy.Stats(t, counters))
	rounds := pick(20, 200)
	for i := 1; i <= rounds; i++ {
		w.write(t, fmt.Sprintf("guest%d.yaml", i), w.service(fmt.Sprint("guest", i), 0))
		if err := os.Remove(filepath.Join(w.dir, fmt.Sprintf("guest%d.yaml", i-3))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		w.write(t, "moody.yaml", moody(w, i))
		w.edit(t, i)
		w.sees(t, i)
	}
	serves(t, w.address(), "moody", rounds)
	if after := fmt.Sprint(w.envoy.Stats(t, counters)); after != before {
		t.Errorf("Envoy's listeners went from %s to %s", before, after)
	}
	over(t, l, "changes beside the listener, scopes above "+scopesAbove+", "+form, figure("changes", rounds), figure("kept connections closed", int(l.closed.Load())))
	if n := l.closed.Load(); n > 0 {
		t.Errorf("%d kept connections were closed", n)
	}
}

// moody is a service that changes everything that a listener should not know.
func moody(w *world, i int) string {
	out := fmt.Sprintf("service: moody\nhosts: [moody.example.com, \"*.moody%d.example.com\"]\n%sroutes:\n  - to: moody%d\n  - {prefix: /%d, timeout: %ds, to: s0}\n", i, stamp(i), i, i, i)
	return out + fmt.Sprintf("---\nservice: moody%d\nupstream: {endpoints: [http://%s], connectTimeout: %ds}\n", i, w.up.Addr, i)
}
