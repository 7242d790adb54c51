// Package examples_test keeps the examples true: each is loaded without a
// problem, translated as the golden file says, taken by a real Envoy, and
// answers as its README says.
package examples_test

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"dragoman/diag"
	"dragoman/internal/envoytest"
	"dragoman/internal/golden"
	"dragoman/loader"
	"dragoman/model"
	"dragoman/pipeline"
	"dragoman/translator"
)

// examples lists the directories that hold one.
func examples(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "testdata" {
			out = append(out, e.Name())
		}
	}
	return out
}

func logger(t *testing.T) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

func TestExamplesAreRightAndTranslateAsReviewed(t *testing.T) {
	t.Parallel()
	var compared []string
	for _, name := range examples(t) {
		res, err := loader.ReadDir(name, loader.Options{Check: func(c *model.Config) diag.Problems {
			_, problems := pipeline.Build(c, translator.Options{})
			return problems
		}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, p := range res.Problems {
			t.Errorf("%s has a problem: %s", name, p)
		}
		if res.Config == nil {
			t.Errorf("%s holds nothing", name)
			continue
		}
		r, _ := translator.Translate(res.Config, translator.Options{})
		file := filepath.Join("testdata", name+".json")
		compared = append(compared, file)
		golden.Text(t, file, golden.JSON(t, map[string]any{
			"clusters":  golden.Protos(t, r.Clusters),
			"listeners": golden.Protos(t, r.Listeners),
			"routes":    golden.Protos(t, r.Routes),
			"runtimes":  golden.Protos(t, r.Runtimes),
		}))
	}
	golden.Orphans(t, "testdata/*.json", compared)
}

// more is what an example promises beyond what a single curl can show.
func more() map[string]func(*testing.T, *running) {
	return map[string]func(*testing.T, *running){
		"access-log":           failuresAreLogged,
		"canary":               weightsAreKept("cart.example.com", "9002", 0.01, 0.25),
		"grpc":                 healthIsServing,
		"header-changes":       nothingIsLeftOfDebug,
		"upstreams":            weightsAreKept("api.example.com", "9001", 0.55, 0.95),
		"retries-and-timeouts": flakinessIsHidden,
		"configmap":            aSwapIsFollowed,
	}
}

// Every example but one answers; envoyproxy-io needs the internet for that.
func TestExamplesAnswerAsTheirREADMEsSay(t *testing.T) {
	t.Parallel()
	for _, name := range examples(t) {
		if name == "envoyproxy-io" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := exchanges(t, name)
			if len(all) == 0 {
				t.Fatal("the README shows no request")
			}
			r := run(t, name)
			for _, e := range all {
				r.check(t, e)
			}
			if check := more()[name]; check != nil {
				check(t, r)
			}
		})
	}
}

// weightsAreKept asks many times: the share of one upstream must be within
// bounds that chance leaves once in more runs than there will ever be.
func weightsAreKept(host, upstream string, least, most float64) func(*testing.T, *running) {
	const asked = 400
	return func(t *testing.T, r *running) {
		t.Helper()
		hits := 0
		for range asked {
			got := r.curl(t, fmt.Sprintf("curl -s -H 'Host: %s' localhost:10000/", host))
			if strings.HasPrefix(got[0], "upstream "+upstream+":") {
				hits++
			}
		}
		if share := float64(hits) / asked; share < least || share > most {
			t.Errorf("%s took %d of %d requests for %s, want a share from %v to %v", upstream, hits, asked, host, least, most)
		}
	}
}

func healthIsServing(t *testing.T, r *running) {
	t.Helper()
	conn, err := grpc.NewClient(r.at(t, "localhost:10000"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: "9001"})
	if err != nil || got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("Check through Envoy = %v, %v, want SERVING", got, err)
	}
}

func nothingIsLeftOfDebug(t *testing.T, r *running) {
	t.Helper()
	got := r.curl(t, "curl -s -H 'Host: api.example.com' -H 'x-debug: 1' localhost:10000/v1/orders")
	if slices.Contains(got, "x-debug: 1") {
		t.Errorf("the upstream got x-debug: %q", got)
	}
	got = r.curl(t, "curl -s -H 'Host: api.example.com' localhost:10000/reports")
	if slices.Contains(got, "x-team: api") {
		t.Errorf("a route with requestHeaders of its own got the service's too: %q", got)
	}
}

func flakinessIsHidden(t *testing.T, r *running) {
	t.Helper()
	for range 4 {
		r.check(t, exchange{"curl -si localhost:10000/flaky", []string{"HTTP/1.1 200 OK"}})
	}
}

func aSwapIsFollowed(t *testing.T, r *running) {
	t.Helper()
	next := maps.Clone(r.mounted())
	next["shop.yaml"] = "service: shop\nroutes: [{respond: {status: 200, body: swapped}}]\n"
	r.volume.Write(t, next)
	envoytest.Eventually(t, 20*time.Second, "the new answer", func() error {
		if got := r.curl(t, "curl -s localhost:10000/"); got[0] != "swapped" {
			return fmt.Errorf("got %q", got)
		}
		return nil
	})
}

func failuresAreLogged(t *testing.T, r *running) {
	t.Helper()
	envoytest.Eventually(t, 10*time.Second, "the access log", func() error {
		switch log := r.envoy.Stdout(); {
		case !strings.Contains(log, `"route":"missing-page"`), !strings.Contains(log, `"status":404`):
			return errors.New("it lacks the request that failed: " + log)
		case strings.Contains(log, `"status":200`):
			return errors.New("it has the request that did not: " + log)
		}
		return nil
	})
}

// The manifest in the README is the directory beside it.
func TestTheConfigMapIsWhatIsMounted(t *testing.T) {
	t.Parallel()
	blocks := fenced(t, "configmap/README.md", "yaml")
	if len(blocks) != 1 {
		t.Fatalf("%d manifests, want one", len(blocks))
	}
	manifest := strings.Join(blocks[0], "\n")
	for name, text := range yamlFiles(t, "configmap/mounted") {
		want := "  " + name + ": |\n    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
		if !strings.Contains(manifest, want) {
			t.Errorf("the manifest lacks\n%s", want)
		}
	}
}

// A person can follow a README only if it says how.
func TestExamplesSayHowToTryThem(t *testing.T) {
	t.Parallel()
	for _, name := range examples(t) {
		text, err := os.ReadFile(filepath.Join(name, "README.md"))
		if err != nil {
			t.Error(err)
			continue
		}
		if want := "EXAMPLE=" + name + " make demo"; name != "quickstart" && name != "envoyproxy-io" && !strings.Contains(string(text), want) {
			t.Errorf("%s/README.md does not say %q", name, want)
		}
	}
}
