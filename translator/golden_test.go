package translator_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"dragoman/internal/golden"
	"dragoman/loader"
	"dragoman/translator"
)

// Every directory of testdata is a configuration as a user would write it,
// and snapshot.json what Envoy gets. The order in which files are read must
// not show.
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/*")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var compared []string
	for _, dir := range cases {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			sources, _, err := loader.OpenDir(dir, 0).Look(nil)
			if err != nil {
				t.Fatal(err)
			}
			sources = withoutSnapshot(sources)
			path := filepath.Join(dir, "snapshot.json")
			want := translated(t, sources)
			golden.Text(t, path, want)
			compared = append(compared, path)
			for range 10 {
				rand.Shuffle(len(sources), func(i, j int) { sources[i], sources[j] = sources[j], sources[i] })
				if got := inSteps(t, sources); got != want {
					t.Fatal("files in another order give another snapshot")
				}
			}
		})
	}
	golden.Orphans(t, "testdata/*/snapshot.json", compared)
}

// withoutSnapshot drops the golden file, which lies beside the input.
func withoutSnapshot(in []loader.Source) []loader.Source {
	var out []loader.Source
	for _, s := range in {
		if s.Path != "snapshot.json" {
			out = append(out, s)
		}
	}
	return out
}

func translated(t *testing.T, sources []loader.Source) string {
	t.Helper()
	return asJSON(t, loader.New(loader.Options{}).Apply(sources))
}

// inSteps reads one file after the other, as a server sees them come.
func inSteps(t *testing.T, sources []loader.Source) string {
	t.Helper()
	l := loader.New(loader.Options{})
	var res loader.Result
	for i := range sources {
		res = l.Apply(sources[i : i+1])
	}
	return asJSON(t, res)
}

func asJSON(t *testing.T, res loader.Result) string {
	t.Helper()
	if err := res.Problems.Err(); err != nil {
		t.Fatal(err)
	}
	r, problems := translator.Translate(res.Config, translator.Options{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return golden.JSON(t, map[string]any{
		"clusters":  golden.Protos(t, r.Clusters),
		"endpoints": golden.Protos(t, r.Endpoints),
		"listeners": golden.Protos(t, r.Listeners),
		"routes":    golden.Protos(t, r.Routes),
		"runtimes":  golden.Protos(t, r.Runtimes),
	})
}
