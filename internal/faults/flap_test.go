package faults_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A file is written a hundred times a second, one content or the other: in
// place, and by a rename, which is taken at once. Nobody else is concerned, and
// what is published is bounded.
func TestAFileFlaps(t *testing.T) {
	t.Parallel()
	for name, save := range map[string]func(t *testing.T, w *world, text string){
		"in place": func(t *testing.T, w *world, text string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(w.dir, "flapping.yaml"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		},
		"by rename": func(t *testing.T, w *world, text string) { t.Helper(); w.write(t, "flapping.yaml", text) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := create(t, options{})
			w.write(t, "flapping.yaml", w.service("flapping", 0))
			serves(t, w.address(), "flapping", 0)
			l := w.load(t, target{host: "flapping.example.com", check: says("up flapping.example.com")})
			before := len(w.Published())
			ticker := time.NewTicker(10 * time.Millisecond)
			defer ticker.Stop()
			seconds := pick(2, 30)
			writes := 0
			for end := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(end); <-ticker.C {
				writes++
				save(t, w, w.service("flapping", writes%2))
			}
			save(t, w, w.service("flapping", 2))
			took := serves(t, w.address(), "flapping", 2)
			w.edit(t, 1)
			w.sees(t, 1)
			published := len(w.Published()) - before
			if name == "in place" && published > 10*(seconds+1) || published > writes+2 {
				t.Errorf("%d versions were published in %d s, of %d writes", published, seconds, writes)
			}
			over(t, l, "flapping content, "+name, figure("writes", writes), figure("publications", published), slowest("the last one within", []time.Duration{took}))
		})
	}
}
