package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A recorder is a test that collects its failures and messages.
type recorder struct {
	testing.TB
	failures, logs []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Logf(format string, args ...any) {
	r.logs = append(r.logs, fmt.Sprintf(format, args...))
}

// updating sets -update for one test.
func updating(t *testing.T, on bool) {
	t.Helper()
	before := *update
	*update = on
	t.Cleanup(func() { *update = before })
}

func put(t *testing.T, content string, parts ...string) string {
	t.Helper()
	path := filepath.Join(parts...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantOne fails unless there is one message and it contains all the parts.
func wantOne(t *testing.T, messages []string, parts ...string) {
	t.Helper()
	if len(messages) != 1 {
		t.Fatalf("got %d messages, want one: %q", len(messages), messages)
	}
	for _, part := range parts {
		if !strings.Contains(messages[0], part) {
			t.Errorf("the message has no %q:\n%s", part, messages[0])
		}
	}
}

func TestTextCompares(t *testing.T) {
	updating(t, false)
	path := put(t, "one\ntwo\n", t.TempDir(), "x.txt")
	r := &recorder{TB: t}
	Text(r, path, "one\ntwo\n")
	if len(r.failures) != 0 {
		t.Errorf("equal texts failed: %q", r.failures)
	}

	Text(r, path, "one\nthree\n")
	wantOne(t, r.failures, "x.txt differs", "make golden", "two", "three")

	r = &recorder{TB: t}
	missing := filepath.Join(t.TempDir(), "y.txt")
	Text(r, missing, "four")
	wantOne(t, r.failures, "there is no", "y.txt", "make golden", "four")
	if _, err := os.Stat(missing); err == nil {
		t.Error("a file was written without -update")
	}
}

func TestTextUpdatesOnlyWhatChanged(t *testing.T) {
	updating(t, true)
	dir := t.TempDir()
	same, other := put(t, "same", dir, "same.txt"), put(t, "old", dir, "other.txt")
	long := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(same, long, long); err != nil {
		t.Fatal(err)
	}
	r := &recorder{TB: t}
	Text(r, same, "same")
	if info, err := os.Stat(same); err != nil || !info.ModTime().Equal(long) || len(r.logs) != 0 {
		t.Errorf("an unchanged file was written: %v, %q", err, r.logs)
	}
	Text(r, other, "new")
	wantOne(t, r.logs, "wrote", "other.txt")
	Text(r, filepath.Join(dir, "deep", "more.txt"), "more")

	updating(t, false)
	Dir(t, dir, map[string]string{"same.txt": "same", "other.txt": "new", "deep/more.txt": "more"})
}

func TestDirReportsOrphans(t *testing.T) {
	updating(t, false)
	dir := t.TempDir()
	put(t, "a", dir, "a.txt")
	put(t, "b", dir, "old", "b.txt")
	r := &recorder{TB: t}
	Dir(r, dir, map[string]string{"a.txt": "a"})
	wantOne(t, r.failures, filepath.Join("old", "b.txt"), "make golden")
}

func TestOrphans(t *testing.T) {
	dir := t.TempDir()
	kept := put(t, "", dir, "kept", "snapshot.json")
	gone := put(t, "", dir, "gone", "snapshot.json")
	input := put(t, "", dir, "gone", "input.yaml")
	pattern := filepath.Join(dir, "*", "snapshot.json")

	updating(t, false)
	r := &recorder{TB: t}
	Orphans(r, pattern, []string{kept})
	wantOne(t, r.failures, gone)
	if _, err := os.Stat(gone); err != nil {
		t.Errorf("an orphan was deleted without -update: %v", err)
	}

	updating(t, true)
	r = &recorder{TB: t}
	Orphans(r, pattern, []string{kept})
	wantOne(t, r.logs, "deleted", gone)
	if _, err := os.Stat(gone); err == nil {
		t.Error("the orphan is still there")
	}
	for _, path := range []string{kept, input} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}
