package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// The ports of envoy-bootstrap.yaml and of the format.
const (
	xdsPort      = 18000
	statusPort   = 18001
	adminPort    = 19000
	listenerPort = 10000
)

// patience is how long anything may take that is awaited. A machine that is
// busy with other things gets through in some seconds.
const patience = 30 * time.Second

// A stage is everything that one demonstration needs.
type stage struct {
	root    string // of the sources
	scratch string
	config  string // the copy of the example, which Dragoman serves
	example string
	out     io.Writer
	died    context.CancelCauseFunc // called when a process ends

	xds, admin, listener int
	status               int // of Dragoman's admin address
	upstreams            *upstreams
	processes            []*process
}

// newStage copies the example, starts its upstreams and settles all ports.
func newStage(root, scratch, example string, out io.Writer) (*stage, error) {
	s := &stage{
		root:    root,
		scratch: scratch,
		config:  filepath.Join(scratch, example),
		example: example,
		out:     out,
	}
	source := filepath.Join(root, "examples", example)
	if _, err := os.Stat(filepath.Join(source, "README.md")); err != nil {
		return nil, fmt.Errorf("there is no example %q; see the directories of examples", example)
	}
	if err := os.CopyFS(s.config, os.DirFS(source)); err != nil {
		return nil, fmt.Errorf("copying the example: %w", err)
	}
	var err error
	if s.xds, err = s.port("xDS", xdsPort, "127.0.0.1", "::1"); err != nil {
		return nil, err
	}
	if s.status, err = s.port("Dragoman's admin address", statusPort, "127.0.0.1", "::1"); err != nil {
		return nil, err
	}
	if s.admin, err = s.port("Envoy's admin endpoint", adminPort, "127.0.0.1"); err != nil {
		return nil, err
	}
	if err := s.moveListeners(); err != nil {
		return nil, err
	}
	s.upstreams, err = s.startUpstreams()
	return s, err
}

// Other ports are taken from below those that systems give to outgoing
// connections: within these any connection could be faster than Envoy.
const (
	firstPort = 30000
	portCount = 2000
)

// port returns the documented port, or a free one if that is taken.
func (s *stage) port(what string, documented int, hosts ...string) (int, error) {
	if idle(documented, hosts...) {
		return documented, nil
	}
	start := rand.IntN(portCount)
	for i := range portCount {
		if port := firstPort + (start+i)%portCount; idle(port, hosts...) {
			fmt.Fprintf(s.out, "Port %d is taken: %s is at %d.\n", documented, what, port)
			return port, nil
		}
	}
	return 0, fmt.Errorf("no port is free for %s", what)
}

// idle tells whether nobody listens on a port. A host that this machine does
// not have is no hindrance.
func idle(port int, hosts ...string) bool {
	for _, host := range hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
		if err == nil {
			l.Close()
		} else if taken(err) {
			return false
		}
	}
	return true
}

// start builds and starts Dragoman, then Envoy, and waits for an answer.
func (s *stage) start(ctx context.Context, envoy string) error {
	fmt.Fprintln(s.out, "Building Dragoman …")
	dragoman := filepath.Join(s.scratch, "dragoman")
	build := exec.CommandContext(ctx, "go", "build", "-o", dragoman, "./cmd/dragoman")
	build.Dir, build.Stderr = s.root, s.out
	if err := build.Run(); err != nil {
		return fmt.Errorf("building Dragoman: %w", err)
	}
	bootstrap, err := s.bootstrap()
	if err != nil {
		return err
	}
	serve := exec.Command(dragoman, "serve", s.config, "--listen", fmt.Sprintf("localhost:%d", s.xds),
		"--admin", fmt.Sprintf("localhost:%d", s.status))
	if err := s.launch("Dragoman", "dragoman", serve, &news{out: s.out}); err != nil {
		return err
	}
	proxy := exec.Command(envoy, "-c", bootstrap, "--disable-hot-restart", "--concurrency", "2", "--log-level", "warning")
	if err := s.launch("Envoy", "envoy", proxy, nil); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "Waiting for Envoy …")
	_, err = s.await(ctx, "Envoy does not answer", func(answer) bool { return true })
	return err
}

// launch starts a process whose output goes to files in the scratch directory.
func (s *stage) launch(name, file string, cmd *exec.Cmd, news io.Writer) error {
	p, err := startProcess(name, filepath.Join(s.scratch, file), cmd, news)
	if err != nil {
		return err
	}
	s.processes = append(s.processes, p)
	go func() {
		<-p.ended
		s.died(fmt.Errorf("%s has ended: %w\n%s", name, cmp.Or(p.err, errors.New("by itself")), p.lastWords()))
	}()
	return nil
}

// stop ends everything, the last started first.
func (s *stage) stop() {
	for _, p := range slices.Backward(s.processes) {
		p.stop()
	}
	if s.upstreams != nil {
		s.upstreams.stop()
	}
}

// why is the reason for the end where there is a better one than err.
func (s *stage) why(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
