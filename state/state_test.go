package state_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dragoman/state"
	"dragoman/table"
)

const config = "/etc/dragoman"

// A file is a row of what is to be kept.
type file struct{ path, text string }

func (f *file) Key() string             { return f.path }
func (f *file) Hash() [sha256.Size]byte { return sha256.Sum256([]byte(f.text)) }
func (f *file) Bytes() []byte           { return []byte(f.text) }

func files(contents map[string]string) table.Table[*file] {
	var out []*file
	for path, content := range contents {
		out = append(out, &file{path, content})
	}
	return table.Of(out...)
}

func open(path, of string) *state.Dir[*file] { return state.Open[*file](path, of) }

func keep(t *testing.T, d *state.Dir[*file], contents map[string]string) {
	t.Helper()
	if err := d.Write(files(contents)); err != nil {
		t.Fatal(err)
	}
}

// wantRead reads as after a restart. An empty wrong is no error.
func wantRead(t *testing.T, path string, want map[string]string, wrong string) {
	t.Helper()
	got, err := open(path, config).Read()
	text := map[string]string{}
	for name, data := range got {
		text[name] = string(data)
	}
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
	switch {
	case wrong == "" && err != nil:
		t.Errorf("Read: error %v, want none", err)
	case wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)):
		t.Errorf("Read: error %v, want one with %q", err, wrong)
	}
}

func TestWhatIsKeptIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "var/lib/state")
	wantRead(t, path, map[string]string{}, "")
	d := open(path, config)
	for _, contents := range []map[string]string{
		{"a.yaml": "one", "sub/b.yaml": "two", "same.yaml": "two", "odd \n\"é.yaml": "\x00\xff"},
		{"a.yaml": "three", "sub/b.yaml": "two"},
		{"a.yaml": "one"},
		{},
		{"a.yaml": ""},
	} {
		keep(t, d, contents)
		wantRead(t, path, contents, "")
		if got, want := len(contentsOf(t, path)), len(distinct(contents)); got != want {
			t.Errorf("%d contents are kept, want %d", got, want)
		}
	}
}

func distinct(m map[string]string) map[string]bool {
	out := map[string]bool{}
	for v := range maps.Values(m) {
		out[v] = true
	}
	return out
}

func contentsOf(t *testing.T, path string) []string {
	t.Helper()
	out, err := filepath.Glob(filepath.Join(path, "contents/*"))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNobodyElseMayReadIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	keep(t, open(path, config), map[string]string{"a.yaml": "secret"})
	err := filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever became of the state, what is read is what was written, or less.
func TestDamageIsLeftOut(t *testing.T) {
	whole := map[string]string{"a.yaml": "one", "b.yaml": "two"}
	one := sha256.Sum256([]byte("one"))
	content := "contents/" + hex.EncodeToString(one[:])
	tests := map[string]struct {
		damage func(t *testing.T, path string)
		want   map[string]string
		wrong  string
	}{
		"no index":          {remove("index"), nil, ""},
		"an empty index":    {truncate("index", 0), nil, "not what was written"},
		"a truncated index": {truncate("index", 100), nil, "not what was written"},
		"half a first line": {truncate("index", 20), nil, "not what was written"},
		"a binary index":    {put("index", "\x00\x01\x02"), nil, "not what was written"},
		"another format":    {put("index", "dragoman state 2 abc\nwhatever"), nil, "has format 2, not 1"},
		"an unreadable one": {func(t *testing.T, path string) {
			t.Helper()
			remove("index")(t, path)
			mkdir(t, filepath.Join(path, "index"))
		}, nil, "is a directory"},
		"no contents":        {remove("contents"), nil, "the content of a.yaml"},
		"a content is gone":  {remove(content), map[string]string{"b.yaml": "two"}, "the content of a.yaml"},
		"a content is empty": {truncate(content, 0), map[string]string{"b.yaml": "two"}, "the content of a.yaml: it is not what was written"},
		"a content changed":  {put(content, "onE"), map[string]string{"b.yaml": "two"}, "the content of a.yaml: it is not what was written"},
		"a file in its way": {func(t *testing.T, path string) {
			t.Helper()
			remove(".")(t, path)
			put("", "x")(t, path)
		}, nil, "not a directory"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			keep(t, open(path, config), whole)
			tt.damage(t, path)
			if tt.want == nil {
				tt.want = map[string]string{}
			}
			wantRead(t, path, tt.want, tt.wrong)
			d := open(path, config)
			_, _ = d.Read() // seen above
			if info, err := os.Stat(path); err != nil || !info.IsDir() || name == "an unreadable one" {
				if err := d.Write(files(whole)); err == nil {
					t.Error("Write: no error")
				}
				return
			}
			keep(t, d, whole)
			wantRead(t, path, whole, "")
		})
	}
}

// The state of one directory is not taken for another's.
func TestStateIsOfOneDirectory(t *testing.T) {
	path := t.TempDir()
	keep(t, open(path, "/etc/other"), map[string]string{"a.yaml": "one"})
	wantRead(t, path, map[string]string{}, "about the directory /etc/other, not /etc/dragoman")
}

// What is taken away under a running server is made anew, with all that belongs
// in it.
func TestAStateThatIsTakenAwayIsMadeAnew(t *testing.T) {
	for name, damage := range map[string]func(*testing.T, string){
		"all of it":      remove("."),
		"the contents":   remove("contents"),
		"the index":      remove("index"),
		"half the index": truncate("index", 100),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			d := open(path, config)
			keep(t, d, map[string]string{"a.yaml": "one"})
			damage(t, path)
			keep(t, d, map[string]string{"a.yaml": "one", "b.yaml": "two"})
			wantRead(t, path, map[string]string{"a.yaml": "one", "b.yaml": "two"}, "")
			if got := len(contentsOf(t, path)); got != 2 {
				t.Errorf("%d contents are kept, want 2", got)
			}
		})
	}
}

// What is not ours is left alone, and what a crash left behind is not.
func TestOnlyOurOwnIsSwept(t *testing.T) {
	path := t.TempDir()
	for _, name := range []string{"notes.txt", "contents/notes.txt", "contents/.dragoman-123"} {
		put(name, "x")(t, path)
	}
	keep(t, open(path, config), map[string]string{"a.yaml": "one"})
	for name, want := range map[string]bool{"notes.txt": true, "contents/notes.txt": true, "contents/.dragoman-123": false} {
		if _, err := os.Stat(filepath.Join(path, name)); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %t", name, err, want)
		}
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		if err := os.RemoveAll(filepath.Clean(filepath.Join(path, name))); err != nil {
			t.Fatal(err)
		}
	}
}

func truncate(name string, size int64) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		if err := os.Truncate(filepath.Join(path, name), size); err != nil {
			t.Fatal(err)
		}
	}
}

func put(name, content string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		full := filepath.Join(path, name)
		mkdir(t, filepath.Dir(full))
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}
