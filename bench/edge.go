package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"dragoman/bench/site"
)

const trafficWhile = 90 * time.Second // for all edits of one kind in one subject

// An edge is a proxy of a subject, with somebody who asks it.
type edge struct {
	word    string
	process *subject
	prober  *prober
	prepare func(edit, string) error // everything of an edit but
	commit  func() error             // the rename
}

// traffic measures from the rename of a file to an answer through a real proxy,
// the subjects in turn. The service is always one: what is asked must be known.
func (r *run) traffic(ctx context.Context) error {
	edges, err := r.edges(ctx)
	defer func() {
		for _, e := range edges {
			e.process.stop()
		}
	}()
	if err != nil {
		return err
	}
	for _, kind := range edits() {
		if kind.raw {
			continue
		}
		err := rounds(r.edits, trafficWhile, edges, func(e *edge) error {
			mark := r.mark()
			if err := e.prepare(kind, mark); err != nil {
				return err
			}
			pause(calm) // what was written beside the file has been heard of
			began := time.Now()
			if err := e.commit(); err != nil {
				return err
			}
			at, err := e.prober.until(ctx, " "+mark+" ")
			if err != nil {
				return fmt.Errorf("%s: %s: %w (its log is %s)", e.word, kind.name, err, e.process.logs)
			}
			r.table.add(e.word, kind.name+" → traffic", r.n, at.Sub(began))
			pause(calm)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// edges starts a proxy for each subject that has one, and waits until all answer,
// with whatever address earlier edits have left.
func (r *run) edges(ctx context.Context) ([]*edge, error) {
	var out []*edge
	servers, err := r.servers(ctx, kind.routes)
	if err != nil {
		return nil, err
	}
	for _, s := range servers {
		e, err := r.edge(s)
		if err != nil {
			return out, err
		}
		out = append(out, e)
	}
	for _, k := range r.some(func(k kind) bool { return k.role == ownFiles || k.role == nginx }) {
		e, err := r.alone(ctx, k)
		if err != nil {
			return out, err
		}
		out = append(out, e)
	}
	for _, e := range out {
		if _, err := e.prober.until(ctx, " 127."); err != nil {
			return out, fmt.Errorf("%s: its proxy does not answer, see %s", e.word, e.process.logs)
		}
	}
	return out, nil
}

// edge is an Envoy of a server.
func (r *run) edge(s *subject) (*edge, error) {
	bootstrap, err := envoyADS(s)
	if err != nil {
		return nil, err
	}
	process, err := startEnvoy(r.scratch, "envoy of "+s.name, r.envoy, bootstrap)
	if err != nil {
		return nil, err
	}
	index, next := r.n/2, ""
	return &edge{
		word: s.kind.word, process: process, prober: newProber(s.site.Listener, index),
		prepare: func(e edit, mark string) (err error) {
			next, err = s.site.Prepare(index, e.of(s.site.Now(index), mark))
			return err
		},
		commit: func() error { return os.Rename(next, s.site.Path(index)) },
	}, nil
}

// alone is a proxy that reads files of its own, which hold what all the others
// are served.
func (r *run) alone(ctx context.Context, k kind) (*edge, error) {
	dir, err := os.MkdirTemp(r.scratch, k.word+"-")
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	own := &fileSet{dir: dir, n: r.n, index: r.n / 2, upstream: r.upstream, port: port}
	start := r.envoyAlone
	switch k.word {
	case filesYAML:
		own.form = yamlForm()
	case filesJSON:
		own.form = jsonForm()
	default:
		own.contents, start = own.nginx, r.nginx
	}
	if own.contents == nil {
		own.contents = own.envoy
	}
	if err := own.prepare(site.First()); err != nil {
		return nil, err
	}
	if err := own.commit(); err != nil {
		return nil, err
	}
	process, reload, err := start(k.word, own)
	return &edge{
		word: k.word, process: process, prober: newProber(port, own.index),
		prepare: func(e edit, mark string) error { return own.prepare(e.of(own.now, mark)) },
		commit: func() error {
			if err := own.commit(); err != nil {
				return err
			}
			return reload()
		},
	}, err
}
