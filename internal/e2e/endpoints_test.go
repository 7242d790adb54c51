package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"dragoman/internal/envoytest"
)

// An edit of a list of addresses is an update of endpoints alone: no cluster
// changes, and so no connection is closed but those to what has gone.
func TestAnEditOfAddressesChangesNoCluster(t *testing.T) {
	for name, bootstrap := range map[string]func(testing.TB, int) string{"delta": delta, "sotw": sotw} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "one"})
			two := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "two"})
			dir := t.TempDir()
			path := filepath.Join(dir, "web.yaml")
			list := func(upstreams ...string) string {
				return "service: web\nhosts: [web]\nupstream: ['" + strings.Join(upstreams, "', '") + "']\n"
			}
			write(t, path, list("http://"+one.Addr))
			f := startWith(t, bootstrap, dir)
			f.answers(t, "one")
			const changes = "^cluster_manager.(cluster_(added|modified|removed)|cds.update_success)$"
			before := f.envoy.Stats(t, changes)
			write(t, path, list("http://"+one.Addr, "http://"+two.Addr))
			f.answers(t, "two")
			f.answers(t, "one")
			write(t, path, list("http://"+two.Addr))
			f.answers(t, "two")
			for stat, n := range f.envoy.Stats(t, changes) {
				if was := before[stat]; n != was {
					t.Errorf("%s was %d before the edits and is %d after them", stat, was, n)
				}
			}
		})
	}
}

// answers waits until an upstream of a name answers for the host web.
func (f *fleet) answers(t *testing.T, upstream string) {
	t.Helper()
	envoytest.Eventually(t, patience, "an answer of "+upstream, func() error {
		reply, err := envoytest.Ask(t, envoytest.Request{URL: fmt.Sprintf("http://127.0.0.1:%d/", f.http), Host: "web"})
		if err != nil || reply.Status != http.StatusOK || reply.Echo.Upstream != upstream {
			return fmt.Errorf("got %d from %q, %w", reply.Status, reply.Echo.Upstream, err)
		}
		return nil
	})
}
