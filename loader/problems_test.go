package loader_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dragoman/diag"
	"dragoman/internal/golden"
	"dragoman/loader"
)

// Every directory of testdata/problems is wrong in one way. problems.txt is
// the whole text that a person sees.
func TestProblems(t *testing.T) {
	cases, err := filepath.Glob("testdata/problems/*")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var compared []string
	for _, dir := range cases {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			res, err := loader.ReadDir(dir, loader.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range res.Problems {
				if p.File == "" || p.Line < 1 || p.Col < 1 || p.Width < 1 || p.Code.Name() == "" {
					t.Errorf("a problem without a place or code: %+v", p)
				}
			}
			var b strings.Builder
			if err := diag.Text(&b, res.Problems, false); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "problems.txt")
			golden.Text(t, path, b.String())
			compared = append(compared, path)
		})
	}
	golden.Orphans(t, "testdata/problems/*/problems.txt", compared)
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
