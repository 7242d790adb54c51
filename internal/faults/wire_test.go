package faults_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A wire is a TCP proxy in front of the control plane that can be cut.
type wire struct {
	l  net.Listener
	to string

	// gate is held by whoever lets nothing through. It is taken for reading
	// around each piece that is passed on.
	gate sync.RWMutex

	mu     sync.Mutex
	down   bool // whoever comes is turned away
	pairs  map[*pair]struct{}
	copies sync.WaitGroup
}

// A pair is one connection of Envoy's and the one that goes with it.
type pair struct{ envoy, server net.Conn }

// lay makes a wire to an address that ends with the test.
func lay(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{l: l, to: to, pairs: map[*pair]struct{}{}}
	w.copies.Go(w.accept)
	t.Cleanup(func() {
		l.Close()
		w.reset()
		w.copies.Wait()
	})
	return w
}

func (w *wire) port() int { return w.l.Addr().(*net.TCPAddr).Port }

func (w *wire) accept() {
	for {
		c, err := w.l.Accept()
		if err != nil {
			return // the test has ended
		}
		w.copies.Go(func() { w.connect(c) })
	}
}

func (w *wire) connect(c net.Conn) {
	w.gate.RLock()
	server, err := net.Dial("tcp", w.to)
	w.gate.RUnlock()
	if err != nil {
		abort(c)
		return
	}
	p := &pair{c, server}
	if !w.add(p) {
		abort(c)
		abort(server)
		return
	}
	w.copies.Go(func() { w.pass(p.envoy, p.server) })
	w.pass(p.server, p.envoy)
}

func (w *wire) add(p *pair) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return false
	}
	w.pairs[p] = struct{}{}
	return true
}

// pass copies from one side to the other. A side that has gone is told of to
// the other one only when that sends something, as a host does that was
// restarted meanwhile: until then the connection is half open.
func (w *wire) pass(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		w.gate.RLock()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				abort(from)
			}
		}
		w.gate.RUnlock()
		if err == io.EOF { //nolint:errorlint // a reader returns it as it is
			abort(to)
		}
		if err != nil {
			return
		}
	}
}

// block lets nothing through, in either direction, until unblock. Connections
// are accepted by the kernel, and nobody answers.
func (w *wire) block()   { w.gate.Lock() }
func (w *wire) unblock() { w.gate.Unlock() }

// refuse turns everybody away, or no longer.
func (w *wire) refuse(down bool) {
	w.mu.Lock()
	w.down = down
	w.mu.Unlock()
	if down {
		w.reset()
	}
}

// reset ends both sides of each connection.
func (w *wire) reset() {
	for _, p := range w.take() {
		abort(p.envoy)
		abort(p.server)
	}
}

// lose ends one side of each connection and leaves the other one open.
func (w *wire) lose(side func(*pair) net.Conn) {
	for _, p := range w.take() {
		abort(side(p))
	}
}

func (w *wire) take() []*pair {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*pair
	for p := range w.pairs {
		out = append(out, p)
	}
	clear(w.pairs)
	return out
}

// abort ends a connection with a reset.
func abort(c net.Conn) {
	if c, ok := c.(*net.TCPConn); ok {
		_ = c.SetLinger(0) // it may be closed
	}
	_ = c.Close()
}
