package snapshot_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"

	"dragoman/snapshot"
	"dragoman/translator"
)

func build(t testing.TB, r translator.Resources) *snapshot.Snapshot {
	t.Helper()
	s, err := snapshot.Build(r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBuildGivesEveryTypeAVersion(t *testing.T) {
	for _, n := range []int{0, 3} {
		s := build(t, services(t, n))
		for _, typeURL := range snapshot.Types() {
			if got := s.View(nil).Set(typeURL).Version(); len(got) != 16 || got != s.Versions[typeURL] {
				t.Errorf("the set of %s has version %q, and Versions has %q, want the same 16 digits", typeURL, got, s.Versions[typeURL])
			}
		}
	}
	want := map[string]int{
		resourcev3.ClusterType: 3, resourcev3.EndpointType: 3, resourcev3.ListenerType: 1,
		resourcev3.RouteType: 1, resourcev3.RuntimeType: 1,
	}
	if diff := cmp.Diff(want, build(t, services(t, 3)).Counts); diff != "" {
		t.Errorf("Counts (-want +got):\n%s", diff)
	}
}

func TestVersionsAreOfContent(t *testing.T) {
	before := build(t, services(t, 3))
	for _, c := range []struct {
		name string
		edit func(*translator.Resources)
		want []string // the types whose version changes
	}{
		{"nothing", func(*translator.Resources) {}, nil},
		{"another order", func(r *translator.Resources) { slices.Reverse(r.Clusters) }, nil},
		{"a route", func(r *translator.Resources) {
			r.Routes[0].VirtualHosts[0].Routes[0].Name = "first"
		}, []string{resourcev3.RouteType}},
		{"a cluster", func(r *translator.Resources) {
			r.Clusters[1].LbPolicy = clusterv3.Cluster_RANDOM
		}, []string{resourcev3.ClusterType}},
		{"a removed cluster", func(r *translator.Resources) {
			r.Clusters = r.Clusters[:2]
		}, []string{resourcev3.ClusterType}},
		{"no runtime", func(r *translator.Resources) { r.Runtimes = nil }, []string{resourcev3.RuntimeType}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := services(t, 3)
			c.edit(&r)
			after := build(t, r)
			var changed []string
			for typeURL, version := range after.Versions {
				if version != before.Versions[typeURL] {
					changed = append(changed, typeURL)
				}
			}
			if diff := cmp.Diff(c.want, changed); diff != "" {
				t.Errorf("changed versions (-want +got):\n%s", diff)
			}
			if same := after.Version == before.Version; same != (c.want == nil) {
				t.Errorf("the versions of the whole are %s and %s", before.Version, after.Version)
			}
		})
	}
}

// The endpoints of a cluster are sent again when it changes: it says which.
func TestClustersNeedTheirEndpoints(t *testing.T) {
	own, other := cluster(t, "own"), cluster(t, "other")
	own.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
	other.ClusterDiscoveryType = own.GetClusterDiscoveryType()
	other.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{ServiceName: "own"}
	r := services(t, 3)
	r.Clusters = []*clusterv3.Cluster{own, other, cluster(t, "static")}
	for i, c := range r.Clusters {
		r.Routes[0].VirtualHosts[i].Routes[0] = route(c.GetName())
	}
	set := build(t, r).View(nil).Set(resourcev3.ClusterType)
	for name, want := range map[string][]snapshot.Ref{
		"own": {{Type: resourcev3.EndpointType, Name: "own"}}, "other": {{Type: resourcev3.EndpointType, Name: "own"}}, "static": nil,
	} {
		if diff := cmp.Diff(want, set.Get(name).Needs); diff != "" {
			t.Errorf("%s needs (-want +got):\n%s", name, diff)
		}
	}
}

// An Envoy asks for all listeners, and can do nothing with a gRPC client's.
func TestListenersOfClientsAreOnDemand(t *testing.T) {
	r := services(t, 1)
	r.Listeners = append(r.Listeners, &listenerv3.Listener{
		Name: "rpc", ApiListener: &listenerv3.ApiListener{ApiListener: pack(t, manager(t, "http"))},
	})
	s := build(t, r)
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	for res := range s.View(nil).Set(resourcev3.ListenerType).All() {
		if res.OnDemand != (res.Name == "rpc") {
			t.Errorf("%s is on demand: %v", res.Name, res.OnDemand)
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*translator.Resources)
		want snapshot.Fault
	}{
		{
			"two of one name",
			func(r *translator.Resources) { r.Clusters = append(r.Clusters, cluster(t, "service-00001")) },
			snapshot.Fault{Type: resourcev3.ClusterType, Name: "service-00001", Msg: "is there twice"},
		},
		{
			"no name",
			func(r *translator.Resources) { r.Routes[0].Name = "" },
			snapshot.Fault{Type: resourcev3.RouteType, Msg: "has no name"},
		},
		{
			"not UTF-8",
			func(r *translator.Resources) { r.Clusters[0].AltStatName = "\xff" },
			snapshot.Fault{Type: resourcev3.ClusterType, Name: "service-00000", Msg: "string field contains invalid UTF-8"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := services(t, 3)
			c.edit(&r)
			_, err := snapshot.Build(r)
			got, ok := errors.AsType[snapshot.Fault](err)
			if !ok || got.Type != c.want.Type || got.Name != c.want.Name || !containsFold(got.Msg, c.want.Msg) {
				t.Errorf("Build: %v, want %v", err, c.want)
			}
		})
	}
}

// What a start costs.
func BenchmarkBuild(b *testing.B) {
	for n := 10; n <= 10_000; n *= 10 {
		r := services(b, n)
		b.Run(fmt.Sprintf("N=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := snapshot.Build(r)
				if err == nil {
					err = s.Check()
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
