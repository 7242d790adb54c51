package snapshot_test

import (
	stdcmp "cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"dragoman/snapshot"
	"dragoman/table"
	"dragoman/translator"
)

// However resources are edited, a snapshot that is made of the last one is what
// is made from nothing: its versions, bytes and views, and what is wrong with it.
func TestWhatIsBuiltOfTheLastIsBuiltFromNothing(t *testing.T) {
	const histories, edits = 30, 80
	faulty, refused := 0, 0
	for seed := range uint64(histories) {
		e := editor{t: t, r: rand.New(rand.NewPCG(seed, 7)), careful: seed%2 == 0}
		e.now = groupsAndMore(t)
		var b snapshot.Builder
		for i := range edits {
			before := e.now
			for range 1 + e.r.IntN(3) {
				e.edit()
			}
			got, err := e.build(&b)
			want, wanted := snapshot.Build(e.now)
			if fmt.Sprint(err) != fmt.Sprint(wanted) {
				t.Fatalf("seed %d, edit %d: Build: %v, want %v", seed, i, err, wanted)
			}
			if err != nil {
				refused++
				e.now = before
				continue
			}
			if fault, wanted := got.Check(), want.Check(); fmt.Sprint(fault) != fmt.Sprint(wanted) {
				t.Fatalf("seed %d, edit %d: Check: %v, want %v", seed, i, fault, wanted)
			} else if fault != nil {
				faulty++
				if e.careful { // as the pipeline is
					e.now = before
				}
			}
			nodes := e.nodes()
			if want, got := contents(want, nodes), contents(got, nodes); want != got {
				t.Fatalf("seed %d, edit %d (-want +got):\n%s", seed, i, cmp.Diff(want, got))
			}
		}
	}
	if all := histories * edits; faulty < all/20 || faulty > all*3/4 || refused < all/100 {
		t.Errorf("%d of %d are faulty and %d refused, which tells little", faulty, all, refused)
	}
}

// contents is all that can be seen of a snapshot, a line for each thing.
func contents(s *snapshot.Snapshot, nodes []string) string {
	var b strings.Builder
	fmt.Fprintln(&b, s.Version, s.Versions, s.Counts)
	for _, typeURL := range snapshot.Types() {
		for r := range s.All(typeURL).All() {
			fmt.Fprintf(&b, "%s %v %t %x %x %x\n", r.Version, r.Needs, r.OnDemand, r.Body.GetValue(), r.Delta(), r.SotW())
		}
	}
	for _, node := range nodes {
		v := s.View(id(node))
		fmt.Fprintln(&b, "view of", node, v.Version, v.Shadowed)
		for _, typeURL := range snapshot.Types() {
			fmt.Fprintln(&b, typeURL, v.Set(typeURL).Version())
			for r := range v.Set(typeURL).All() {
				fmt.Fprintln(&b, r.Name, r.Version)
			}
		}
	}
	return b.String()
}

// An editor edits resources at random. What it does not edit it leaves as it is,
// pointers included.
type editor struct {
	t       *testing.T
	r       *rand.Rand
	now     translator.Resources
	careful bool
	rows    map[proto.Message]*translator.Message
}

// build builds what is now, of the same messages where it is the same. One that
// was gone does not come back.
func (e *editor) build(b *snapshot.Builder) (*snapshot.Snapshot, error) {
	all, err := snapshot.Tables(e.now)
	if err != nil {
		return nil, err
	}
	rows := map[proto.Message]*translator.Message{}
	for typeURL, of := range all.Tables {
		for m := range of.All() {
			rows[m.Body] = stdcmp.Or(e.rows[m.Body], m)
		}
		all.Tables[typeURL] = table.Of(slices.Collect(func(yield func(*translator.Message) bool) {
			for m := range of.All() {
				yield(rows[m.Body])
			}
		})...)
	}
	s, err := b.Build(all)
	if err == nil {
		e.rows = rows
	}
	return s, err
}

// nodes are some in some groups. Not all are asked for each time.
func (e *editor) nodes() []string {
	all := []string{"nobody", "edge", "mesh", "edge and mesh", "unused"}
	e.r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:e.r.IntN(len(all)+1)]
}

func (e *editor) name() string { return fmt.Sprint("n", e.r.IntN(6)) }

func (e *editor) edit() {
	switch e.r.IntN(20) {
	case 0, 1, 2, 3:
		c := cluster(e.t, e.name())
		c.ConnectTimeout = durationpb.New(time.Duration(1+e.r.IntN(3)) * time.Second)
		if e.r.IntN(2) == 0 {
			c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
			c.LoadAssignment = nil
		}
		if e.r.IntN(3) == 0 {
			c.TransportSocket = socket(e.t, &tlsv3.UpstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{
				ValidationContextType: &tlsv3.CommonTlsContext_ValidationContextSdsSecretConfig{ValidationContextSdsSecretConfig: sdsConfig(e.name())},
			}})
		}
		e.now.Clusters = put(e, e.now.Clusters, c)
	case 4, 5, 6, 7:
		a := assignment(e.name())
		a.Endpoints[0].LbEndpoints[0].LoadBalancingWeight = nil
		a.Endpoints[0].LbEndpoints[0].GetEndpoint().Address = address("127.0.0.1", 80+uint32(e.r.IntN(3)))
		e.now.Endpoints = put(e, e.now.Endpoints, a)
	case 8, 9, 10:
		r := &routev3.RouteConfiguration{Name: []string{"common", "edge", "mesh", "shared"}[e.r.IntN(4)]}
		for i := range e.r.IntN(4) {
			to := route(e.name())
			if e.r.IntN(40) == 0 {
				to.GetRoute().ClusterSpecifier = nil // breaks a constraint
			}
			r.VirtualHosts = append(r.VirtualHosts, &routev3.VirtualHost{Name: fmt.Sprint(i), Domains: []string{fmt.Sprint(i)}, Routes: []*routev3.Route{to}})
		}
		e.now.Routes = put(e, e.now.Routes, r)
	case 11, 12:
		e.now.Secrets = put(e, e.now.Secrets, &tlsv3.Secret{Name: e.name()})
	case 13:
		e.now.Runtimes = put(e, e.now.Runtimes, &runtimev3.Runtime{
			Name:  fmt.Sprint("runtime-", e.r.IntN(2)),
			Layer: &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewNumberValue(float64(e.r.IntN(2)))}},
		})
	case 14:
		name := []string{"common", "edge", "mesh", "shared"}[e.r.IntN(4)]
		e.now.Listeners = put(e, e.now.Listeners, listener(e.t, name, uint32(1+e.r.IntN(6))))
	case 15:
		e.now.GroupsOf = maps.Clone(e.now.GroupsOf)
		e.now.GroupsOf[[]string{"edge", "mesh"}[e.r.IntN(2)]] = [][]string{{"edge"}, {"mesh"}, {"edge", "mesh"}}[e.r.IntN(3)]
	case 16:
		e.takeAway()
	case 17:
		e.copyAll()
	case 18:
		e.breakNames()
	case 19:
		e.r.Shuffle(len(e.now.Clusters), func(i, j int) {
			e.now.Clusters = slices.Clone(e.now.Clusters)
			e.now.Clusters[i], e.now.Clusters[j] = e.now.Clusters[j], e.now.Clusters[i]
		})
	}
}

// takeAway takes one resource away, of which there may be users.
func (e *editor) takeAway() {
	switch e.r.IntN(5) {
	case 0:
		e.now.Clusters = drop(e, e.now.Clusters)
	case 1:
		e.now.Endpoints = drop(e, e.now.Endpoints)
	case 2:
		e.now.Routes = drop(e, e.now.Routes)
	case 3:
		e.now.Secrets = drop(e, e.now.Secrets)
	case 4:
		e.now.Listeners = drop(e, e.now.Listeners)
	}
}

// copyAll replaces clusters by others with the same content.
func (e *editor) copyAll() {
	e.now.Clusters = slices.Clone(e.now.Clusters)
	for i, c := range e.now.Clusters {
		e.now.Clusters[i] = proto.CloneOf(c)
	}
}

// breakNames does what cannot be in a snapshot at all.
func (e *editor) breakNames() {
	switch e.r.IntN(4) {
	case 0:
		e.now.Clusters = append(slices.Clone(e.now.Clusters), cluster(e.t, e.name()))
	case 1:
		e.now.Endpoints = append(slices.Clone(e.now.Endpoints), &endpointv3.ClusterLoadAssignment{})
	case 2:
		e.now.Secrets = append(slices.Clone(e.now.Secrets), &tlsv3.Secret{Name: "\xff"})
	}
}

// named is the name of any resource.
func named(m proto.Message) string {
	switch m := m.(type) {
	case *endpointv3.ClusterLoadAssignment:
		return m.GetClusterName()
	case interface{ GetName() string }:
		return m.GetName()
	}
	return ""
}

// put replaces the resource of a name, or adds one.
func put[T proto.Message](e *editor, to []T, m T) []T {
	out := slices.Clone(to)
	if i := slices.IndexFunc(out, func(other T) bool { return named(other) == named(m) }); i >= 0 {
		out[i] = m
		return out
	}
	return slices.Insert(out, e.r.IntN(len(out)+1), m)
}

func drop[T proto.Message](e *editor, from []T) []T {
	if len(from) == 0 {
		return nil
	}
	i := e.r.IntN(len(from))
	return slices.Delete(slices.Clone(from), i, i+1)
}

// A view of some groups is made out of the one before it, and has the sets of it
// where nothing in them has changed.
func TestAViewSharesWithTheOneBefore(t *testing.T) {
	var b snapshot.Builder
	r := groupsAndMore(t)
	before := checked(t, &b, r)
	old := before.View(id("edge"))

	r.Endpoints = slices.Clone(r.Endpoints)
	i := slices.IndexFunc(r.Endpoints, func(a *endpointv3.ClusterLoadAssignment) bool { return a.GetClusterName() == "edge-service" })
	r.Endpoints[i] = proto.CloneOf(r.Endpoints[i])
	r.Endpoints[i].Endpoints[0].LbEndpoints[0].GetEndpoint().Address = address("127.0.0.2", 80)
	checked(t, &b, r) // that nobody asks for a view of
	edited := checked(t, &b, r)
	v := edited.View(id("edge"))
	for _, typeURL := range snapshot.Types() {
		if same := v.Set(typeURL) == old.Set(typeURL); same == (typeURL == resourcev3.EndpointType) {
			t.Errorf("%s: the same set is %t", typeURL, same)
		}
	}
	if got := snapshot.Changes(old.Set(resourcev3.EndpointType), v.Set(resourcev3.EndpointType)); len(got) != 1 || got[0].Key() != "edge-service" {
		t.Errorf("changes %v, want edge-service alone", got)
	}

	// A service more, for one of the listeners.
	r.Clusters = append(slices.Clone(r.Clusters), cluster(t, "more"))
	r.Endpoints = append(slices.Clone(r.Endpoints), assignment("more"))
	r.Routes = slices.Clone(r.Routes)
	i = slices.IndexFunc(r.Routes, func(c *routev3.RouteConfiguration) bool { return c.GetName() == "edge" })
	r.Routes[i] = proto.CloneOf(r.Routes[i])
	r.Routes[i].VirtualHosts[0].Routes = append(r.Routes[i].VirtualHosts[0].Routes, route("more"))
	more := checked(t, &b, r).View(id("edge"))
	if got := all(more)["endpoints"]; got != "common-service edge-service more shared-service" {
		t.Errorf("endpoints %q, want more of them", got)
	}
	if more.Set(resourcev3.SecretType) != v.Set(resourcev3.SecretType) || len(snapshot.Changes(v.Set(resourcev3.EndpointType), more.Set(resourcev3.EndpointType))) != 1 {
		t.Error("a service more has changed secrets, or the endpoints of others")
	}
}

// checked builds a snapshot that has no fault.
func checked(t testing.TB, b *snapshot.Builder, r translator.Resources) *snapshot.Snapshot {
	t.Helper()
	all, err := snapshot.Tables(r)
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Build(all)
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What goes over the wire is what the messages of the protocol have.
func TestBytesOfAResource(t *testing.T) {
	for typeURL, set := range map[string]*snapshot.Set{
		resourcev3.ClusterType: build(t, services(t, 3)).All(resourcev3.ClusterType),
		"":                     snapshot.NewSet(snapshot.NewResource("", "", "", nil)),
		"type":                 snapshot.NewSet(&snapshot.Resource{Name: "by hand", Version: "1", Body: pack(t, &corev3.Node{Id: "a"})}),
	} {
		var older discoveryv3.DiscoveryResponse
		var newer discoveryv3.DeltaDiscoveryResponse
		var sotw, delta []byte
		for r := range set.All() {
			older.Resources = append(older.Resources, r.Body)
			newer.Resources = append(newer.Resources, &discoveryv3.Resource{Name: r.Name, Version: r.Version, Resource: r.Body})
			sotw, delta = append(sotw, r.SotW()...), append(delta, r.Delta()...)
		}
		var gotOlder discoveryv3.DiscoveryResponse
		var gotNewer discoveryv3.DeltaDiscoveryResponse
		if err := proto.Unmarshal(sotw, &gotOlder); err != nil {
			t.Fatal(err)
		}
		if err := proto.Unmarshal(delta, &gotNewer); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&older, &gotOlder, protocmp.Transform()); diff != "" {
			t.Errorf("%s: state of the world (-want +got):\n%s", typeURL, diff)
		}
		if diff := cmp.Diff(&newer, &gotNewer, protocmp.Transform()); diff != "" {
			t.Errorf("%s: delta (-want +got):\n%s", typeURL, diff)
		}
	}
}

// The cost of one new endpoint does not grow with what there is, but for a
// pointer each.
func BenchmarkBuildOfTheLast(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000, 100_000} {
		for _, grouped := range []bool{false, true} {
			b.Run(fmt.Sprintf("N=%d groups=%t", n, grouped), func(b *testing.B) {
				r := services(b, n)
				if grouped {
					l := listener(b, "edge", 1)
					r.Listeners = []*listenerv3.Listener{l, r.Listeners[0]}
					r.Routes = []*routev3.RouteConfiguration{{Name: "edge", VirtualHosts: r.Routes[0].GetVirtualHosts()[:n/2]}, r.Routes[0]}
					r.GroupsOf = map[string][]string{"http": {"mesh"}, "edge": {"edge"}}
					r.Groups = groups("edge", "mesh")
				}
				var builder snapshot.Builder
				checked(b, &builder, r).View(id("edge"))
				two := [2]*endpointv3.ClusterLoadAssignment{r.Endpoints[0], proto.CloneOf(r.Endpoints[0])}
				two[1].Endpoints[0].LbEndpoints[0].GetEndpoint().Address = address("127.0.0.2", 80)
				for i := 0; b.Loop(); i++ {
					r.Endpoints = slices.Clone(r.Endpoints)
					r.Endpoints[0] = two[(i+1)%2]
					checked(b, &builder, r).View(id("edge"))
				}
			})
		}
	}
}
