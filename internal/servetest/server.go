package servetest

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"dragoman/internal/envoytest"
)

// patience is how long anything may take on a busy machine.
const patience = 30 * time.Second

// A Server is a running `dragoman serve`.
type Server struct {
	Cmd  *exec.Cmd
	Port int // of xDS
	Log  *Log

	done chan struct{} // closed once the process has ended
}

// Options say how the program is run.
type Options struct {
	Port  int      // of xDS; a free one if zero
	Under []string // a command that runs the program in its turn
	Args  []string // further flags
}

// Start serves a directory until the test ends.
func Start(t testing.TB, dir string, o Options) *Server {
	t.Helper()
	if o.Port == 0 {
		o.Port = envoytest.FreePort(t)
	}
	s := &Server{Port: o.Port, Log: &Log{}, done: make(chan struct{})}
	line := append(slices.Clip(o.Under),
		Binary(t), "serve", dir, "--listen", fmt.Sprintf("localhost:%d", o.Port),
		"--admin", "localhost:0", "--log-format", "json", "--log-level", "debug")
	line = append(line, o.Args...)
	s.Cmd = exec.Command(line[0], line[1:]...)
	s.Cmd.Stderr, s.Cmd.SysProcAttr = s.Log, attributes()
	if err := s.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.Cmd.Wait() // how it ended is looked at below
		close(s.done)
	}()
	t.Cleanup(func() {
		s.Stop(t)
		if t.Failed() {
			t.Logf("dragoman's log:\n%s", s.Log.Tail(60))
		}
	})
	return s
}

// Stop ends the program as an operator does, and wants it to end well.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	_ = s.Cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.done:
	case <-time.After(patience):
		_ = s.Cmd.Process.Kill()
		t.Error("dragoman did not end on SIGTERM")
		<-s.done
	}
	if code := s.Cmd.ProcessState.ExitCode(); code > 0 {
		t.Errorf("dragoman ended with %d", code)
	}
}

// Kill ends the program as a power cut does.
func (s *Server) Kill() {
	_ = s.Cmd.Process.Kill() // it may have ended
	<-s.done
}

// Published returns the versions that were published, in order.
func (s *Server) Published() []string {
	var out []string
	for _, e := range s.Log.Entries("version published") {
		out = append(out, e["version"].(string))
	}
	return out
}

// First waits for the first version that is published, and returns it. Envoys
// may have it a moment before the log says so.
func (s *Server) First(t testing.TB) string {
	t.Helper()
	var version string
	envoytest.Eventually(t, patience, "a version is published", func() error {
		all := s.Published()
		if len(all) == 0 {
			return fmt.Errorf("not yet")
		}
		version = all[0]
		return nil
	})
	return version
}

// Admin is where the program says that it answers HTTP.
func (s *Server) Admin(t testing.TB) string {
	t.Helper()
	var address string
	envoytest.Eventually(t, patience, "the admin address", func() error {
		found := s.Log.Entries("serving HTTP for administration")
		if len(found) == 0 {
			return fmt.Errorf("not yet")
		}
		address = found[0]["address"].(string)
		return nil
	})
	return address
}

// Ask asks the admin address, and returns the status and the body.
func (s *Server) Ask(t testing.TB, method, path string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Admin(t)+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, string(text)
}
