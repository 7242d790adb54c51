package faults_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dragoman/internal/envoytest"
)

// A cluster in use is renamed together with the route to it, again and again.
// Not one request may fail, of nobody's.
func TestRenames(t *testing.T) {
	t.Parallel()
	upstreams := map[string]string{
		"an address": "upstream: http://%s\n",
		"DNS names":  "upstream: {endpoints: [http://localhost:%[2]s, http://localhost.:%[2]s], discovery: strict-dns}\n",
	}
	if long {
		upstreams["a DNS name"] = "upstream: http://localhost:%[2]s\n"
	}
	for kind, upstream := range upstreams {
		for _, pace := range []string{"slow", "fast"} {
			t.Run(kind+", "+pace, func(t *testing.T) {
				t.Parallel()
				for form := range forms() {
					t.Run(form, func(t *testing.T) {
						t.Parallel()
						rename(t, form, kind, pace, upstream, "500")
					})
					t.Run(form+" by scope", func(t *testing.T) {
						t.Parallel()
						rename(t, form, kind, pace, upstream, "0")
					})
				}
			})
		}
	}
}

func rename(t *testing.T, form, kind, pace, upstream, scopesAbove string) {
	t.Helper()
	o := options{form: form, args: []string{"--linger", "300ms", "--scoped-routes-above", scopesAbove}} // so that clusters go under load, too
	if pace == "fast" {                                                                                 // more often than Envoy can follow
		o.args = append(o.args, "--quiet", "1ms", "--max-delay", "5ms")
	}
	w := create(t, o)
	_, port, _ := strings.Cut(w.up.Addr, ":")
	renamed := func(i int) string {
		text := fmt.Sprintf(upstream+"%[3]s", w.up.Addr, port, stamp(i))
		return fmt.Sprintf("service: web-%d\nhosts: [web.example.com]\n%s", i, text)
	}
	w.write(t, "web.yaml", renamed(0))
	serves(t, w.address(), "web", 0)
	clusters := w.envoy.Stats(t, `^cluster_manager.active_clusters$`)["cluster_manager.active_clusters"]
	web := target{host: "web.example.com", check: says("up web.example.com")}
	l := w.load(t, web, web, web, web, web, web) // it is the one in danger
	before := len(w.Published())
	rounds := pick(40, 500)
	begin := time.Now()
	ticker := time.NewTicker(15 * time.Millisecond)
	defer ticker.Stop()
	for i := 1; i <= rounds; i++ {
		w.write(t, "web.yaml", renamed(i))
		if pace == "slow" {
			serves(t, w.address(), "web", i)
		} else {
			<-ticker.C
		}
	}
	serves(t, w.address(), "web", rounds)
	took := time.Since(begin)
	envoytest.Eventually(t, patience, "the old names are gone", func() error {
		if n := w.envoy.Stats(t, `^cluster_manager.active_clusters$`)["cluster_manager.active_clusters"]; n != clusters {
			return fmt.Errorf("%d clusters, want %d", n, clusters)
		}
		return nil
	})
	over(t, l, fmt.Sprintf("renames of %s, %s, %s", kind, pace, form), figure("renames", rounds), figure("publications", len(w.Published())-before),
		slowest("in", []time.Duration{took}), figure("NACKs", rejected(t, w.envoy)))
}
