package faults_test

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// How the load is made: some clients that keep their connection, one that
// opens another for each request, each at its pace if it is answered in time.
const (
	keepers   = 2
	keepPace  = 2 * time.Millisecond
	freshPace = 5 * time.Millisecond
	timeout   = 10 * time.Second // a request that takes longer has failed
)

// A target is a host that is asked for, and what it must answer.
type target struct {
	host    string
	check   func(status int, header http.Header, body string) error
	address string // the load's if empty
}

// A load asks its targets in turn until it is stopped. It speaks HTTP/1.1 on
// connections of its own, since http.Client tries some requests again without
// a word.
type load struct {
	targets []target

	stopping chan struct{}
	clients  sync.WaitGroup

	asked, answered atomic.Int64
	closed          atomic.Int64 // kept connections that did not last

	mu       sync.Mutex
	failures map[string]int // by what went wrong
}

// begin starts a load, which ends with the test at the latest.
func begin(t *testing.T, address string, targets ...target) *load {
	t.Helper()
	l := &load{targets: slices.Clone(targets), stopping: make(chan struct{}), failures: map[string]int{}}
	for i := range l.targets {
		l.targets[i].address = cmp.Or(l.targets[i].address, address)
	}
	for i := range keepers {
		l.clients.Go(func() { l.keep(i) })
	}
	l.clients.Go(l.fresh)
	t.Cleanup(l.stop)
	return l
}

// stop ends the load. What is in flight is waited for, and counts.
func (l *load) stop() {
	select {
	case <-l.stopping:
	default:
		close(l.stopping)
	}
	l.clients.Wait()
}

// keep asks on one connection to each address as long as that lasts.
func (l *load) keep(first int) {
	kept := map[string]*connection{}
	defer func() {
		for _, c := range kept {
			c.close()
		}
	}()
	l.paced(keepPace, first, func(t target) {
		l.count(t, func() (err error) {
			c := kept[t.address]
			if c == nil {
				if c, err = dial(t.address); err != nil {
					return err
				}
				kept[t.address] = c
			}
			lasts, err := c.ask(t)
			if !lasts {
				c.close()
				delete(kept, t.address)
				l.closed.Add(1)
			}
			return err
		})
	})
}

// fresh opens a connection for each request.
func (l *load) fresh() {
	l.paced(freshPace, 0, func(t target) {
		l.count(t, func() error {
			conn, err := dial(t.address)
			if err != nil {
				return err
			}
			defer conn.close()
			_, err = conn.ask(t)
			return err
		})
	})
}

// paced asks the targets in turn until the load is stopped.
func (l *load) paced(pace time.Duration, first int, ask func(target)) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for i := first; ; i++ {
		select {
		case <-l.stopping:
			return
		case <-ticker.C:
		}
		select {
		case <-l.stopping: // both may be ready
			return
		default:
			ask(l.targets[i%len(l.targets)])
		}
	}
}

func (l *load) count(t target, ask func() error) {
	l.asked.Add(1)
	begin := time.Now()
	err := ask()
	l.answered.Add(1)
	if err == nil {
		return
	}
	words := t.host + ": " + err.Error()
	if took := time.Since(begin); took > time.Second {
		words += fmt.Sprintf(" after %d s", int(took.Seconds()))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures[words]++
}

// failed counts the failures.
func (l *load) failed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, times := range l.failures {
		n += times
	}
	return n
}

// words tells the failures, the most frequent first.
func (l *load) words() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	kinds := slices.SortedFunc(maps.Keys(l.failures), func(a, b string) int { return l.failures[b] - l.failures[a] })
	var out []string
	for _, k := range kinds[:min(len(kinds), 10)] {
		out = append(out, fmt.Sprintf("%d × %s", l.failures[k], k))
	}
	return strings.Join(out, "\n")
}

// A connection is one of a client's own, for HTTP/1.1.
type connection struct {
	net.Conn

	r *bufio.Reader
}

func dial(address string) (*connection, error) {
	c, err := net.DialTimeout("tcp", address, timeout)
	if err != nil {
		return nil, plain(err)
	}
	return &connection{Conn: c, r: bufio.NewReader(c)}, nil
}

func (c *connection) close() {
	_ = c.Close() // all that was asked for has been read, or the failure is counted
}

// ask sends one request and reads its answer. It also says whether the
// connection may be used for another.
func (c *connection) ask(t target) (lasts bool, err error) {
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return false, plain(err)
	}
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", t.host); err != nil {
		return false, plain(err)
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return false, plain(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, plain(err)
	}
	return !resp.Close, t.check(resp.StatusCode, resp.Header, string(body))
}

// plain is an error without the ports, so that equal failures count together.
func plain(err error) error {
	if op, ok := err.(*net.OpError); ok { //nolint:errorlint // it is never wrapped here, and what it wraps is the point
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	return err
}

// says is a check for 200 and a body.
func says(want string) func(int, http.Header, string) error {
	return func(status int, _ http.Header, body string) error {
		if status != http.StatusOK {
			return fmt.Errorf("status %d %.60s", status, body)
		}
		if body != want {
			return fmt.Errorf("body %.60q, want %q", body, want)
		}
		return nil
	}
}
