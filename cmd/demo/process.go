package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// stopGrace is how long a process may take to end when asked to.
const stopGrace = 3 * time.Second

// A process is a child with all that it starts itself, such as the program
// behind a wrapper script.
type process struct {
	name  string
	log   string // path of what it says on standard error
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // how it ended; read it once ended is closed
}

// startProcess starts a command as the head of a process group, which also
// keeps a terminal's Ctrl-C from it: we decide the order of the end. Its output
// goes to base.out and base.log, the log also to news if that is given.
func startProcess(name, base string, cmd *exec.Cmd, news io.Writer) (*process, error) {
	p := &process{name: name, log: base + ".log", cmd: cmd, ended: make(chan struct{})}
	out, err := os.Create(base + ".out")
	if err != nil {
		return nil, err
	}
	defer out.Close()
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = out, log
	if news != nil {
		cmd.Stderr = io.MultiWriter(log, news)
	}
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = stopGrace // a grandchild may hold the pipe to news
	if err := cmd.Start(); err != nil {
		log.Close()
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		defer close(p.ended)
		p.err = cmd.Wait()
		log.Close()
	}()
	return p, nil
}

// stop ends the whole group and waits for its head.
func (p *process) stop() {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopGrace):
	}
	p.signal(syscall.SIGKILL) // what the head has left behind
	<-p.ended
}

// signal reaches the group. An error means that nobody is left there.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }

// lastWords are the last lines of the log.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}
