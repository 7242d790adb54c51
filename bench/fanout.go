package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	fanWhile = 60 * time.Second // for all edits of one subject
	// most is how many services × clients are measured at all, and mostEach where
	// the server keeps or sends all services for each client.
	most     = 10_000_000
	mostEach = 1_000_000
)

// fanouts measure one edit with many clients. One client is what pushes are.
func (r *run) fanouts(ctx context.Context) error {
	for _, w := range r.fans {
		if w == 1 || r.n*w > most {
			continue
		}
		if err := r.fanout(ctx, w); err != nil {
			return fmt.Errorf("%d clients: %w", w, err)
		}
	}
	return nil
}

func (r *run) fanout(ctx context.Context, w int) error {
	servers, err := r.servers(ctx, func(k kind) bool {
		return k.forms() && (r.n*w <= mostEach || !k.sotw && k.role != snapshotCache)
	})
	if err != nil {
		return err
	}
	clients := map[*subject][]*client{}
	defer func() {
		for _, all := range clients {
			closeAll(all)
		}
	}()
	for _, s := range servers {
		began := time.Now()
		clients[s], err = r.clients(ctx, s, w)
		if err != nil {
			return err
		}
		r.table.add(s.kind.word, fmt.Sprintf("%d clients: all of them have everything", w), r.n, time.Since(began))
	}
	figure := fmt.Sprintf("%d clients: endpoint edit", w)
	stop := r.profiles(ctx, servers, figure)
	m := meters{}
	err = rounds(r.edits, fanWhile, servers, func(s *subject) error {
		if err := m.read(r, s, clients[s], figure); err != nil {
			return err
		}
		took, err := r.reach(s, clients[s], edits()[0])
		if err != nil {
			return err
		}
		r.table.add(s.kind.word, figure+" → the last has it", r.n, took)
		pause(2 * calm)
		return nil
	})
	if err != nil {
		return err
	}
	pause(2 * quiet)
	for _, s := range servers {
		if err := m.read(r, s, clients[s], figure); err != nil {
			return err
		}
		rss, err := s.memory("VmRSS")
		if err != nil {
			return err
		}
		r.table.count(s.kind.word, fmt.Sprintf("%d clients: RSS", w), r.n, rss)
	}
	return stop()
}

// clients are so many that have everything. The first learns what there is to be
// asked for, then some at a time come.
func (r *run) clients(ctx context.Context, s *subject, w int) ([]*client, error) {
	out := make([]*client, w)
	var g errgroup.Group
	g.SetLimit(8)
	for i := range out {
		join := func() (err error) {
			out[i], err = r.client(ctx, s, fmt.Sprint("client-", i))
			return err
		}
		if i > 0 {
			g.Go(join)
		} else if err := join(); err != nil {
			return nil, err
		}
	}
	return out, g.Wait()
}

func closeAll(clients []*client) {
	for _, c := range clients {
		if c != nil {
			c.close()
		}
	}
}
