package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dragoman/internal/envoytest"
)

// patience is how long anything may take on a busy machine.
const patience = 30 * time.Second

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "dragoman-e2e-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "dragoman")
	args := append([]string{"build"}, buildFlags...)
	out, err := exec.Command("go", append(args, "-o", binary, "dragoman/cmd/dragoman")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building dragoman: %w\n%s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	m.Run()
	if binary, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary)) // a temporary directory
	}
}

// A server is a running `dragoman serve`.
type server struct {
	cmd  *exec.Cmd
	port int
	log  *logBook
	done chan struct{}
}

// serve runs the program on a directory until the test ends.
func serve(t *testing.T, dir string, args ...string) *server {
	t.Helper()
	return serveAt(t, envoytest.FreePort(t), dir, args...)
}

func serveAt(t *testing.T, port int, dir string, args ...string) *server {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{port: port, log: &logBook{}, done: make(chan struct{})}
	args = append([]string{"serve", dir, "--listen", fmt.Sprintf("localhost:%d", port), "--admin", "localhost:0", "--log-format", "json", "--log-level", "debug"}, args...)
	s.cmd = exec.Command(binary, args...)
	s.cmd.Stderr = s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // how it ended is looked at below
		close(s.done)
	}()
	t.Cleanup(func() {
		s.stop(t)
		if t.Failed() {
			t.Logf("dragoman's log:\n%s", s.log.tail(60))
		}
	})
	return s
}

// stop ends the program as an operator does, and wants it to end well.
func (s *server) stop(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.done:
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		t.Error("dragoman did not end on SIGTERM")
		<-s.done
	}
	if code := s.cmd.ProcessState.ExitCode(); code > 0 {
		t.Errorf("dragoman ended with %d", code)
	}
}

// kill ends the program as a power cut does.
func (s *server) kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.done
}

// A logBook keeps the lines that the program logs.
type logBook struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes.Write(p)
}

func (l *logBook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes.String()
}

func (l *logBook) tail(n int) string {
	lines := strings.Split(strings.TrimSpace(l.text()), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// entries returns the lines with a message, as they are in JSON.
func (l *logBook) entries(msg string) []map[string]any {
	var out []map[string]any
	for scan := bufio.NewScanner(strings.NewReader(l.text())); scan.Scan(); {
		var e map[string]any
		if json.Unmarshal(scan.Bytes(), &e) == nil && e["msg"] == msg {
			out = append(out, e)
		}
	}
	return out
}

// published returns the versions that were published, in order.
func (s *server) published() []string {
	var out []string
	for _, e := range s.log.entries("version published") {
		out = append(out, e["version"].(string))
	}
	return out
}

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
	f.envoy = envoytest.Start(t, envoytest.Options{Bootstrap: bootstrap(t, f.port)})
	f.envoy.WaitLive(t)
	f.envoy.Listener(t, "http")
	return f
}

// delta is what the program's own bootstrap command prints.
func delta(t testing.TB, xds int) string {
	t.Helper()
	return printed(t, xds)
}

// sotw is that for the older form of xDS.
func sotw(t testing.TB, xds int) string {
	t.Helper()
	return printed(t, xds, "--sotw")
}

func printed(t testing.TB, xds int, args ...string) string {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"bootstrap", "--xds", fmt.Sprintf("localhost:%d", xds), "--envoy-admin", "127.0.0.1:0"}, args...)
	out, err := exec.Command(binary, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
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
