package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

const (
	coldCount = 7
	coldWhile = 40 * time.Second // for all starts of one subject
	listeners = 10               // clients of the measurement of memory
)

// cold measures the start of each server, and what such a start cannot leave
// out. The files were written just now: they are in the page cache.
func (r *run) cold(ctx context.Context) error {
	var who []*subject
	for _, k := range r.some(func(k kind) bool { return k.plain() || k.role == onlyParts }) {
		s, err := r.subject(ctx, k)
		if err != nil {
			return err
		}
		who = append(who, s)
	}
	return rounds(min(r.edits, coldCount), coldWhile, who, func(s *subject) error {
		if s.kind.role == onlyParts {
			return r.coldParts(ctx, s)
		}
		return r.coldStart(ctx, s)
	})
}

// coldStart is from exec until there is something to serve, and until a client
// that asks as Envoy does has all of it.
func (r *run) coldStart(ctx context.Context, s *subject) error {
	defer s.stop()
	program, args := s.kind.command(r.programs, s.site.Dir, s.address, s.admin)
	if err := s.start(r.scratch, program, args...); err != nil {
		return err
	}
	stop := r.profile(ctx, s, "cold")
	if err := s.ready(ctx); err != nil {
		return err
	}
	ready := time.Since(s.started)
	used, err := s.cpu()
	if err != nil {
		return err
	}
	c, err := dial(ctx, s, "cold")
	if err != nil {
		return err
	}
	defer c.close()
	if _, err := c.everything(r.n, nil); err != nil {
		return fmt.Errorf("%s: %w (its log is %s)", s.name, err, s.logs)
	}
	r.table.add(s.kind.word, "cold start: ready", r.n, ready)
	r.table.add(s.kind.word, "cold start: CPU until ready", r.n, used)
	r.table.add(s.kind.word, "cold start: a client has everything", r.n, time.Since(s.started))
	return stop()
}

// coldParts is from exec to exit, with what takes the most of it.
func (r *run) coldParts(ctx context.Context, s *subject) error {
	began := time.Now()
	c, used, err := r.parts(ctx, s.site.Dir)
	if err != nil {
		return err
	}
	r.table.add(parts, "cold start: ready", r.n, time.Since(began))
	r.table.add(parts, "cold start: CPU until ready", r.n, used)
	r.table.add(parts, "of that: reading", r.n, c.Read)
	r.table.add(parts, "of that: yaml.v3 to nodes", r.n, c.Parse)
	r.table.add(parts, "of that: schema", r.n, c.Schema)
	r.table.add(parts, "of that: protos, marshalled", r.n, c.Protos)
	return nil
}

// costs are what parts prints.
type costs struct {
	Read, Parse, Schema, Protos time.Duration
	Wall, CPU                   time.Duration
}

// parts runs the program of that name, on all files or the first services.
func (r *run) parts(ctx context.Context, dir string, first ...int) (c costs, used time.Duration, err error) {
	args := []string{dir}
	for _, n := range first {
		args = append(args, strconv.Itoa(n))
	}
	cmd := exec.CommandContext(ctx, filepath.Join(r.programs, "parts"), args...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return c, 0, fmt.Errorf("%w: %s", err, complaint.String())
	}
	err = json.Unmarshal(out.Bytes(), &c)
	return c, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), err
}

// memory starts each server anew and has ten clients ask for everything and see
// some edits.
func (r *run) memory(ctx context.Context) error {
	for _, k := range r.some(kind.forms) {
		s, err := r.subject(ctx, k)
		if err != nil {
			return err
		}
		if err := r.remember(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) remember(ctx context.Context, s *subject) error {
	defer s.stop()
	if err := s.launch(ctx, r.scratch, r.programs); err != nil {
		return err
	}
	start, err := s.memory("VmHWM")
	if err != nil {
		return err
	}
	r.table.count(s.kind.word, "peak RSS, ready", r.n, start)
	stop := r.profile(ctx, s, "memory")
	clients, err := r.clients(ctx, s, listeners)
	defer closeAll(clients)
	if err != nil {
		return err
	}
	for range 10 {
		if _, err := r.reach(s, clients, edits()[0]); err != nil {
			return err
		}
	}
	peak, err := s.memory("VmHWM")
	if err != nil {
		return err
	}
	r.table.count(s.kind.word, fmt.Sprintf("peak RSS, %d clients and edits", listeners), r.n, peak)
	return stop()
}
