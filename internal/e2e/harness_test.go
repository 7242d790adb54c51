package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dragoman/internal/envoytest"
	"dragoman/internal/servetest"
)

// patience is how long anything may take on a busy machine.
const patience = 30 * time.Second

func TestMain(m *testing.M) { servetest.Main(m) }

// A server is a running `dragoman serve`.
type server struct{ *servetest.Server }

// serve runs the program on a directory until the test ends.
func serve(t *testing.T, dir string, args ...string) *server {
	t.Helper()
	return serveAt(t, 0, dir, args...)
}

func serveAt(t *testing.T, port int, dir string, args ...string) *server {
	t.Helper()
	return &server{servetest.Start(t, dir, servetest.Options{Port: port, Args: args})}
}

// delta and sotw are the bootstraps that the program prints.
func delta(t testing.TB, xds int) string { t.Helper(); return servetest.Delta(t, xds) }
func sotw(t testing.TB, xds int) string  { t.Helper(); return servetest.SotW(t, xds) }

// A fleet is a server, one Envoy, and the directory that both depend on.
type fleet struct {
	*server
	dir   string
	envoy *envoytest.Envoy
	http  int // the port of the listener
}

// start writes a listener, serves the directory and waits for an Envoy with
// the repository's bootstrap.
func start(t *testing.T, dir string, args ...string) *fleet {
	t.Helper()
	return startWith(t, envoytest.Original, dir, args...)
}

// startWith does so for an Envoy with another bootstrap, which is told the port
// of the control plane.
func startWith(t *testing.T, bootstrap func(t testing.TB, xds int) string, dir string, args ...string) *fleet {
	t.Helper()
	f := &fleet{dir: dir, http: envoytest.FreePort(t)}
	write(t, filepath.Join(dir, "listener.yaml"), fmt.Sprintf("listener: http\naddress: 127.0.0.1\nport: %d\n", f.http))
	f.server = serve(t, dir, args...)
	f.envoy = envoytest.Start(t, envoytest.Options{Bootstrap: bootstrap(t, f.Port)})
	f.envoy.WaitLive(t)
	f.envoy.Listener(t, "http")
	return f
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// answer is a service that answers by itself.
func answer(name, body string) string {
	return fmt.Sprintf("service: %s\nhosts: [%s.example.com]\nroutes:\n  - respond: {status: 200, body: %q}\n", name, name, body)
}

// wants asks for a host until the answer is a status and a body.
func (f *fleet) wants(t *testing.T, name string, status int, body string) {
	t.Helper()
	what := fmt.Sprintf("%s answers %d %q", name, status, body)
	envoytest.Eventually(t, patience, what, func() error {
		r, err := envoytest.Ask(t, envoytest.Request{URL: fmt.Sprintf("http://127.0.0.1:%d/", f.http), Host: name + ".example.com"})
		if err != nil {
			return err
		}
		if r.Status != status || r.Status == http.StatusOK && r.Body != body {
			return fmt.Errorf("it answers %d %q", r.Status, r.Body)
		}
		return nil
	})
}
