package faults_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragoman/internal/envoytest"
)

// The program stands still until the kernel's queue of events is full. What
// was edited meanwhile is found all the same, and what comes after it.
func TestEventsAreLost(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		t.Skip("no inotify here")
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || limit > 100_000 {
		t.Skipf("the queue takes %s", text)
	}
	w := create(t, options{})
	l := w.load(t)
	if err := w.Cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	envoytest.Eventually(t, patience, "it stands still", func() error {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.Cmd.Process.Pid))
		if err == nil && !strings.Contains(string(text), ") T ") {
			return errNotYet
		}
		return err
	})
	for range limit * 3 / 4 { // two events each
		path := filepath.Join(w.dir, "noise")
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	w.edit(t, 1)
	if err := w.Cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	took := []time.Duration{w.sees(t, 1)}
	w.shows(t, "the overflow is counted", func(s status) bool { return s.Watch.Overflows > 0 })
	w.edit(t, 2)
	took = append(took, w.sees(t, 2))
	w.shows(t, "it watches again", func(s status) bool { return s.Watch.Mode == "notify" })
	over(t, l, "inotify: overflow", figure("events", limit), slowest("edits within", took))
}

// There is no inotify instance to be had (EMFILE), or no watch (ENOSPC): in a
// user namespace of the program's own, so that nobody else is concerned.
func TestNoMoreInotify(t *testing.T) {
	t.Parallel()
	settings := map[string]string{"no instances (EMFILE)": "max_inotify_instances"}
	if long {
		settings["no watches (ENOSPC)"] = "max_inotify_watches"
	}
	for name, setting := range settings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			under := []string{"unshare", "--user", "--map-root-user", "sh", "-c", "echo 0 >/proc/sys/user/" + setting + ` && exec "$@"`, "sh"}
			if out, err := exec.Command(under[0], append(under[1:], "true")...).CombinedOutput(); err != nil {
				t.Skipf("no right to a user namespace: %v %s", err, out)
			}
			w := create(t, options{under: under})
			l := w.load(t)
			w.shows(t, "it polls", func(s status) bool { return s.Watch.Mode == "poll" })
			var took []time.Duration
			for i := range pick(1, 10) {
				w.edit(t, i+1)
				took = append(took, w.sees(t, i+1))
			}
			set := fmt.Sprintf("echo 100 >/proc/sys/user/%s", setting)
			if out, err := exec.Command("nsenter", "--user", "--preserve-credentials", "--target", strconv.Itoa(w.Cmd.Process.Pid), "sh", "-c", set).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v %s", set, err, out)
			}
			w.shows(t, "it watches", func(s status) bool { return s.Watch.Mode == "notify" })
			w.edit(t, 100)
			w.sees(t, 100)
			over(t, l, "inotify: "+name, figure("edits", len(took)), slowest("each within", took))
		})
	}
}
