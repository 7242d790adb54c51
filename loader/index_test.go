package loader_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dragoman/loader"
	"dragoman/model"
)

// However a directory came about, a loader that looks only at what an edit has
// to do with comes to what one says that looks at everything, to the last word
// of each problem. INDEX_RUNS makes it more than 30 random histories.
func TestAnEditIsWhatALookAtEverythingSays(t *testing.T) {
	const steps = 60
	runs := 30
	if text := os.Getenv("INDEX_RUNS"); text != "" {
		var err error
		if runs, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	rows := cmp.Transformer("rows", func(t model.Services) []*model.Service { return slices.Collect(t.All()) })
	for run := range runs {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		o := loader.Options{AllowEmpty: run%2 == 0, Freeze: run%7 == 0}
		l, all := loader.New(o), loader.New(o)
		dir := map[string]string{}
		for step := range steps {
			change := randomChange(r, dir)
			for path, content := range change {
				if dir[path] = content; content == "" {
					delete(dir, path)
				}
			}
			loader.Forget(all)
			got, want := apply(l, change), apply(all, change)
			if r.IntN(20) == 0 {
				loader.Forget(all)
				got, want = l.Approve(), all.Approve()
			}
			if diff := cmp.Diff(want, got, rows); diff != "" {
				t.Fatalf("seed %d, step %d, change %q (-everything +edit):\n%s", seed, step, change, diff)
			}
			if r.IntN(6) == 0 && l.Good().Len() > 0 {
				rejectSome(t, r, l, all)
			}
		}
	}
}

// rejectSome accepts or rejects what serves of some file, in both loaders.
func rejectSome(t *testing.T, r *rand.Rand, loaders ...*loader.Loader) {
	t.Helper()
	choice, accept := r.IntN(100), r.IntN(2) == 0
	var said []string
	for _, l := range loaders {
		good := l.Good()
		path := good.Keys()[choice%good.Len()]
		if accept {
			l.Accept(good, []string{path})
			continue
		}
		res, ok := l.Reject([]loader.Rejection{{Content: good.Get(path)}})
		said = append(said, fmt.Sprint(ok, res.Held, res.Unserved, res.Problems))
	}
	if !accept && said[0] != said[1] {
		t.Fatalf("a rejection gives\n%s\nwant\n%s", said[0], said[1])
	}
}
