package main

import (
	"context"
	"fmt"
	"time"

	"dragoman/bench/site"
)

// An edit is one kind of change to one service.
type edit struct {
	name  string
	of    func(old site.Service, mark string) site.Service
	write func(*site.Site, int, site.Service) error
	raw   bool // measured with raw clients alone
}

func endpoint(old site.Service, mark string) site.Service {
	old.Address = mark
	return old
}

func route(old site.Service, mark string) site.Service {
	old.Revision = mark
	return old
}

func edits() []edit {
	return []edit{
		{name: "endpoint edit", of: endpoint, write: (*site.Site).Replace},
		{name: "route edit", of: route, write: (*site.Site).Replace},
		{name: inPlace, of: endpoint, write: (*site.Site).Overwrite, raw: true},
	}
}

const (
	inPlace      = "endpoint edit in place"
	pushWhile    = 90 * time.Second // for all edits of one kind in one subject
	withoutQuiet = ", less the quiet time of 100 ms"
)

// pushes measures from the rename or write of a file to the arrival at a
// client, the subjects in turn.
func (r *run) pushes(ctx context.Context) error {
	servers, err := r.servers(ctx, kind.serves)
	if err != nil {
		return err
	}
	clients := map[*subject][]*client{}
	for _, s := range servers {
		c, err := r.client(ctx, s, "push")
		if err != nil {
			return err
		}
		defer c.close()
		clients[s] = []*client{c}
	}
	for _, e := range edits() {
		stop := r.profiles(ctx, servers, "push "+e.name)
		m := meters{}
		err := rounds(r.edits, pushWhile, servers, func(s *subject) error {
			if err := m.read(r, s, clients[s], e.name); err != nil {
				return err
			}
			took, err := r.reach(s, clients[s], e)
			if err != nil {
				return err
			}
			r.table.add(s.kind.word, e.name+" → push", r.n, took)
			if e.name == inPlace && s.kind.role == dragoman {
				r.table.add(s.kind.word, e.name+" → push"+withoutQuiet, r.n, took-quiet)
			}
			pause(calm)
			return nil
		})
		if err != nil {
			return err
		}
		pause(2 * quiet)
		for _, s := range servers {
			if err := m.read(r, s, clients[s], e.name); err != nil {
				return err
			}
		}
		if err := stop(); err != nil {
			return err
		}
	}
	return nil
}

// reach makes one edit and waits until the last client has it.
func (r *run) reach(s *subject, clients []*client, e edit) (time.Duration, error) {
	mark := r.mark()
	for _, c := range clients {
		c.look(mark)
	}
	i := r.any()
	next := e.of(s.site.Now(i), mark)
	began := time.Now()
	if err := e.write(&s.site, i, next); err != nil {
		return 0, err
	}
	last := began
	for _, c := range clients {
		at, err := c.await(patience)
		if err != nil {
			return 0, fmt.Errorf("%s: %s: %w (its log is %s)", s.name, e.name, err, s.logs)
		}
		if at.After(last) {
			last = at
		}
	}
	return last.Sub(began), nil
}

// meters have what each subject had used and sent when its turn began. What it
// does for an edit is counted until its next turn, so that nothing which it does
// later than others is left out; an idle subject's timers are in it as well.
type meters map[*subject]reading

type reading struct {
	cpu   time.Duration
	bytes int64
}

// read counts what there was since the last reading, if there was one.
func (m meters) read(r *run, s *subject, clients []*client, figure string) error {
	var now reading
	var err error
	if now.cpu, err = s.cpu(); err != nil {
		return err
	}
	for _, c := range clients {
		now.bytes += c.bytes.Load()
	}
	if last, ok := m[s]; ok {
		r.table.add(s.kind.word, figure+": CPU", r.n, now.cpu-last.cpu)
		r.table.count(s.kind.word, figure+": bytes", r.n, now.bytes-last.bytes)
	}
	m[s] = now
	return nil
}
