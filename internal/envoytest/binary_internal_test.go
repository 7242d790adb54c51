package envoytest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func program(t *testing.T, parts ...string) string {
	t.Helper()
	path := filepath.Join(parts...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFind(t *testing.T) {
	root, bin, empty := t.TempDir(), t.TempDir(), t.TempDir()
	named := program(t, t.TempDir(), "mine")
	onPath := program(t, bin, "envoy")
	unpacked := program(t, root, ".envoy", version, "envoy")
	for _, c := range []struct {
		name              string
		named, path, root string
		want, wantErr     string
	}{
		{"the named one first", named, bin, root, named, ""},
		{"then PATH", "", bin, root, onPath, ""},
		{"then the unpacked one", "", empty, root, unpacked, ""},
		{"a wrong name is not passed over", named + "x", bin, root, "", "$ENVOY: "},
		{"none", "", empty, empty, "", "run `make envoy`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PATH", c.path)
			got, err := find(c.named, c.root)
			if got != c.want || (err == nil) != (c.wantErr == "") {
				t.Fatalf("find(%q, %q) = %q, %v, want %q", c.named, c.root, got, err, c.want)
			}
			if err != nil && !strings.Contains(err.Error(), c.wantErr) {
				t.Errorf("find(%q, %q): %v, want %s", c.named, c.root, err, c.wantErr)
			}
		})
	}
}
