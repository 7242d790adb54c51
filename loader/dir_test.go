package loader_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragoman/loader"
)

// seen is what a look passed on: a name each, with a mark for what is not content.
func seen(t *testing.T, d *loader.Dir, names ...string) []string {
	t.Helper()
	changes, _, err := d.Look(names)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range changes {
		switch {
		case c.Gone:
			out = append(out, "-"+c.Path)
		case c.Problem != nil:
			out = append(out, "!"+c.Path+": "+c.Problem.Msg)
		default:
			out = append(out, c.Path+"="+strings.TrimSpace(string(c.Data)))
		}
	}
	slices.Sort(out)
	return out
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestLookPassesOnWhatIsNew(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "a.yaml"), "a")
	write(t, filepath.Join(root, "sub/deep/b.yml"), "b")
	write(t, filepath.Join(root, "c.json"), "c")
	for _, name := range []string{".hidden.yaml", ".git/x.yaml", "readme.md", "a.yaml~", ".a.yaml.swp"} {
		write(t, filepath.Join(root, name), "no")
	}
	d := loader.OpenDir(root, 0)
	want(t, "first look", seen(t, d), "a.yaml=a", "c.json=c", "sub/deep/b.yml=b")
	want(t, "second look", seen(t, d))
	write(t, filepath.Join(root, "a.yaml"), "a2")
	write(t, filepath.Join(root, "c.json"), "c2")
	want(t, "look at one", seen(t, d, "a.yaml"), "a.yaml=a2")
	want(t, "look at what is hidden", seen(t, d, ".c.json.swp", ".git/index", "c.json~"))
	want(t, "look at the rest", seen(t, d), "c.json=c2")
	if err := os.Chtimes(filepath.Join(root, "a.yaml"), time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	want(t, "touched", seen(t, d))
	if err := os.RemoveAll(filepath.Join(root, "sub")); err != nil {
		t.Fatal(err)
	}
	want(t, "a directory that is gone", seen(t, d, "sub"), "-sub/deep/b.yml")
}

func TestLookFollowsAConfigMap(t *testing.T) {
	root := t.TempDir()
	link := func(target, name string) {
		t.Helper()
		tmp := filepath.Join(root, "..tmp")
		if err := os.Symlink(target, tmp); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tmp, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(root, "..1/a.yaml"), "a1")
	write(t, filepath.Join(root, "..1/sub/b.yaml"), "b1")
	write(t, filepath.Join(root, "..2/a.yaml"), "a2")
	link("..1", "..data")
	link("..data/a.yaml", "a.yaml")
	link("..data/sub", "sub")
	d := loader.OpenDir(root, time.Hour)
	want(t, "first generation", seen(t, d), "a.yaml=a1", "sub/b.yaml=b1")
	link("..2", "..data")
	if err := os.Remove(filepath.Join(root, "sub")); err != nil {
		t.Fatal(err)
	}
	// The swap is atomic, so what is missing is gone, whatever the grace.
	want(t, "second generation, told by ..data", seen(t, d, "..data"), "-sub/b.yaml", "a.yaml=a2")
}

func TestLookRefusesWhatIsNotAFileOfTheDirectory(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "secret.yaml"), "secret")
	write(t, filepath.Join(root, "big.yaml"), strings.Repeat("x", 1<<20+1))
	for _, err := range []error{
		syscall.Mkfifo(filepath.Join(root, "fifo.yaml"), 0o600),
		os.Symlink(filepath.Join(outside, "secret.yaml"), filepath.Join(root, "out.yaml")),
		os.Symlink(outside, filepath.Join(root, "team")),
		os.Symlink(filepath.Join(outside, "secret.yaml"), filepath.Join(root, "LICENSE")), // nobody's configuration
		os.Symlink("nowhere", filepath.Join(root, "dangling.yaml")),
		os.Symlink(".", filepath.Join(root, "circle")),
		os.Mkdir(filepath.Join(root, "dir.yaml"), 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want(t, "odd things", seen(t, loader.OpenDir(root, 0)),
		"!big.yaml: the file cannot be read: it is larger than 1 MiB",
		"!dangling.yaml: the file cannot be read: the link leads nowhere",
		"!fifo.yaml: the file cannot be read: it is not a regular file",
		"!out.yaml: the link leaves the configuration directory",
		"!team: the link leaves the configuration directory")
}

func TestADirectoryThatCannotBeReadChangesNothing(t *testing.T) {
	root := filepath.Join(t.TempDir(), "config")
	write(t, filepath.Join(root, "a.yaml"), "a")
	d := loader.OpenDir(root, 0)
	want(t, "first", seen(t, d), "a.yaml=a")
	if err := os.Rename(root, root+"2"); err != nil {
		t.Fatal(err)
	}
	write(t, root, "a file in its place")
	if changes, _, err := d.Look(nil); err == nil || len(changes) > 0 {
		t.Errorf("Look(no directory) = %v, %v, want an error and no changes", changes, err)
	}
	if err := os.Remove(root); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "a.yaml"), "a")
	want(t, "it is back", seen(t, d))
}
