package translator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"

	"dragoman/internal/envoytest"
	"dragoman/pipeline"
	"dragoman/snapshot"
	"dragoman/translator"
	"dragoman/xds"
)

// TestEnvoyTakesWhatIsServed serves one random configuration after the other to
// an Envoy, which takes every one, and then has just what is in it. RANDOM_SEED
// makes it another run, RANDOM_SERVED a longer one.
func TestEnvoyTakesWhatIsServed(t *testing.T) {
	seed := number(t, "RANDOM_SEED", 1)
	t.Logf("RANDOM_SEED=%d", seed)
	o := translator.Options{SystemRoots: filepath.Join(t.TempDir(), "roots.pem")}
	if err := os.WriteFile(o.SystemRoots, envoytest.NewCA(t).PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"GRPC", "DELTA_GRPC"} {
		t.Run(form, func(t *testing.T) {
			s := serveTo(t, form)
			for step := range number(t, "RANDOM_SERVED", 5) {
				w := &writer{Rand: rand.New(rand.NewPCG(seed, step)), listeners: []listenAt{
					{"127.0.0.1", envoytest.FreePort(t)}, {"0.0.0.0", envoytest.FreePort(t)},
				}}
				res := load(t, w.configuration(15), o)
				if res.Config == nil {
					t.Fatalf("step %d: nothing is valid: %v", step, res.Problems)
				}
				snap, problems := pipeline.Build(res.Config, o)
				if err := problems.Err(); err != nil {
					t.Fatal(err)
				}
				s.publish(t, snap)
			}
		})
	}
}

// A served Envoy is one with the server that it gets everything from.
type served struct {
	*xds.Server
	envoy *envoytest.Envoy

	mu       sync.Mutex
	accepted map[string]string // version by type, of what it has asked for
	refused  []string
}

func serveTo(t *testing.T, form string) *served {
	t.Helper()
	ls, err := xds.Listen(t.Context(), "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &served{accepted: map[string]string{}}
	s.Server = xds.New(xds.Options{Observe: s.observe, Linger: 100 * time.Millisecond, Drain: 100 * time.Millisecond, WarmTimeout: time.Minute})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, ls) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	bootstrap := envoytest.Original(t, ls[0].Addr().(*net.TCPAddr).Port)
	s.envoy = envoytest.Start(t, envoytest.Options{Bootstrap: strings.ReplaceAll(bootstrap, "api_type: GRPC", "api_type: "+form)})
	return s
}

func (s *served) observe(e xds.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.Kind {
	case xds.Accepted:
		s.accepted[e.Type] = e.Version
	case xds.Asked:
		s.accepted[e.Type] = ""
	case xds.Dropped:
		delete(s.accepted, e.Type)
	case xds.Refused, xds.Partly, xds.Stuck:
		s.refused = append(s.refused, fmt.Sprintf("%+v", e))
	case xds.Published, xds.Assigned, xds.Opened, xds.Closed, xds.Offered:
	}
}

// publish waits until the Envoy is in sync with a snapshot and has all of it,
// and nothing else.
func (s *served) publish(t *testing.T, snap *snapshot.Snapshot) {
	t.Helper()
	if err := s.Publish(t.Context(), snap); err != nil {
		t.Fatal(err)
	}
	view := snap.View(nil)
	want := map[string][]string{}
	for _, typeURL := range []string{resourcev3.ClusterType, resourcev3.EndpointType, resourcev3.ListenerType, resourcev3.RouteType} {
		want[typeURL] = []string{}
		for r := range view.Set(typeURL).All() {
			want[typeURL] = append(want[typeURL], entry(t, r))
		}
		slices.Sort(want[typeURL])
	}
	envoytest.Eventually(t, 30*time.Second, "Envoy has what is served", func() error {
		if err := s.inSync(t, view); err != nil {
			return err
		}
		got := has(t, s.envoy)
		got[resourcev3.EndpointType] = slices.DeleteFunc(got[resourcev3.EndpointType], func(e string) bool {
			name, _, _ := strings.Cut(e, " ")
			return view.Set(resourcev3.EndpointType).Get(name) == nil // the endpoints of a cluster that has them in itself
		})
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("(-served +has):\n%s", diff)
		}
		return nil
	})
}

// entry is a resource's name, and of endpoints how many there are.
func entry(t *testing.T, r *snapshot.Resource) string {
	t.Helper()
	if r.Body.GetTypeUrl() != resourcev3.EndpointType {
		return r.Name
	}
	var a endpointv3.ClusterLoadAssignment
	if err := r.Body.UnmarshalTo(&a); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, l := range a.GetEndpoints() {
		n += len(l.GetLbEndpoints())
	}
	return fmt.Sprint(r.Name, " ", n)
}

// inSync says what Envoy has not accepted. What it has refused fails the test.
func (s *served) inSync(t *testing.T, view *snapshot.View) error {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.refused) > 0 {
		t.Fatalf("Envoy refuses what is served:\n%s", strings.Join(s.refused, "\n"))
	}
	for _, typeURL := range slices.Sorted(maps.Keys(s.accepted)) {
		if got, want := s.accepted[typeURL], view.Set(typeURL).Version(); got != want {
			return fmt.Errorf("of %s it has accepted %q, not %q", typeURL, got, want)
		}
	}
	return nil
}

// has are an Envoy's dynamic resources by type, as entry has them, without
// those that are draining. Clusters with endpoints of their own have them too.
func has(t *testing.T, e *envoytest.Envoy) map[string][]string {
	t.Helper()
	type named struct{ Name string }
	var dump struct {
		Configs []struct {
			Active    []struct{ Cluster named } `json:"dynamic_active_clusters"`
			Warming   []struct{ Cluster named } `json:"dynamic_warming_clusters"`
			Listeners []struct {
				Name    string
				Active  json.RawMessage `json:"active_state"`
				Warming json.RawMessage `json:"warming_state"`
			} `json:"dynamic_listeners"`
			Routes []struct {
				Config named `json:"route_config"`
			} `json:"dynamic_route_configs"`
			Endpoints []struct {
				Config struct {
					Name       string `json:"cluster_name"`
					Localities []struct {
						Endpoints []json.RawMessage `json:"lb_endpoints"`
					} `json:"endpoints"`
				} `json:"endpoint_config"`
			} `json:"dynamic_endpoint_configs"`
		}
	}
	if err := json.Unmarshal(e.ConfigDump(t, "include_eds"), &dump); err != nil {
		t.Fatal(err)
	}
	clusters, endpoints, listeners, routes := []string{}, []string{}, []string{}, []string{}
	draining := map[string]bool{} // listeners, which have their routes until the end
	for _, c := range dump.Configs {
		for _, x := range slices.Concat(c.Active, c.Warming) {
			clusters = append(clusters, x.Cluster.Name)
		}
		for _, x := range c.Listeners {
			if x.Active != nil || x.Warming != nil {
				listeners = append(listeners, x.Name)
			} else {
				draining[x.Name] = true
			}
		}
		for _, x := range c.Routes {
			routes = append(routes, x.Config.Name)
		}
		for _, x := range c.Endpoints {
			n := 0
			for _, l := range x.Config.Localities {
				n += len(l.Endpoints)
			}
			endpoints = append(endpoints, fmt.Sprint(x.Config.Name, " ", n))
		}
	}
	routes = slices.DeleteFunc(routes, func(name string) bool { return draining[name] && !slices.Contains(listeners, name) })
	out := map[string][]string{
		resourcev3.ClusterType: clusters, resourcev3.EndpointType: endpoints,
		resourcev3.ListenerType: listeners, resourcev3.RouteType: routes,
	}
	for _, names := range out {
		slices.Sort(names)
	}
	return out
}
