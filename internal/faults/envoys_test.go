package faults_test

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragoman/internal/envoytest"
)

// crowd is how many services are edited at once.
const crowd = 50

// An Envoy stops reading in the middle of everybody's changes. The one beside
// it goes on, and once it wakes it catches up.
func TestAnEnvoyStopsReading(t *testing.T) {
	t.Parallel()
	for form := range forms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			w := create(t, options{form: form})
			gather := func(i int) {
				var text strings.Builder
				for n := range crowd {
					fmt.Fprintf(&text, "service: crowd%d\nhosts: [crowd%d.example.com]\nupstream: {endpoints: [http://%s], connectTimeout: %ds}\n---\n", n, n, w.up.Addr, i+1)
				}
				w.write(t, "crowd.yaml", text.String()+w.service("last", i))
			}
			gather(0)
			serves(t, w.address(), "last", 0)
			// It has no listeners, since two Envoys of one host would share the port.
			asleep := w.another(t, options{bootstrap: withoutListeners})
			l := w.load(t)
			asleep.Signal(syscall.SIGSTOP)
			rounds := pick(10, 100)
			var took []time.Duration
			for i := 1; i <= rounds; i++ {
				gather(i)
				w.edit(t, i)
				took = append(took, w.sees(t, i))
			}
			asleep.Signal(syscall.SIGCONT)
			begin := time.Now()
			envoytest.Eventually(t, patience, "it catches up", func() error {
				if dump := string(asleep.ConfigDump(t, "resource=dynamic_active_clusters")); strings.Count(dump, fmt.Sprintf(`"connect_timeout": "%ds"`, rounds+1)) != crowd {
					return errNotYet
				}
				return nil
			})
			caught := time.Since(begin)
			w.shows(t, "both are in sync", func(s status) bool { return s.Envoys.InSync == 2 })
			over(t, l, "an Envoy stops reading, "+form, figure("edits", rounds), slowest("beside it each within", took), slowest("caught up within", []time.Duration{caught}))
		})
	}
}

// withoutListeners takes the listeners out of a bootstrap.
func withoutListeners(text string, _ int) string {
	before, after, _ := strings.Cut(text, "  lds_config:\n")
	_, after, _ = strings.Cut(after, "    ads: {}\n")
	return before + after
}

// Of twenty listeners, and of two, Envoy cannot have one: its port is taken.
// The others serve, are changed, and the Envoy is not bothered again.
func TestOneListenerIsRefused(t *testing.T) {
	t.Parallel()
	for _, listeners := range []int{20, 2}[:pick(1, 2)] {
		for form := range forms() {
			t.Run(fmt.Sprintf("of %d, %s", listeners, form), func(t *testing.T) {
				t.Parallel()
				squatter, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer squatter.Close()
				w := create(t, options{form: form})
				w.write(t, "listener.yaml", w.listener("default: true\n"))
				addresses := map[int]string{}
				var targets []target
				file := func(i, revision int) string {
					return fmt.Sprintf("listener: l%d\naddress: 127.0.0.1\nport: %s\n---\nlisteners: [l%d]\n%s", i, addresses[i][len("127.0.0.1:"):], i, w.service(fmt.Sprint("own", i), revision))
				}
				addresses[0] = squatter.Addr().String()
				for i := 1; i < listeners; i++ {
					addresses[i] = fmt.Sprintf("127.0.0.1:%d", envoytest.FreePort(t))
					host := fmt.Sprintf("own%d.example.com", i)
					targets = append(targets, target{host: host, check: says("up " + host), address: addresses[i]})
				}
				for i := range listeners {
					w.write(t, fmt.Sprintf("own%d.yaml", i), file(i, 0))
				}
				for i := 1; i < listeners; i++ {
					serves(t, addresses[i], fmt.Sprint("own", i), 0)
				}
				l := w.load(t, targets...)
				var took []time.Duration
				rounds := pick(5, 50)
				for r := 1; r <= rounds; r++ {
					i := 1 + r%(listeners-1)
					w.write(t, fmt.Sprintf("own%d.yaml", i), file(i, r))
					took = append(took, serves(t, addresses[i], fmt.Sprint("own", i), r))
					w.edit(t, r)
					took = append(took, w.sees(t, r))
				}
				if n := rejected(t, w.envoy); n != 1 {
					t.Errorf("Envoy refused %d times, want once", n)
				}
				over(t, l, fmt.Sprintf("one listener of %d refused, %s", listeners, form), figure("edits", len(took)), slowest("each within", took), figure("NACKs", rejected(t, w.envoy)))
			})
		}
	}
}
