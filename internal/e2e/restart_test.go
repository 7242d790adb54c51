package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dragoman/internal/envoytest"
)

// An Envoy that comes first waits. It is never given an empty configuration.
func TestEnvoyFirst(t *testing.T) {
	dir := t.TempDir()
	port, http1 := envoytest.FreePort(t), envoytest.FreePort(t)
	envoy := envoytest.Start(t, envoytest.Options{Bootstrap: envoytest.Original(t, port)})
	s := serveAt(t, port, dir)
	s.connected(t)
	if n := envoy.Stats(t, `^cluster_manager.cds.update_success$`)["cluster_manager.cds.update_success"]; n != 0 {
		t.Errorf("Envoy was given %d configurations before there was a file", n)
	}
	write(t, filepath.Join(dir, "web.yaml"), fmt.Sprintf("listener: http\naddress: 127.0.0.1\nport: %d\n---\n%s", http1, answer("web", "here")))
	f := &fleet{server: s, dir: dir, envoy: envoy, http: http1}
	f.wants(t, "web", http.StatusOK, "here")
}

// connected waits until an Envoy has opened a stream.
func (s *server) connected(t *testing.T) {
	t.Helper()
	envoytest.Eventually(t, patience, "Envoy connects", func() error {
		if len(s.Log.Entries("stream opened")) == 0 {
			return fmt.Errorf("no stream yet")
		}
		return nil
	})
}

// A restart on the same files, however rude, is nothing to Envoy.
func TestARestartIsInvisible(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "web.yaml"), answer("web", "one"))
	f := start(t, dir)
	f.wants(t, "web", http.StatusOK, "one")
	modified := func() string {
		return fmt.Sprint(f.envoy.Stats(t, `cluster_modified|listener_modified|listener_added|rds.http.config_reload$`))
	}
	before, versions := modified(), f.Published()
	f.Kill()
	f.wants(t, "web", http.StatusOK, "one")
	f.server = serveAt(t, f.Port, dir)
	f.connected(t)
	f.shows(t, "Envoy is back and in sync", func(s status) bool { return s.Envoys.InSync == 1 })
	if after := modified(); after != before {
		t.Errorf("after a restart on the same files Envoy has %s, before it had %s", after, before)
	}
	if again := f.First(t); again != versions[len(versions)-1] {
		t.Errorf("after a restart the version is %s, before it was %s", again, versions[len(versions)-1])
	}
}

// One listener that Envoy cannot have keeps nothing else from it, is told of
// once, and is not offered again and again.
func TestARefusalIsTold(t *testing.T) {
	dir := t.TempDir()
	f := start(t, dir)
	taken := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "squatter"})
	_, port, _ := strings.Cut(taken.Addr, ":")
	write(t, filepath.Join(dir, "bad.yaml"), fmt.Sprintf("listener: taken\naddress: 127.0.0.1\nport: %s\n", port))
	write(t, filepath.Join(dir, "web.yaml"), strings.Replace(answer("web", "one"), "routes:", "listeners: [http]\nroutes:", 1))
	f.wants(t, "web", http.StatusOK, "one")
	write(t, filepath.Join(dir, "web.yaml"), strings.Replace(answer("web", "two"), "routes:", "listeners: [http]\nroutes:", 1))
	f.wants(t, "web", http.StatusOK, "two")
	envoytest.Eventually(t, patience, "the refusal is logged", func() error {
		if len(f.Log.Entries("refused")) == 0 {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	for i := range 5 { // time enough for a storm
		body := fmt.Sprint("again ", i)
		write(t, filepath.Join(dir, "web.yaml"), strings.Replace(answer("web", body), "routes:", "listeners: [http]\nroutes:", 1))
		f.wants(t, "web", http.StatusOK, body)
	}
	refusals := f.Log.Entries("refused")
	if len(refusals) != 1 || !strings.Contains(fmt.Sprint(refusals[0]), "taken") {
		t.Errorf("want one refusal with Envoy's words, got %v", refusals)
	}
	if n := f.envoy.Stats(t, `^listener_manager.lds.update_rejected$`)["listener_manager.lds.update_rejected"]; n != 1 {
		t.Errorf("Envoy was offered the refused listener %d times, want once", n)
	}
}

// SIGHUP looks at once, also when nothing else would.
func TestHangupLooksAgain(t *testing.T) {
	dir := t.TempDir()
	f := start(t, dir, "--watch", "poll", "--resync", "0")
	path := filepath.Join(dir, "web.yaml")
	write(t, path, answer("web", "one"))
	if err := f.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	f.wants(t, "web", http.StatusOK, "one")
}

// A bad file keeps its last good content and is told of with its place; all
// others move on.
func TestABadFileHurtsNobody(t *testing.T) {
	dir := t.TempDir()
	f := start(t, dir)
	a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	write(t, a, answer("a", "one"))
	write(t, b, answer("b", "one"))
	f.wants(t, "a", http.StatusOK, "one")
	f.wants(t, "b", http.StatusOK, "one")
	write(t, a, answer("a", "two")+"tiemout: 5s\n")
	write(t, b, answer("b", "two"))
	f.wants(t, "b", http.StatusOK, "two")
	f.wants(t, "a", http.StatusOK, "one")
	log := f.Log.Entries("a file is wrong; its last good content serves")
	if len(log) != 1 || log[0]["at"] != "a.yaml:5:1" || !strings.Contains(fmt.Sprint(log[0]["problem"]), "tiemout") {
		t.Errorf("the log says %v, want one problem at a.yaml:5:1", log)
	}
	if err := os.Truncate(b, 0); err != nil {
		t.Fatal(err)
	}
	write(t, a, answer("a", "three"))
	f.wants(t, "a", http.StatusOK, "three")
	f.wants(t, "b", http.StatusOK, "two")
}
