package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/bench/site"
)

// patience is how long anything is waited for.
const patience = 2 * time.Minute

// calm is left between an edit that has arrived and the next, in which a
// subject ends what it does for the first, and its processor time is counted.
const calm = 60 * time.Millisecond

// A run measures all subjects with one number of services.
type run struct {
	scratch  string
	programs string
	envoy    string
	n, edits int
	fanouts  []int

	upstream int
	subjects []*subject
	marks    int
	table    *table
}

// names of the subjects.
const (
	ours      = "dragoman delta"
	oursSotw  = "dragoman SotW"
	bare      = "bare loop"
	cache     = "SnapshotCache delta"
	cacheSotw = "SnapshotCache SotW"
	files     = "Envoy's own files"
)

// mark is an address that was in no file before.
func (r *run) mark() string {
	i := r.marks
	r.marks++
	return fmt.Sprintf("127.%d.%d.%d", 100+i/22500, 100+i/150%150, 100+i%150)
}

// measure does everything for one number of services.
func (r *run) measure(ctx context.Context) error {
	var err error
	if r.upstream, err = upstream(ctx); err != nil {
		return err
	}
	defer func() {
		for _, s := range r.subjects {
			s.stop()
		}
	}()
	for _, step := range []func(context.Context) error{r.start, r.pushes, r.traffic, r.burst, r.fanout, r.memory} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// start starts the control planes, each alone, and tells how long each took
// until a client had all clusters.
func (r *run) start(ctx context.Context) error {
	for _, name := range []string{ours, oursSotw, bare, cache, cacheSotw} {
		s, err := r.subject(ctx, name)
		if err != nil {
			return err
		}
		c, err := dial(ctx, s.address, s.delta, "cold")
		if err != nil {
			return err
		}
		if err := c.fill(resourcev3.ClusterType, patience); err != nil {
			return fmt.Errorf("%s: %w (its log is %s)", name, err, s.logs)
		}
		r.table.add(name, "cold start", r.n, time.Since(s.started))
		c.close()
	}
	return nil
}

// subject starts one control plane on a directory of its own.
func (r *run) subject(ctx context.Context, name string) (*subject, error) {
	dir, err := makeDir(r.scratch, name)
	if err != nil {
		return nil, err
	}
	listener, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &subject{
		name:    name,
		site:    site.Site{Dir: dir, N: r.n, Listener: listener, Upstream: r.upstream},
		address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		delta:   name != oursSotw && name != cacheSotw,
	}
	r.subjects = append(r.subjects, s)
	if err := s.site.Write(); err != nil {
		return nil, err
	}
	switch name {
	case bare:
		err = s.start(r.scratch, filepath.Join(r.programs, "bareloop"), dir, s.address)
	case cache, cacheSotw:
		err = s.start(r.scratch, filepath.Join(r.programs, "snapshotcache"), dir, s.address)
	default:
		err = s.start(r.scratch, filepath.Join(r.programs, "dragoman"), "serve", dir, "--listen", s.address, "--admin", "off", "--log-level", "warn")
	}
	return s, err
}

// client is one that has everything that the subject serves.
func (r *run) client(ctx context.Context, s *subject, node string) (*client, error) {
	c, err := dial(ctx, s.address, s.delta, node)
	if err != nil {
		return nil, err
	}
	if err := c.fill(resourcev3.ClusterType, patience); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	clusters, tables := make([]string, r.n), []string{"http"}
	for i := range clusters {
		clusters[i] = site.Name(i)
	}
	if s.name == bare {
		tables = clusters
	}
	for typeURL, names := range map[string][]string{resourcev3.EndpointType: clusters, resourcev3.RouteType: tables} {
		if err := c.subscribe(typeURL, names); err != nil {
			return nil, err
		}
		if err := c.fill(typeURL, patience); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return c, nil
}

// An edit is one kind of change to one service.
type edit struct {
	name string
	of   func(mark string) site.Service
}

func edits() []edit {
	return []edit{
		{"endpoint", func(mark string) site.Service { return site.Service{Address: mark, Revision: "first"} }},
		{"route", func(mark string) site.Service { return site.Service{Address: "127.0.0.1", Revision: mark} }},
	}
}

// pushes measures from the rename of a file to the arrival at a client, the
// subjects in turn.
func (r *run) pushes(ctx context.Context) error {
	clients := map[*subject]*client{}
	for _, s := range r.subjects {
		c, err := r.client(ctx, s, "push")
		if err != nil {
			return err
		}
		defer c.close()
		clients[s] = c
	}
	for _, e := range edits() {
		for range r.edits {
			for _, s := range r.subjects {
				if err := r.push(s, clients[s], e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *run) push(s *subject, c *client, e edit) error {
	mark := r.mark()
	before, err := s.cpu()
	if err != nil {
		return err
	}
	had := c.bytes.Load()
	c.look(mark)
	began := time.Now()
	if err := s.site.Replace(rand.IntN(r.n), e.of(mark)); err != nil {
		return err
	}
	at, err := c.await(patience)
	if err != nil {
		return fmt.Errorf("%s: %s edit: %w", s.name, e.name, err)
	}
	pause(calm)
	after, err := s.cpu()
	if err != nil {
		return err
	}
	r.table.add(s.name, e.name+" edit → push", r.n, at.Sub(began))
	r.table.add(s.name, e.name+" edit: CPU", r.n, after-before)
	r.table.count(s.name, e.name+" edit: bytes", r.n, c.bytes.Load()-had)
	return nil
}

// burst replaces a thousand files at once.
func (r *run) burst(ctx context.Context) error {
	size := min(1000, r.n)
	for _, s := range r.subjects {
		c, err := r.client(ctx, s, "burst")
		if err != nil {
			return err
		}
		const prefix = "127.99."
		c.tally(prefix, size)
		before, err := s.cpu()
		if err != nil {
			return err
		}
		began := time.Now()
		for i := range size {
			address := fmt.Sprintf("%s%d.%d", prefix, 100+i/150, 100+i%150)
			if err := s.site.Overwrite(i, site.Service{Address: address, Revision: "first"}); err != nil {
				return err
			}
		}
		at, err := c.await(patience)
		if err != nil {
			return fmt.Errorf("%s: burst: %w", s.name, err)
		}
		pause(10 * calm)
		after, err := s.cpu()
		if err != nil {
			return err
		}
		c.close()
		r.table.add(s.name, "burst of "+strconv.Itoa(size), r.n, at.Sub(began))
		r.table.add(s.name, "burst: CPU", r.n, after-before)
	}
	return nil
}

// fanout measures one edit with many clients, one subject after the other.
func (r *run) fanout(ctx context.Context) error {
	for _, w := range r.fanouts {
		for _, s := range r.subjects {
			if err := r.fan(ctx, s, w); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) fan(ctx context.Context, s *subject, w int) error {
	var clients []*client
	defer func() {
		for _, c := range clients {
			c.close()
		}
	}()
	for i := range w {
		c, err := r.client(ctx, s, fmt.Sprint("fan-", i))
		if err != nil {
			return err
		}
		clients = append(clients, c)
	}
	for range max(3, r.edits/3) {
		mark := r.mark()
		for _, c := range clients {
			c.look(mark)
		}
		before, err := s.cpu()
		if err != nil {
			return err
		}
		began := time.Now()
		if err := s.site.Replace(rand.IntN(r.n), edits()[0].of(mark)); err != nil {
			return err
		}
		last := began
		for _, c := range clients {
			at, err := c.await(patience)
			if err != nil {
				return fmt.Errorf("%s: %d clients: %w", s.name, w, err)
			}
			if at.After(last) {
				last = at
			}
		}
		pause(5 * calm)
		after, err := s.cpu()
		if err != nil {
			return err
		}
		r.table.add(s.name, fmt.Sprintf("%d clients: last has the edit", w), r.n, last.Sub(began))
		r.table.add(s.name, fmt.Sprintf("%d clients: CPU", w), r.n, after-before)
	}
	return nil
}

// memory is the peak of each process, at the end of everything.
func (r *run) memory(context.Context) error {
	for _, s := range r.subjects {
		if s.name == files {
			continue // it has no control plane
		}
		n, err := s.peak()
		if err != nil {
			return err
		}
		r.table.count(s.name, "peak RSS", r.n, n)
	}
	return nil
}

// traffic measures from the rename of a file to an answer through a real Envoy,
// the subjects in turn. The service is always one: what is asked must be known.
func (r *run) traffic(ctx context.Context) error {
	envoys, err := r.envoys(ctx)
	defer func() {
		for _, e := range envoys {
			e.process.stop()
		}
	}()
	if err != nil {
		return err
	}
	for _, e := range edits() {
		for range r.edits {
			for _, v := range envoys {
				mark := r.mark()
				if err := v.prepare(e.of(mark)); err != nil {
					return err
				}
				began := time.Now()
				if err := v.commit(); err != nil {
					return err
				}
				at, err := v.prober.until(ctx, " "+mark+" ")
				if err != nil {
					return fmt.Errorf("%s: %s edit: %w", v.name, e.name, err)
				}
				r.table.add(v.name, e.name+" edit → traffic", r.n, at.Sub(began))
				pause(calm)
			}
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
