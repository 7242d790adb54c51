package keys_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/types/known/structpb"
	"gopkg.in/yaml.v3"

	"dragoman/diag"
	"dragoman/internal/envoytest"
	"dragoman/loader"
	"dragoman/model"
	"dragoman/pipeline"
	"dragoman/snapshot"
	"dragoman/translator"
	"dragoman/xds"
)

// A site is a configuration directory, the control plane that serves it, and a
// real Envoy.
type site struct {
	t        testing.TB
	up       *upstreams
	config   string         // the directory
	logs     string         // the directory of access logs
	ports    map[string]int // by row and placeholder
	xds      int            // the control plane's port
	fallback string         // the listener of services that name none
	envoy    *envoytest.Envoy
	address  string // of the fallback

	scopesAbove int // hosts on a listener
}

func newSite(t testing.TB, up *upstreams, fallback string) *site {
	t.Helper()
	s := &site{t: t, up: up, config: t.TempDir(), logs: t.TempDir(), ports: map[string]int{}, fallback: fallback, scopesAbove: translator.DefaultScopedRoutesAbove}
	up.certificates.write(t, s.config)
	return s
}

// put writes what a row says into the directory.
func (s *site) put(r row, text string) {
	s.t.Helper()
	s.expand(r, r.yaml) // a check may ask at a port that the text no longer has
	path := filepath.Join(s.config, r.name()+".yaml")
	if err := os.WriteFile(path, []byte(s.expand(r, text)), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

var placeholder = regexp.MustCompile(`<[a-z0-9-]+>`)

// expand puts values into the places that a row's text has for them.
func (s *site) expand(r row, text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(word string) string {
		switch word {
		case "<name>":
			return r.name()
		case "<host>":
			return r.name() + ".test"
		case "<log>":
			return filepath.Join(s.logs, r.name())
		}
		if strings.HasPrefix(word, "<port") {
			return strconv.Itoa(s.port(r, word))
		}
		address, ok := s.up.places[word]
		if !ok {
			panic(r.title() + ": there is no " + word)
		}
		return address
	})
}

// port keeps a port for a row, the same each time.
func (s *site) port(r row, word string) int {
	id := r.name() + word
	if s.ports[id] == 0 {
		s.ports[id] = envoytest.FreePort(s.t)
	}
	return s.ports[id]
}

// start serves the directory to an Envoy that has the runtime layers named, or
// if there are none those of the directory, which it returns. It waits until
// Envoy has taken all of it.
func (s *site) start(layers []string) []string {
	s.t.Helper()
	cfg, snap := s.load()
	if layers == nil {
		layers = slices.Sorted(maps.Keys(cfg.Runtimes))
	}
	s.xds = serve(s.t, snap)
	s.envoy = envoytest.Start(s.t, envoytest.Options{Bootstrap: withLayers(s.t, envoytest.Original(s.t, s.xds), layers)})
	s.envoy.WaitLive(s.t)
	s.address = s.envoy.Listener(s.t, s.fallback)
	stats := s.envoy.Stats(s.t, "update_rejected$|create_failure$")
	for name, n := range stats {
		if n > 0 {
			s.t.Fatalf("Envoy's %s is %d:\n%s", name, n, s.envoy.Log())
		}
	}
	want := 0
	for l := range snap.View(node()).Set(resourcev3.ListenerType).All() {
		if !l.OnDemand {
			want++
		}
	}
	if got := len(s.envoy.Listeners(s.t)); got != want {
		s.t.Fatalf("Envoy has %d of %d listeners:\n%s", got, want, s.envoy.Log())
	}
	return layers
}

// load reads the directory as serve does, and takes no error.
func (s *site) load() (*model.Config, *snapshot.Snapshot) {
	s.t.Helper()
	var snap *snapshot.Snapshot
	res, err := loader.ReadDir(s.config, loader.Options{Check: func(c *model.Config) diag.Problems {
		built, problems := pipeline.Build(c, translator.Options{SystemRoots: s.up.roots, ScopedRoutesAbove: &s.scopesAbove})
		snap = built
		return problems
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range res.Problems.Errors() {
		s.t.Errorf("%s:%d: %s (%s)", p.File, p.Line, p.Msg, p.Hint)
	}
	if s.t.Failed() {
		s.t.FailNow()
	}
	return res.Config, snap
}

// serve runs a control plane until the test ends and returns its port.
func serve(t testing.TB, snap *snapshot.Snapshot) int {
	t.Helper()
	server := xds.New(xds.Options{})
	listeners, err := xds.Listen(t.Context(), "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Publish(t.Context(), snap); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error)
	go func() { ended <- server.Run(ctx, listeners) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	_, port, _ := strings.Cut(listeners[0].Addr().String(), ":")
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// node is what the Envoy of a site says of itself.
func node() *corev3.Node {
	return &corev3.Node{Id: "test-id", Cluster: "test-cluster", Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{
		"region": structpb.NewStringValue("eu"),
		"place":  structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{"rack": structpb.NewNumberValue(7)}}),
	}}}
}

// withLayers gives a bootstrap the node, and a runtime layer for each name, as
// its first is.
func withLayers(t testing.TB, bootstrap string, names []string) string {
	t.Helper()
	var root struct {
		Node    map[string]any
		Runtime struct {
			Layers []map[string]any
		} `yaml:"layered_runtime"`
		Rest map[string]any `yaml:",inline"`
	}
	if err := yaml.Unmarshal([]byte(bootstrap), &root); err != nil {
		t.Fatal(err)
	}
	first := root.Runtime.Layers[0]
	rtds, ok := first["rtds_layer"].(map[string]any)
	if !ok {
		t.Fatalf("the bootstrap's first layer is %v", first)
	}
	for _, name := range names {
		layer := maps.Clone(rtds)
		layer["name"] = name
		root.Runtime.Layers = append(root.Runtime.Layers, map[string]any{"name": name, "rtds_layer": layer})
	}
	root.Node = map[string]any{"id": node().GetId(), "cluster": node().GetCluster(), "metadata": node().GetMetadata().AsMap()}
	out, err := yaml.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
