// Command bench measures what an edit costs: Dragoman, the least that is
// possible, go-control-plane's SnapshotCache, Envoy's own files and nginx, on
// the same services, in turn, and with a real Envoy.
//
//	go run ./bench -n 10,1000 -w 1,100 -edits 30
//
// What is measured is whole processes: times from the rename of a file, and
// the processor time and memory that the kernel counts. What it prints, and how
// to read it, is explained in docs/performance.md.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func bench(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	envoy, err := exec.LookPath(cmp.Or(os.Getenv("ENVOY"), "envoy"))
	if err != nil {
		return fmt.Errorf("there is no Envoy (%w): run `make bench`, which finds one, or set ENVOY", err)
	}
	if o.out != "" { // rather now than when everything has been measured
		if _, err := rewritten(o.out, o.section, nil); err != nil {
			return err
		}
	}
	scratch, err := os.MkdirTemp("", "dragoman-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if err := programs(ctx, scratch); err != nil {
		return err
	}
	if o.profileDir != "" {
		if err := os.MkdirAll(o.profileDir, 0o755); err != nil {
			return err
		}
	}
	debug.SetGCPercent(400) // this process is in the way of what it measures
	began, about := time.Now(), machine(ctx, envoy)
	t := newTable()
	for _, n := range o.sizes {
		if err := measure(ctx, o, t, scratch, envoy, n); err != nil {
			return err
		}
	}
	about.took = time.Since(began)
	return o.report(about, t)
}

// measure does everything for one number of services.
func measure(ctx context.Context, o options, t *table, scratch, envoy string, n int) error {
	inside, err := os.MkdirTemp(scratch, "n")
	if err != nil {
		return err
	}
	r := &run{options: o, scratch: inside, programs: scratch, envoy: envoy, n: n, table: t}
	if err := r.measure(ctx); err != nil {
		return fmt.Errorf("%d services: %w", n, err)
	}
	return os.RemoveAll(inside)
}

// report prints everything, and writes it to where it is to be.
func (o options) report(about description, t *table) error {
	var text bytes.Buffer
	about.print(&text, o)
	missed := printBounds(&text, t)
	fmt.Fprintln(&text)
	t.print(&text)
	if o.out != "" {
		if err := rewrite(o.out, o.section, text.Bytes()); err != nil {
			return err
		}
	}
	if _, err := os.Stdout.Write(text.Bytes()); err != nil {
		return err
	}
	if o.check && missed > 0 {
		return errors.New("not every bound holds; -check=false ends without an error")
	}
	return nil
}

// programs builds what is measured.
func programs(ctx context.Context, into string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", into+"/",
		"./cmd/dragoman", "./bench/bareloop", "./bench/parts", "./bench/snapshotcache")
	build.Stderr = os.Stderr
	return build.Run()
}
