package main_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dragoman/internal/envoytest"
)

// A demo is a run of the program as make starts it, beside which the
// documented ports are taken.
type demo struct {
	cmd   *exec.Cmd
	tmp   string
	ended chan struct{}

	mu  sync.Mutex
	out bytes.Buffer
}

func (d *demo) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.out.Write(p)
}

func (d *demo) output() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.out.String()
}

func start(t *testing.T, env ...string) *demo {
	t.Helper()
	for _, address := range []string{"127.0.0.1:18000", "127.0.0.1:18001", "127.0.0.1:19000", ":10000", "127.0.0.1:9001"} {
		if l, err := net.Listen("tcp", address); err == nil { // else it is taken already
			t.Cleanup(func() { l.Close() })
		}
	}
	binary := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d := &demo{cmd: exec.Command(binary), tmp: t.TempDir(), ended: make(chan struct{})}
	d.cmd.Env = append(os.Environ(), append([]string{"TMPDIR=" + d.tmp, "EXAMPLE=", "DEMO_ONCE="}, env...)...)
	d.cmd.Stdout, d.cmd.Stderr = d, d
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.ended)
		_ = d.cmd.Wait() // how it ended is in its state
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Signal(syscall.SIGTERM) // fails when it has ended already
		<-d.ended
		if t.Failed() {
			t.Log(d.output())
		}
	})
	return d
}

// code waits for the end and returns the exit code.
func (d *demo) code(t *testing.T) int {
	t.Helper()
	select {
	case <-d.ended:
		return d.cmd.ProcessState.ExitCode()
	case <-time.After(2 * time.Minute): // builds Dragoman, perhaps from nothing
		t.Fatal("it does not end")
		return -1
	}
}

// leavesNothing checks that no process and no file of a run is left.
func (d *demo) leavesNothing(t *testing.T) {
	t.Helper()
	if left, err := filepath.Glob(filepath.Join(d.tmp, "dragoman-demo-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	for _, m := range regexp.MustCompile(`is at (\d+)\.`).FindAllStringSubmatch(d.output(), -1) {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+m[1]); err == nil {
			conn.Close()
			t.Errorf("something still listens on port %s", m[1])
		}
	}
}

func TestOnceShowsWhatAnEditChanges(t *testing.T) {
	d := start(t, "DEMO_ONCE=1", "ENVOY="+envoytest.Binary(t))
	if got := d.code(t); got != 0 {
		t.Errorf("it ended with %d, want 0", got)
	}
	found := regexp.MustCompile(`upstream (\d+): GET`).FindAllStringSubmatch(d.output(), -1)
	if len(found) != 2 || found[0][1] == found[1][1] {
		t.Errorf("got the answers %q, want those of two upstreams", found)
	}
	for _, port := range []string{"10000", "18000", "18001", "19000"} {
		if want := "Port " + port + " is taken"; !strings.Contains(d.output(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	d.leavesNothing(t)
}

func TestAnInterruptEndsAll(t *testing.T) {
	d := start(t, "ENVOY="+envoytest.Binary(t), "EXAMPLE=teams")
	d.waitFor(t, "Ctrl-C")
	if err := d.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := d.code(t); got != 0 {
		t.Errorf("it ended with %d, want 0", got)
	}
	d.leavesNothing(t)
}

func TestAnEditIsReported(t *testing.T) {
	d := start(t, "ENVOY="+envoytest.Binary(t))
	d.waitFor(t, "GET / is answered")
	file := regexp.MustCompile(`Edit: +(\S+)`).FindStringSubmatch(d.output())
	if file == nil {
		t.Fatal("it does not say which file to edit")
	}
	if err := os.WriteFile(file[1], []byte("service: hello\nupstreem: http://127.0.0.1:9002\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d.waitFor(t, `did you mean \"upstream\"?`)
	if err := os.WriteFile(file[1], []byte("service: hello\nroutes: [{respond: {status: 200, body: edited}}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d.waitFor(t, "    edited\n")
}

func TestADeadEnvoyEndsAll(t *testing.T) {
	script := filepath.Join(t.TempDir(), "envoy")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho cannot go on >&2\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := start(t, "ENVOY="+script)
	if got := d.code(t); got != 1 {
		t.Errorf("it ended with %d, want 1", got)
	}
	if out := d.output(); !strings.Contains(out, "Envoy has ended: exit status 3\ncannot go on") {
		t.Errorf("it does not say why it ended:\n%s", out)
	}
	d.leavesNothing(t)
}

func (d *demo) waitFor(t *testing.T, text string) {
	t.Helper()
	envoytest.Eventually(t, 2*time.Minute, "the output", func() error {
		if out := d.output(); !strings.Contains(out, text) {
			return fmt.Errorf("it lacks %q", text)
		}
		return nil
	})
}
