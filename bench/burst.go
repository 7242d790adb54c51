package main

import (
	"context"
	"fmt"
	"time"
)

const (
	burstCount = 5
	burstWhile = 40 * time.Second // for all bursts of one subject
)

// bursts replace a thousand files at once, as git does when it checks out: it
// removes each and writes it anew, under its own name.
func (r *run) bursts(ctx context.Context) error {
	who, err := r.servers(ctx, kind.plain)
	if err != nil {
		return err
	}
	for _, k := range r.some(func(k kind) bool { return k.role == onlyParts }) {
		s, err := r.subject(ctx, k)
		if err != nil {
			return err
		}
		who = append(who, s)
	}
	stop := r.profiles(ctx, who, "burst")
	again := 0
	err = rounds(min(r.edits, burstCount), burstWhile, who, func(s *subject) error {
		again++
		if s.kind.role == onlyParts {
			return r.burstParts(ctx, s)
		}
		return r.burst(ctx, s, fmt.Sprintf("127.%d.", 10+again))
	})
	if err != nil {
		return err
	}
	return stop()
}

// size of a burst.
func (r *run) size() int { return min(1000, r.n) }

func (r *run) burst(ctx context.Context, s *subject, prefix string) error {
	c, err := r.client(ctx, s, "burst")
	if err != nil {
		return err
	}
	defer c.close()
	pause(3 * quiet)
	before, err := s.cpu()
	if err != nil {
		return err
	}
	had := c.published()
	c.tally(prefix, r.size())
	began := time.Now()
	for i := range r.size() {
		high, low := spread(i)
		next := endpoint(s.site.Now(i), fmt.Sprintf("%s%d.%d", prefix, high, low))
		if err := s.site.CheckOut(i, next); err != nil {
			return err
		}
	}
	written := time.Now()
	at, err := c.await(patience)
	if err != nil {
		return fmt.Errorf("%s: %w (its log is %s)", s.name, err, s.logs)
	}
	pause(3 * quiet)
	after, err := s.cpu()
	if err != nil {
		return err
	}
	r.table.add(s.kind.word, burst+": from the first to the client", r.n, at.Sub(began))
	r.table.add(s.kind.word, burst+": from the last to the client", r.n, max(0, at.Sub(written)))
	if s.kind.role == dragoman {
		r.table.add(s.kind.word, burst+burstLessQuiet, r.n, max(0, at.Sub(written)-quiet))
	}
	r.table.add(s.kind.word, burst+": CPU", r.n, after-before)
	r.table.tally(s.kind.word, burst+": publications", r.n, int64(c.published()-had))
	return nil
}

const (
	burst          = "burst of 1,000 files, or all"
	burstLessQuiet = ": from the last to the client" + withoutQuiet
)

// burstParts is what reading and translating those files costs in a process that
// has started already.
func (r *run) burstParts(ctx context.Context, s *subject) error {
	c, _, err := r.parts(ctx, s.site.Dir, r.size())
	if err != nil {
		return err
	}
	r.table.add(parts, burst+burstLessQuiet, r.n, c.Wall)
	r.table.add(parts, burst+": CPU", r.n, c.CPU)
	return nil
}
