package watcher

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dragoman/internal/savetest"

	"github.com/google/go-cmp/cmp"
)

func TestEveryWayOfSaving(t *testing.T) {
	t.Parallel()
	const old, first, second = "service: old\n", "service: a-first-edit\n", "service: b\n"
	for _, way := range savetest.Ways() {
		t.Run(way.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "a.yaml")
			put(t, path, old)
			p := start(t, dir, Options{})

			seen := []string{}
			for _, content := range []string{first, second} {
				way.Save(t, path, content)
				seen = append(seen, p.reads("a.yaml", content)...)
			}
			part := func(s string) bool { return s != old && s != first && s != second }
			if way.Whole && slices.ContainsFunc(seen, part) {
				t.Errorf("parts were read of a file that was replaced whole: %q", seen)
			}

			way.Save(t, filepath.Join(dir, "new.yaml"), first)
			p.reads("new.yaml", first)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			p.covered("a.yaml")
		})
	}
}

// With a quiet time that never ends, what is hinted is what needs none.
func TestReplacedFilesNeedNoQuietTime(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sed -i", "rsync"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			put(t, filepath.Join(dir, "a.yaml"), "old")
			p := start(t, dir, Options{Quiet: never, MaxDelay: never})
			way(t, name).Save(t, p.path("a.yaml"), "new")
			if diff := cmp.Diff([]string{"a.yaml"}, p.next()); diff != "" {
				t.Errorf("hint (-want +got):\n%s", diff)
			}
			if b, _ := os.ReadFile(p.path("a.yaml")); string(b) != "new" {
				t.Errorf("read %q", b)
			}
		})
	}
}

// The temporary file came and went: nobody need look for it.
func TestTemporaryFileIsNotHintedAfterwards(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, dir, Options{Quiet: time.Second, MaxDelay: never})
	way(t, "rsync").Save(t, p.path("a.yaml"), "1")
	put(t, p.path("z.yaml"), "1")
	want := [][]string{{"a.yaml"}, {"z.yaml"}}
	if diff := cmp.Diff(want, p.covered("z.yaml")); diff != "" {
		t.Errorf("hints (-want +got):\n%s", diff)
	}
}

// What may be half-written, or is one of two changes that belong together,
// waits: the first hint is that of a later change which need not.
func TestOthersNeedQuietTime(t *testing.T) {
	t.Parallel()
	save := func(name string) func(*testing.T, *probe) {
		return func(t *testing.T, p *probe) {
			t.Helper()
			way(t, name).Save(t, p.path("a.yaml"), "new")
		}
	}
	for name, do := range map[string]func(*testing.T, *probe){
		"truncate and write": save("truncate and write"),
		"tar":                save("tar"),
		"vim":                save("vim"),
		"vim with backupdir": save("vim with backupdir"),
		"emacs, first save":  save("emacs, first save"),
		"mv from outside":    save("mv from outside"),
		"one service file renamed into another": func(t *testing.T, p *probe) {
			t.Helper()
			rename(t, p.path("a.yaml"), p.path("b.yaml"))
		},
		"a temporary file of another directory": func(t *testing.T, p *probe) {
			t.Helper()
			put(t, p.path("sub/tmp"), "new")
			rename(t, p.path("sub/tmp"), p.path("b.yaml"))
		},
		"renamed to what nobody reads": func(t *testing.T, p *probe) {
			t.Helper()
			put(t, p.path("tmp"), "new")
			rename(t, p.path("tmp"), p.path("notes.txt"))
		},
		"moved away, then another created": func(t *testing.T, p *probe) {
			t.Helper()
			put(t, p.path("tmp"), "x")
			rename(t, p.path("tmp"), filepath.Join(t.TempDir(), "tmp"))
			put(t, p.path("b.yaml"), "new")
		},
		"a ConfigMap, whose new links come after the swap": func(t *testing.T, p *probe) {
			t.Helper()
			savetest.NewConfigMap(mkdir(t, p.path("map"))).Write(t, map[string]string{"c.yaml": "new"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			put(t, filepath.Join(dir, "a.yaml"), "old")
			mkdir(t, filepath.Join(dir, "sub"))
			p := start(t, dir, Options{Quiet: never, MaxDelay: never})
			do(t, p)
			way(t, "rsync").Save(t, p.path("z.yaml"), "new")
			if diff := cmp.Diff([]string{"z.yaml"}, p.next()); diff != "" {
				t.Errorf("first hint (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTouchAndModesAreNotChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a.yaml"), "a")
	put(t, filepath.Join(mkdir(t, filepath.Join(dir, "sub")), "b.yaml"), "b")
	m := savetest.NewConfigMap(mkdir(t, filepath.Join(dir, "map")))
	m.Write(t, map[string]string{"c.yaml": "c"})
	p := start(t, dir, Options{})

	now := time.Now().Add(time.Hour)
	for _, err := range []error{
		os.Chtimes(p.path("a.yaml"), now, now),
		os.Chmod(p.path("a.yaml"), 0o600),
		os.Chmod(p.path("sub"), 0o700),
		os.Chmod(p.path("."), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	m.Refresh(t)

	put(t, p.path("z.yaml"), "z")
	if diff := cmp.Diff([][]string{{"z.yaml"}}, p.covered("z.yaml")); diff != "" {
		t.Errorf("hints until the first real change (-want +got):\n%s", diff)
	}
}

// Who opens a file and quits leaves hints that nobody needs to act on.
func TestLookingWithVimNamesNoVisibleFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a.yaml"), "a")
	p := start(t, dir, Options{})
	savetest.VimLook(t, p.path("a.yaml"))
	put(t, p.path("z.yaml"), "z")
	for _, hint := range p.covered("z.yaml") {
		if covers(hint, "a.yaml") {
			t.Errorf("hint %q", hint)
		}
	}
}

func TestCheckoutOfManyFiles(t *testing.T) {
	t.Parallel()
	const files, quiet = 200, 200 * time.Millisecond
	dir := t.TempDir()
	tree := func(content string) map[string]string {
		out := map[string]string{}
		for i := range files {
			out[fmt.Sprintf("team-%02d/service-%03d.yaml", i%10, i)] = content
		}
		return out
	}
	savetest.Checkout(t, dir, tree("service: old\n"))
	p := start(t, dir, Options{Quiet: quiet})

	begin := time.Now()
	savetest.Checkout(t, dir, tree("service: new\n"))
	missing, hints := tree(""), 0
	for len(missing) > 0 {
		hint := p.next()
		hints++
		for name := range missing {
			if !covers(hint, name) {
				continue
			}
			if b, _ := os.ReadFile(p.path(name)); string(b) == "service: new\n" {
				delete(missing, name)
			}
		}
	}
	// Bursts end no faster than the quiet time, however slow the machine.
	if most := 2 + int(time.Since(begin)/quiet); hints > most {
		t.Errorf("%d hints for one checkout, want at most %d", hints, most)
	}
	if events := p.Stats().Events; events < files {
		t.Errorf("%d events counted, want at least one for each of %d files", events, files)
	}
}

func TestNothingIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	savetest.Checkout(t, dir, map[string]string{"a.yaml": "a", "sub/b.yaml": "b"})
	symlink(t, "sub", filepath.Join(dir, "link"))
	before := inventory(t, dir)
	p := start(t, dir, Options{Quiet: time.Millisecond, Resync: fast})
	p.everywhere()
	p.Rescan()
	p.everywhere()
	if diff := cmp.Diff(before, inventory(t, dir)); diff != "" {
		t.Errorf("the watched directory (-before +after):\n%s", diff)
	}
}

// inventory is everything in a directory, with times of change.
func inventory(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			out = append(out, fmt.Sprint(path, info.Mode(), info.Size(), info.ModTime()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
