package translator_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"dragoman/diag"
	"dragoman/internal/envoytest"
	"dragoman/loader"
	"dragoman/model"
	"dragoman/pipeline"
	"dragoman/translator"
)

// Whatever is not refused here, Envoy takes: a refusal of its own is heard of
// by nobody who edits a file, and one bad route takes all routes of a listener
// along. RANDOM_SEED makes it another run, RANDOM_BATCHES a longer one: a batch
// takes Envoy some ten seconds.
func TestEnvoyTakesWhatIsNotRefused(t *testing.T) {
	seed := number(t, "RANDOM_SEED", 1)
	t.Logf("RANDOM_SEED=%d", seed)
	v := validator{envoy: envoytest.Binary(t), dir: t.TempDir()}
	v.roots = filepath.Join(v.dir, "roots.pem")
	if err := os.WriteFile(v.roots, envoytest.NewCA(t).PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	written, served := 0, 0
	for batch := range number(t, "RANDOM_BATCHES", 2) {
		w := &writer{Rand: rand.New(rand.NewPCG(seed, batch)), listeners: []listenAt{
			{"0.0.0.0", 10000}, {"::", 10001}, {"127.0.0.1", 1}, {"2001:db8::1", 65535},
		}}
		documents := w.configuration(20)
		held, words := v.try(t, documents)
		written, served = written+len(documents), served+len(documents)-held
		if words != "" {
			documents, words = v.least(t, documents)
			t.Errorf("batch %d: Envoy refuses what is served of\n%s\n%s", batch, asText(t, documents), words)
		}
	}
	t.Logf("%d of %d files were served", served, written)
	if served < written/4 {
		t.Errorf("only %d of %d files were served: that proves little", served, written)
	}
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// load reads documents, each from a file of its own, as a server does.
func load(t *testing.T, documents []object, o translator.Options) loader.Result {
	t.Helper()
	var sources []loader.Source
	for i, d := range documents {
		sources = append(sources, loader.Source{Path: fmt.Sprintf("%d.json", i), Data: asText(t, d)})
	}
	return loader.New(loader.Options{Check: func(c *model.Config) diag.Problems {
		_, problems := pipeline.Build(c, o)
		return problems
	}}).Apply(sources)
}

func asText(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A validator asks an Envoy whether it would take a configuration.
type validator struct{ envoy, dir, roots string }

// try says how many files are held back, and what Envoy says against the rest.
func (v validator) try(t *testing.T, documents []object) (held int, words string) {
	t.Helper()
	o := translator.Options{SystemRoots: v.roots}
	res := load(t, documents, o)
	if res.Config == nil {
		return len(documents), ""
	}
	resources, problems := translator.Translate(res.Config, o)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	bootstrap, err := translator.Static(resources, "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := protojson.Marshal(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(v.dir, "bootstrap.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(v.envoy, "--mode", "validate", "--log-level", "error", "-c", path).CombinedOutput()
	if err != nil {
		words = fmt.Sprintf("%v: %s", err, out)
	}
	return len(res.Held), words
}

// least leaves out every file that a refusal of Envoy's does not need.
func (v validator) least(t *testing.T, documents []object) (least []object, words string) {
	t.Helper()
	_, words = v.try(t, documents)
	for i := range slices.Backward(documents) {
		fewer := slices.Delete(slices.Clone(documents), i, i+1)
		if _, still := v.try(t, fewer); still != "" {
			documents, words = fewer, still
		}
	}
	return documents, words
}
