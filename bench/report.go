package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// description is where and of what something was measured.
type description struct {
	processor, memory, kernel string
	envoy, revision, load     string
	began                     time.Time
	took                      time.Duration
}

// machine describes this one.
func machine(ctx context.Context, envoy string) description {
	version := regexp.MustCompile(`/(\d+\.\d+\.\d+)/`).FindStringSubmatch(said(ctx, envoy, "--version"))
	d := description{
		processor: line("/proc/cpuinfo", "model name"),
		memory:    line("/proc/meminfo", "MemTotal"),
		kernel:    said(ctx, "uname", "-sr"),
		revision:  said(ctx, "git", "describe", "--always", "--dirty"),
		began:     time.Now(),
	}
	if version != nil {
		d.envoy = version[1]
	}
	if kb, err := strconv.Atoi(strings.TrimSuffix(d.memory, " kB")); err == nil {
		d.memory = fmt.Sprintf("%.0f GiB", float64(kb)/(1<<20))
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		d.load, _, _ = strings.Cut(string(text), " ")
	}
	return d
}

// said is what a program prints, or nothing if it cannot be run.
func said(ctx context.Context, program string, args ...string) string {
	text, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// line is what a file of the kernel says of a key.
func line(path, key string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for l := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(l, key); ok {
			return strings.TrimSpace(strings.TrimLeft(value, "\t :"))
		}
	}
	return "unknown"
}

func (d description) print(w io.Writer, o options) {
	fmt.Fprintf(w, "%s: %s, %d processors, %s of memory, load %s when it began; %s, %s, Envoy %s; revision %s. It took %s:\n\n",
		d.began.UTC().Format(time.DateOnly), d.processor, runtime.NumCPU(), d.memory, d.load,
		d.kernel, runtime.Version(), d.envoy, d.revision, d.took.Round(time.Second))
	command := "make bench"
	if len(o.args) > 0 && !slices.Equal(o.args, []string{"-o", "docs/performance.md"}) { // what make gives without ARGS
		command += " ARGS='" + strings.Join(o.args, " ") + "'"
	}
	fmt.Fprintf(w, "```sh\n%s\n```\n\n", command)
	fmt.Fprintf(w, "Medians of %d edits, %d starts and %d bursts, or of as many as a figure says; in brackets, how many times the bare loop's.\n\n",
		o.edits, min(o.edits, coldCount), min(o.edits, burstCount))
}

// rewrite puts text between the comments of a file that name a section, and
// leaves all else as people wrote it.
func rewrite(path, section string, text []byte) error {
	next, err := rewritten(path, section, text)
	if err != nil {
		return err
	}
	return os.WriteFile(path, next, 0o644)
}

func rewritten(path, section string, text []byte) ([]byte, error) {
	old, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	next, err := replaced(old, section, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return next, nil
}

func replaced(old []byte, section string, text []byte) ([]byte, error) {
	begin, end := "<!-- begin "+section+" -->\n", "<!-- end "+section+" -->\n"
	before, rest, ok := bytes.Cut(old, []byte(begin))
	_, after, too := bytes.Cut(rest, []byte(end))
	if !ok || !too {
		return nil, fmt.Errorf("there are no lines %q and %q to write between", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return bytes.Join([][]byte{before, []byte(begin), text, []byte(end), after}, nil), nil
}
