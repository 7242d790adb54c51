package bootstrap_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dragoman/bootstrap"
	"dragoman/internal/golden"
)

// Each file of testdata is a bootstrap; beside it is what is found in it.
func TestFindings(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	var compared []string
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			found := strings.TrimSuffix(file, ".yaml") + ".txt"
			compared = append(compared, found)
			golden.Text(t, found, findings(t, text(t, file)))
		})
	}
	golden.Orphans(t, "testdata/*.txt", compared)
}

// Whatever is missing, broken off or of another kind: there is no panic, and
// each finding has a place.
func TestHalfABootstrap(t *testing.T) {
	whole := text(t, "testdata/secured.yaml")
	for n := range len(whole) {
		found, err := bootstrap.Check([]byte(whole[:n]))
		if n < len(whole)/5 && err == nil && len(found) == 0 { // before what listeners come from
			t.Errorf("nothing is found in the first %d bytes", n)
		}
		for _, f := range found {
			if f.Line < 1 || f.Col < 1 {
				t.Errorf("the first %d bytes: no place of %q", n, f.Msg)
			}
		}
	}
}

func TestNoBootstrap(t *testing.T) {
	for given, want := range map[string]string{
		"":       "it is empty",
		"# soon": "it is empty",
		"[]":     "it is no bootstrap: want keys such as node and dynamic_resources",
		"a: [":   "yaml: line 1: did not find expected node content",
	} {
		if _, err := bootstrap.Check([]byte(given)); err == nil || err.Error() != want {
			t.Errorf("Check(%q): %v, want %s", given, err, want)
		}
	}
}

func findings(t *testing.T, given string) string {
	t.Helper()
	found, err := bootstrap.Check([]byte(given))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "%d:%d: %s\n", f.Line, f.Col, f.Msg)
	}
	return b.String()
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
