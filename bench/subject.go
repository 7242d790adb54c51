package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dragoman/bench/site"
)

// A subject is one way from a directory to Envoy, as a process.
type subject struct {
	kind     kind
	name     string
	site     site.Site
	address  string // of its xDS server
	admin    string // of Dragoman's HTTP
	interest *interest
	cmd      *exec.Cmd
	logs     string
	started  time.Time
}

// start starts a program on the subject's directory.
func (s *subject) start(scratch, program string, args ...string) error {
	s.logs = filepath.Join(scratch, plainName(s.name)+".log")
	log, err := os.Create(s.logs)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command(program, args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = dieWithParent()
	s.started = time.Now()
	return s.cmd.Start()
}

func (s *subject) stop() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may have ended by itself
	_ = s.cmd.Wait()
	s.cmd = nil
}

// ready waits until a server has something to serve: Dragoman listens before it
// has, the others do not.
func (s *subject) ready(ctx context.Context) error {
	for late := time.Now().Add(patience); time.Now().Before(late); pause(time.Millisecond) {
		if s.kind.role == dragoman && answers(ctx, "http://"+s.admin+"/readyz") {
			return nil
		}
		if s.kind.role != dragoman {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
			if err == nil {
				return conn.Close()
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return fmt.Errorf("%s is not ready, see %s", s.name, s.logs)
}

// get returns what a page has.
func get(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, got.Status)
	}
	return io.ReadAll(got.Body)
}

// answers says that a page is there.
func answers(ctx context.Context, url string) bool {
	_, err := get(ctx, url)
	return err == nil
}

// cpu is the processor time of all threads since the start, in the kernel's own
// nanoseconds: ticks of 10 ms are more than an edit costs.
func (s *subject) cpu() (time.Duration, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // a thread that has just ended
		}
		ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}

// memory is what a line of the kernel says, in bytes: VmRSS for what the process
// has, VmHWM for the most that it ever had.
func (s *subject) memory(line string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for l := range strings.Lines(string(text)) {
		if kb, ok := strings.CutPrefix(l, line+":"); ok {
			n, err := strconv.ParseInt(strings.Fields(kb)[0], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no %s of process %d", line, s.cmd.Process.Pid)
}
