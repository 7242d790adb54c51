package envoytest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// version is the Envoy that scripts/envoy.py unpacks for make.
const version = "1.40.0"

// Binary returns the path of the Envoy to test with: $ENVOY, else envoy on
// PATH, else the one that make envoy unpacked. Where there is none the test is
// skipped, or fails if ENVOY_REQUIRED=1: a silent skip is a false green.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := find(os.Getenv("ENVOY"), Root(t))
	switch {
	case err == nil:
		return path
	case os.Getenv("ENVOY_REQUIRED") == "1":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
	return ""
}

// Root returns the directory of the module under test, where go.mod is.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod in this directory or above it")
		}
		dir = filepath.Dir(dir)
	}
}

func find(named, root string) (string, error) {
	if named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("$ENVOY: %w", err)
		}
		return path, nil
	}
	if path, err := exec.LookPath("envoy"); err == nil {
		return path, nil
	}
	path, err := exec.LookPath(filepath.Join(root, ".envoy", version, "envoy"))
	if err != nil {
		return "", fmt.Errorf("no Envoy: run `make envoy`, or set $ENVOY to an Envoy %s or later", version)
	}
	return path, nil
}
