// Package golden compares what a test got with files that people review, and
// rewrites the files when asked, for tests only.
//
// `make golden` (or `go test PACKAGE -update`) writes the files whose content
// changed and deletes those that no case asks for any more. Without -update
// nothing is ever written. The package does not produce what it compares.
package golden

import (
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//nolint:gochecknoglobals // a flag exists once in a process, and is written by the flag package alone
var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// advice ends each failure that new golden files would mend.
const advice = "if this is what you meant, run `make golden` and review the difference"

// Text compares got with the content of a file.
func Text(t testing.TB, path, got string) {
	t.Helper()
	if *update {
		write(t, path, got)
		return
	}
	compare(t, path, got)
}

// Dir compares got, by slash-separated path, with all files below a directory
// that holds nothing but golden files.
func Dir(t testing.TB, dir string, got map[string]string) {
	t.Helper()
	wanted := make([]string, 0, len(got))
	for _, name := range slices.Sorted(maps.Keys(got)) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		wanted = append(wanted, path)
		Text(t, path, got[name])
	}
	orphans(t, below(t, dir), wanted)
}

// Orphans looks for files that match a pattern, such as
// testdata/*/snapshot.json, and are not among those that the test compared:
// what is left of a case that was renamed or refuses now. They are deleted with
// -update and fail the test without.
func Orphans(t testing.TB, pattern string, compared []string) {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	orphans(t, found, compared)
}

func compare(t testing.TB, path, got string) {
	t.Helper()
	want, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is no %s yet; %s. Its content would be:\n%s", path, advice, got)
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-file +got); %s:\n%s", path, advice, diff)
	}
}

// write leaves a file with the same content alone, so that its time of change
// and the list of what was written tell the truth.
func write(t testing.TB, path, got string) {
	t.Helper()
	if old, err := os.ReadFile(path); err == nil && string(old) == got {
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("wrote %s", path)
}

func orphans(t testing.TB, found, wanted []string) {
	t.Helper()
	if run := flag.Lookup("test.run"); run != nil && strings.Contains(run.Value.String(), "/") {
		return // only some cases were run
	}
	for _, path := range found {
		if slices.ContainsFunc(wanted, func(w string) bool { return filepath.Clean(w) == filepath.Clean(path) }) {
			continue
		}
		if !*update {
			t.Errorf("no test compares with %s any more; %s", path, advice)
			continue
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		t.Logf("deleted %s", path)
	}
}

// below lists the files under a directory, which need not exist.
func below(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return out
}
