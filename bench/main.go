// Command bench measures what an edit costs: Dragoman, the least that is
// possible, go-control-plane's SnapshotCache and Envoy's own files, on the same
// services, in turn, and with a real Envoy.
//
//	go run ./bench -n 10,1000 -w 1,100 -edits 30
//
// What is measured is whole processes: times from the rename of a file, and
// the processor time and memory that the kernel counts.
package main

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func bench(ctx context.Context) error {
	sizes := flag.String("n", "10,100,1000,10000", "numbers of services")
	fans := flag.String("w", "1,100,1000", "numbers of clients in the fan-out, up to 10,000,000 services × clients")
	count := flag.Int("edits", 30, "edits of each kind")
	out := flag.String("o", "", "also write the table to this file")
	flag.Parse()
	ns, err := numbers(*sizes)
	if err != nil {
		return err
	}
	ws, err := numbers(*fans)
	if err != nil {
		return err
	}
	envoy, err := exec.LookPath(cmp.Or(os.Getenv("ENVOY"), "envoy"))
	if err != nil {
		return fmt.Errorf("there is no Envoy (%w): run `make bench`, which finds one, or set ENVOY", err)
	}
	scratch, err := os.MkdirTemp("", "dragoman-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if err := programs(ctx, scratch); err != nil {
		return err
	}
	t := newTable()
	for _, n := range ns {
		inside, err := os.MkdirTemp(scratch, "n")
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "bench: %d services\n", n)
		r := &run{scratch: inside, programs: scratch, envoy: envoy, n: n, edits: *count, table: t}
		for _, w := range ws {
			if n*w <= 10_000_000 {
				r.fanouts = append(r.fanouts, w)
			}
		}
		if err := r.measure(ctx); err != nil {
			return err
		}
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s, %d processors, %s. Medians of %d edits; in brackets, how many times the bare loop's.\n\n",
		processor(), runtime.NumCPU(), runtime.Version(), *count)
	t.print(&text)
	if *out != "" {
		if err := os.WriteFile(*out, text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	_, err = os.Stdout.Write(text.Bytes())
	return err
}

// numbers are those of a list with commas.
func numbers(list string) ([]int, error) {
	var out []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no list of numbers", list)
		}
		out = append(out, n)
	}
	return out, nil
}

// processor is what the kernel calls it.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "a processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return "a processor"
}
