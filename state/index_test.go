package state_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"dragoman/state"
	"dragoman/table"
)

// One edit after the other is written behind the index, which is made anew
// before it is too long.
func TestEditsAreWrittenBehindTheIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	d := open(path, config)
	contents := map[string]string{}
	for i := range 20 {
		contents[fmt.Sprintf("%d.yaml", i)] = "first"
	}
	keep(t, d, contents)
	index := stat(t, path)
	made := 0
	for i := range 300 {
		if name := fmt.Sprintf("%d.yaml", i%25); i%7 == 3 {
			delete(contents, name)
		} else {
			contents[name] = fmt.Sprint("revision ", i/2)
		}
		keep(t, d, contents)
		now := stat(t, path)
		if !os.SameFile(index, now) {
			made++
		}
		if index = now; index.Size() > 32<<10 {
			t.Fatalf("the index has %d bytes", index.Size())
		}
		if i%10 == 0 {
			wantRead(t, path, contents, "")
			if got, want := len(contentsOf(t, path)), len(distinct(contents)); got != want {
				t.Fatalf("%d contents are kept, want %d", got, want)
			}
		}
	}
	if made < 1 || made > 3 {
		t.Errorf("of 300 edits %d made a new index", made)
	}
}

// Wherever an index is cut short or changed, what is read of it is what was
// kept at one time.
func TestADamagedIndexIsOneThatWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	d := open(path, config)
	past := []map[string]string{nil, {"a.yaml": "0", "b.yaml": "0"}}
	keep(t, d, past[1])
	for i := range 5 {
		next := maps.Clone(past[len(past)-1])
		if i == 3 {
			delete(next, "b.yaml")
		} else {
			next["a.yaml"], next[fmt.Sprint("c", i, ".yaml")] = fmt.Sprint(i), "same"
		}
		keep(t, d, next)
		past = append(past, next)
	}
	index := filepath.Join(path, "index")
	whole, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		for name, damaged := range map[string][]byte{
			"cut off":      whole[:at],
			"changed":      append(append([]byte{}, whole[:at]...), append([]byte{whole[at] ^ 1}, whole[at+1:]...)...),
			"without that": append(append([]byte{}, whole[:at]...), whole[at+1:]...),
		} {
			put("index", string(damaged))(t, path)
			got, err := open(path, config).Read()
			if !was(got, past) {
				t.Errorf("%s at %d: %q was never kept (%v)", name, at, got, err)
			}
			if len(got) != len(past[len(past)-1]) && err == nil {
				t.Errorf("%s at %d: %d files and no error", name, at, len(got))
			}
		}
	}
}

// was says whether all that was read was kept at one time.
func was(got map[string][]byte, past []map[string]string) bool {
	for _, then := range past {
		all := true
		for path, data := range got {
			text, there := then[path]
			all = all && there && text == string(data)
		}
		if all {
			return true
		}
	}
	return false
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(filepath.Join(path, "index"))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// An edit costs the same among any number of files.
func BenchmarkOneEdit(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprint("N=", n), func(b *testing.B) {
			all := make([]*file, n)
			for i := range all {
				all[i] = &file{fmt.Sprintf("services/s%d.yaml", i), fmt.Sprint("content ", i)}
			}
			d, kept := state.Open[*file](b.TempDir(), config), table.Of(all...)
			if err := d.Write(kept); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				kept = kept.Put(&file{all[i%n].path, fmt.Sprint("revision ", i)})
				if err := d.Write(kept); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
