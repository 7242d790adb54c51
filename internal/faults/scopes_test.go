package faults_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dragoman/internal/envoytest"
)

// A listener goes from one table of routes to a scope for each host and back,
// again and again.
func TestRoutesChangeTheirForm(t *testing.T) {
	t.Parallel()
	for form := range forms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			w := create(t, options{form: form})
			l := w.load(t)
			rounds := pick(6, 40)
			for i := 1; i <= rounds; i++ {
				w.write(t, "listener.yaml", w.listener([]string{"routeDiscovery: rds\n", "routeDiscovery: srds\n"}[i%2]))
				w.scopes(t, i%2 == 1)
				w.edit(t, i)
				w.sees(t, i)
			}
			over(t, l, "routes change their form, "+form, figure("changes", rounds), figure("kept connections closed", int(l.closed.Load())))
		})
	}
}

// The number of hosts goes above the threshold and below it again.
func TestHostsGrowBeyondOneTable(t *testing.T) {
	t.Parallel()
	for form := range forms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			w := create(t, options{form: form, args: []string{"--allow-empty", "--scoped-routes-above", fmt.Sprint(steady + 5)}})
			l := w.load(t)
			rounds, revision := pick(2, 10), 0
			for range rounds {
				for i := range 10 {
					w.write(t, fmt.Sprintf("guest%d.yaml", i), w.service(fmt.Sprint("guest", i), 0))
				}
				serves(t, w.address(), "guest9", 0)
				w.scopes(t, true)
				for i := range 10 {
					if err := os.Remove(filepath.Join(w.dir, fmt.Sprintf("guest%d.yaml", i))); err != nil && !errors.Is(err, fs.ErrNotExist) {
						t.Fatal(err)
					}
				}
				w.scopes(t, false)
				revision++
				w.edit(t, revision)
				w.sees(t, revision)
			}
			over(t, l, "hosts grow beyond one table, "+form, figure("rounds", rounds), figure("kept connections closed", int(l.closed.Load())))
		})
	}
}

// scoped tells whether the listener that takes new connections chooses routes by
// scope.
func (w *world) scoped(t *testing.T) bool {
	t.Helper()
	var dump struct {
		Configs []struct {
			ActiveState json.RawMessage `json:"active_state"`
		}
	}
	if err := json.Unmarshal(w.envoy.ConfigDump(t, "resource=dynamic_listeners"), &dump); err != nil {
		t.Fatal(err)
	}
	return len(dump.Configs) == 1 && strings.Contains(string(dump.Configs[0].ActiveState), "scoped_rds")
}

// scopes waits until Envoy's newest listener chooses routes by scope, or does
// not.
func (w *world) scopes(t *testing.T, want bool) {
	t.Helper()
	envoytest.Eventually(t, patience, fmt.Sprintf("routes by scope: %t", want), func() error {
		if w.scoped(t) != want {
			return errNotYet
		}
		return nil
	})
}
