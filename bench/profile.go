package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// profiles writes profiles of Dragoman while a step is measured, until stop is
// called: its processor time in pieces of a second, which `go tool pprof` adds up
// when it is given several, and its heap at the end.
func (r *run) profiles(ctx context.Context, among []*subject, step string) (stop func() error) {
	for _, s := range among {
		if s.kind.word == ours {
			return r.profile(ctx, s, step)
		}
	}
	return func() error { return nil }
}

// profile is profiles of one subject; of others than Dragoman there are none.
func (r *run) profile(ctx context.Context, s *subject, step string) (stop func() error) {
	if r.profileDir == "" || s.kind.word != ours {
		return func() error { return nil }
	}
	base := filepath.Join(r.profileDir, fmt.Sprintf("n%d-%s", r.n, plainName(step)))
	done, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for !answers(ctx, "http://"+s.admin+"/healthz") && ctx.Err() == nil {
			pause(time.Millisecond) // it has just been started
		}
		for i := 0; ; i++ {
			select {
			case <-done:
				ended <- fetch(ctx, "http://"+s.admin+"/debug/pprof/heap", base+"-heap.pb.gz")
				return
			default:
			}
			if err := fetch(ctx, "http://"+s.admin+"/debug/pprof/profile?seconds=1", fmt.Sprintf("%s-cpu-%03d.pb.gz", base, i)); err != nil {
				ended <- err
				return
			}
		}
	}()
	return func() error {
		close(done)
		return <-ended
	}
}

// fetch writes what a page has to a file.
func fetch(ctx context.Context, url, path string) error {
	body, err := get(ctx, url)
	if err != nil {
		return err
	}
	return os.WriteFile(path, body, 0o644)
}
