package envoytest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds what an idle machine does in a fraction of a second and a
// busy one, under -race, in some seconds.
const patience = 30 * time.Second

// Options says how Start runs Envoy.
type Options struct {
	Bootstrap string   // YAML text, with 0 as the admin port
	Args      []string // further flags, such as --service-node
	Env       []string // further variables, such as NAME=value
	Under     []string // a command that runs Envoy in its turn
}

// An Envoy is a running Envoy process.
type Envoy struct {
	admin string
	log   string // path of what Envoy logs
	out   string // path of its stdout, where access logs go
	cmd   *exec.Cmd

	ended chan struct{} // closed once the process has ended
	stop  sync.Once
}

// Start runs Envoy on a bootstrap and returns as soon as its admin endpoint
// answers, which is before it is live. Envoy is stopped when the test ends.
func Start(t testing.TB, o Options) *Envoy {
	t.Helper()
	dir, err := os.MkdirTemp(t.ArtifactDir(), "envoy-")
	if err != nil {
		t.Fatal(err)
	}
	e := &Envoy{
		log:   filepath.Join(dir, "envoy.log"),
		out:   filepath.Join(dir, "stdout.log"),
		ended: make(chan struct{}),
	}
	config, address := filepath.Join(dir, "bootstrap.yaml"), filepath.Join(dir, "admin")
	if err := os.WriteFile(config, []byte(o.Bootstrap), 0o600); err != nil {
		t.Fatal(err)
	}
	e.cmd = command(Binary(t), config, address, o)
	if err := e.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.Stop()
		if t.Failed() {
			t.Logf("the end of Envoy's log:\n%s", tail(e.Log(), 40))
		}
	})
	Eventually(t, patience, "Envoy's admin endpoint", func() error {
		e.alive(t)
		e.admin, err = adminAddress(address)
		return err
	})
	return e
}

func command(binary, config, address string, o Options) *exec.Cmd {
	line := append(slices.Clip(o.Under),
		binary,
		"-c", config,
		"--admin-address-path", address,
		"--disable-hot-restart", // shared memory regions of two Envoys would clash
		"--concurrency", "1",
		"--file-flush-interval-msec", "50", // access logs are read while Envoy runs
	)
	line = append(line, o.Args...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), o.Env...)
	cmd.SysProcAttr = attributes()
	return cmd
}

func (e *Envoy) start() error {
	log, err := os.Create(e.log)
	if err != nil {
		return err
	}
	defer log.Close()
	out, err := os.Create(e.out)
	if err != nil {
		return err
	}
	defer out.Close()
	e.cmd.Stderr, e.cmd.Stdout = log, out
	if err := e.cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(e.ended)
		_ = e.cmd.Wait() // how it ended is in its log
	}()
	return nil
}

// adminAddress reads the file that Envoy writes once it listens.
func adminAddress(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(string(text))
	if err != nil {
		return "", err
	}
	if port == "" || port == "0" {
		return "", fmt.Errorf("no port in %q", text)
	}
	return string(text), nil
}

// alive ends the test when Envoy ended by itself: there is nothing to wait for.
func (e *Envoy) alive(t testing.TB) {
	t.Helper()
	select {
	case <-e.ended:
		t.Fatalf("Envoy ended: %v", e.cmd.ProcessState)
	default:
	}
}

// Stop ends Envoy and waits for it. The test's end does so by itself; a test
// calls it to see what happens without Envoy. Later calls do nothing.
func (e *Envoy) Stop() {
	e.stop.Do(func() {
		signal(e.cmd.Process, syscall.SIGTERM)
		force := time.AfterFunc(5*time.Second, func() { signal(e.cmd.Process, syscall.SIGKILL) })
		defer force.Stop()
		<-e.ended
	})
}

// Signal sends Envoy a signal, such as SIGSTOP for an Envoy that hangs.
func (e *Envoy) Signal(s syscall.Signal) { signal(e.cmd.Process, s) }

// Log returns what Envoy has logged so far.
func (e *Envoy) Log() string { return text(e.log) }

// Stdout returns what Envoy has written to its standard output, such as an
// access log on /dev/stdout. It lags a little: wait with Eventually.
func (e *Envoy) Stdout() string { return text(e.out) }

func text(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error() // the reader is a person, or a comparison that fails
	}
	return string(b)
}

// tail returns the last n lines of a log, without the inventory of extensions
// that each Envoy begins with.
func tail(log string, n int) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, "][info][main]") })
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
