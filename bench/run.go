package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"dragoman/bench/site"
)

const (
	// patience is how long anything is waited for.
	patience = 5 * time.Minute
	// calm is left between an edit that has arrived and the next, in which a
	// subject ends what it does for the first.
	calm = 60 * time.Millisecond
	// quiet is how long Dragoman waits after a write in place. It is its default,
	// and told to it all the same, so that it can be taken off here.
	quiet = 100 * time.Millisecond
)

// A run measures all subjects with one number of services.
type run struct {
	options

	scratch  string
	programs string
	envoy    string
	n        int

	upstream int
	subjects []*subject
	marks    int
	table    *table
}

// steps are the words of what is measured, in this order.
func steps() []string { return []string{"cold", "memory", "push", "traffic", "burst", "fanout"} }

// measure takes the steps that were asked for.
func (r *run) measure(ctx context.Context) error {
	for _, k := range r.kinds {
		if why := k.missing(); why != "" {
			r.table.skip(k.word, why)
		}
	}
	var err error
	if r.upstream, err = upstream(ctx); err != nil {
		return err
	}
	defer func() {
		for _, s := range r.subjects {
			s.stop()
		}
	}()
	does := map[string]func(context.Context) error{
		"cold": r.cold, "memory": r.memory, "push": r.pushes, "traffic": r.traffic, "burst": r.bursts, "fanout": r.fanouts,
	}
	for _, name := range r.steps {
		began := time.Now()
		if err := does[name](ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(os.Stderr, "bench: %d services: %s: %s\n", r.n, name, time.Since(began).Round(time.Second))
	}
	return nil
}

// some are the kinds that were asked for, can be measured and fit.
func (r *run) some(fit func(kind) bool) []kind {
	var out []kind
	for _, k := range r.kinds {
		if k.missing() == "" && fit(k) {
			out = append(out, k)
		}
	}
	return out
}

// servers are the subjects of some kinds, which are started if they are not
// there yet.
func (r *run) servers(ctx context.Context, fit func(kind) bool) ([]*subject, error) {
	var out []*subject
	for _, k := range r.some(fit) {
		i := slices.IndexFunc(r.subjects, func(s *subject) bool { return s.kind.word == k.word })
		if i >= 0 {
			out = append(out, r.subjects[i])
			continue
		}
		s, err := r.subject(ctx, k)
		if err != nil {
			return nil, err
		}
		r.subjects = append(r.subjects, s)
		if err := s.launch(ctx, r.scratch, r.programs); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// subject is one on a directory of its own, not started.
func (r *run) subject(ctx context.Context, k kind) (*subject, error) {
	dir, err := os.MkdirTemp(r.scratch, k.word+"-")
	if err != nil {
		return nil, err
	}
	var ports [3]int
	for i := range ports {
		if ports[i], err = freePort(ctx); err != nil {
			return nil, err
		}
	}
	s := &subject{
		kind: k, name: k.word,
		site:    site.Site{Dir: dir, N: r.n, Listener: ports[0], Upstream: r.upstream, Discovery: k.discovery},
		address: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[1])),
		admin:   net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[2])),
	}
	return s, s.site.Write()
}

// launch starts the server of a subject, and waits until it serves.
func (s *subject) launch(ctx context.Context, scratch, programs string) error {
	program, args := s.kind.command(programs, s.site.Dir, s.address, s.admin)
	if err := s.start(scratch, program, args...); err != nil {
		return err
	}
	return s.ready(ctx)
}

// client is one that has everything that the subject serves.
func (r *run) client(ctx context.Context, s *subject, node string) (*client, error) {
	c, err := dial(ctx, s, node)
	if err != nil {
		return nil, err
	}
	known, err := c.everything(r.n, s.interest)
	if err != nil {
		c.close()
		return nil, fmt.Errorf("%s: %w (its log is %s)", s.name, err, s.logs)
	}
	if s.interest == nil { // else there may be others at the same time
		s.interest = known
	}
	return c, nil
}

// mark is an address that was in no file before.
func (r *run) mark() string {
	i := r.marks
	r.marks++
	high, low := spread(i % 22500)
	return fmt.Sprintf("127.%d.%d.%d", 100+i/22500, high, low)
}

// any is the index of some service.
func (r *run) any() int { return rand.IntN(r.n) }

// rounds lets all take turns, so often. One that would need more than a while in
// all has fewer turns, one at the least.
func rounds[T comparable](count int, while time.Duration, who []T, turn func(T) error) error {
	spent := map[T]time.Duration{}
	for i := range count {
		for _, w := range who {
			if each := spent[w] / time.Duration(max(i, 1)); i > 0 && spent[w]+each > while {
				spent[w] = while // and no turn again
				continue
			}
			began := time.Now()
			if err := turn(w); err != nil {
				return err
			}
			spent[w] += time.Since(began)
		}
	}
	return nil
}

// pause lets time pass. Nothing is waited for: this is a measurement.
func pause(d time.Duration) { <-time.After(d) }

// median of what was measured.
func median[T int64 | time.Duration](in []T) T {
	sorted := slices.Sorted(slices.Values(in))
	return sorted[len(sorted)/2]
}

// plainName is a name that fits into one of a file.
func plainName(name string) string { return strings.ReplaceAll(filepath.Base(name), " ", "-") }
