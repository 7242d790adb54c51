package savetest_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dragoman/internal/savetest"
)

func TestWaysSave(t *testing.T) {
	t.Parallel()
	for _, way := range savetest.Ways() {
		t.Run(way.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "a.yaml")
			// The second save is shorter: a way that forgets to cut shows.
			for _, want := range []string{"service: first\n", "x: 1\n", "service: a longer third\n"} {
				way.Save(t, path, want)
				if got := read(t, path); got != want {
					t.Errorf("after saving by %s got %q, want %q", way.Name, got, want)
				}
			}
			for _, name := range names(t, dir) {
				if name != "a.yaml" && name != "a.yaml~" {
					t.Errorf("%s left %s behind", way.Name, name)
				}
			}
		})
	}
}

func TestConfigMap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := savetest.NewConfigMap(dir)
	for _, files := range []map[string]string{
		{"a.yaml": "1", "b.yaml": "1"},
		{"a.yaml": "2", "b.yaml": "1"},
		{"a.yaml": "2", "c.yaml": "1", "sub/d.yaml": "1"},
		{"sub/d.yaml": "2"},
	} {
		m.Write(t, files)
		generation, err := os.Readlink(filepath.Join(dir, "..data"))
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"..data", generation}
		for name, content := range files {
			if got := read(t, filepath.Join(dir, name)); got != content {
				t.Errorf("%s has %q, want %q", name, got, content)
			}
			if top := filepath.Dir(name); top != "." {
				name = top
			}
			want = append(want, name)
		}
		slices.Sort(want)
		if got := names(t, dir); !slices.Equal(got, want) {
			t.Errorf("the volume holds %q, want %q", got, want)
		}
		m.Write(t, files)
		if again, _ := os.Readlink(filepath.Join(dir, "..data")); again != generation {
			t.Error("an unchanged ConfigMap was written again")
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}
