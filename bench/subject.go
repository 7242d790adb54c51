package main

import (
	"context"
	"fmt"
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
	name    string
	site    site.Site
	address string // of its xDS server
	delta   bool   // the form in which it is asked
	cmd     *exec.Cmd
	logs    string
	started time.Time
}

// start starts a program on the subject's directory.
func (s *subject) start(scratch, program string, args ...string) error {
	s.logs = filepath.Join(scratch, s.name+".log")
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
}

// cpu is the processor time of all threads since the start, in the kernel's own
// nanoseconds: ticks of 10 ms are more than an edit costs.
func (s *subject) cpu() (time.Duration, error) { return cpu(s.cmd.Process.Pid) }

func cpu(pid int) (time.Duration, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
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

// peak is the most memory that the process ever had, in bytes.
func (s *subject) peak() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.Fields(kb)[0], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no VmHWM of process %d", s.cmd.Process.Pid)
}

// programs builds what is measured.
func programs(ctx context.Context, into string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", into+"/", "./cmd/dragoman", "./bench/bareloop", "./bench/snapshotcache")
	build.Stderr = os.Stderr
	return build.Run()
}
