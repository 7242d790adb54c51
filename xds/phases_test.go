package xds_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"dragoman/translator"
	"dragoman/xds"
)

// renamed is a listener whose route goes to one cluster.
func renamed(t *testing.T, name string) translator.Resources {
	t.Helper()
	r := some(t, name)
	r.Routes = []*routev3.RouteConfiguration{goesTo("http", name)}
	return r
}

// clusterIn is where the route of a response goes.
func clusterIn(r reply) string {
	return r.bodies["http"].(*routev3.RouteConfiguration).GetVirtualHosts()[0].GetRoutes()[0].GetRoute().GetCluster()
}

// Old and new clusters, then the route, then no old cluster.
func TestPhasesOnTheWire(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := runWith(t, 0, xds.Options{Linger: 300 * time.Millisecond})
			s.publish(renamed(t, "a"))
			x := dialADS(t, s.conn, delta)
			subscribe(t, x)

			s.publish(renamed(t, "b"))
			made := x.want(resourcev3.ClusterType, either(delta, "b", "a", "b")...)
			// Nothing else comes before the answer: these wait, and one of them is next.
			s.publish(renamed(t, "c"))
			s.publish(renamed(t, "d"))
			x.take(made)
			route := x.want(resourcev3.RouteType, "http")
			if got := clusterIn(route); got != "b" {
				t.Fatalf("the route goes to %s, want b", got)
			}
			x.take(route)
			next := x.want(resourcev3.ClusterType, either(delta, "d", "a", "b", "d")...) // and no c
			x.take(next)
			route = x.want(resourcev3.RouteType, "http")
			if got := clusterIn(route); got != "d" {
				t.Fatalf("the route goes to %s, want d", got)
			}
			x.take(route)
			has := []string{"a", "b", "d"}
			for !slices.Equal(has, []string{"d"}) {
				r := x.next()
				has = slices.DeleteFunc(has, func(name string) bool {
					return slices.Contains(r.removed, name) || !delta && !slices.Contains(r.names, name)
				})
				x.take(r)
			}
		})
	}
}

// An Envoy whose connection broke is moved in phases from what it has.
func TestComingBack(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			old := s.publish(renamed(t, "a"))
			x := dialADS(t, s.conn, delta)
			x.ask(resourcev3.ClusterType)
			has := x.want(resourcev3.ClusterType, "a")
			x.take(has)
			s.publish(renamed(t, "b"))
			x.want(resourcev3.ClusterType, either(delta, "b", "a", "b")...)

			back := dialADS(t, s.conn, delta)
			again(back, resourcev3.ClusterType, old.Versions[resourcev3.ClusterType], has.versions)
			again(back, resourcev3.ListenerType, old.Versions[resourcev3.ListenerType], map[string]string{"http": "another"})
			again(back, resourcev3.RouteType, old.Versions[resourcev3.RouteType], map[string]string{"http": "another"}, "http")
			back.take(back.want(resourcev3.ClusterType, either(delta, "b", "a", "b")...))
			back.take(back.want(resourcev3.ListenerType, "http"))
			route := back.want(resourcev3.RouteType, "http")
			if got := clusterIn(route); got != "b" {
				t.Errorf("the route goes to %s, want b", got)
			}
			back.take(route)
			last := back.next()
			if delta && !slices.Equal(last.removed, []string{"a"}) || !delta && !slices.Equal(last.names, []string{"b"}) {
				t.Errorf("at last come %q, and %q goes, want a gone", last.names, last.removed)
			}
		})
	}
}

// again asks for a type as an Envoy does that has a version of it.
func again(x *client, typeURL, version string, has map[string]string, names ...string) {
	x.names[typeURL] = names
	if x.delta {
		x.send(&discoveryv3.DeltaDiscoveryRequest{
			Node: x.once(), TypeUrl: typeURL, ResourceNamesSubscribe: names, InitialResourceVersions: has,
		})
		return
	}
	x.send(&discoveryv3.DiscoveryRequest{Node: x.once(), TypeUrl: typeURL, VersionInfo: version, ResourceNames: names})
}

// A client that never answers is waited for so long, and heard of.
func TestNoAnswerInTime(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			e := &events{versions: map[string]string{}}
			s := runWith(t, 0, xds.Options{WarmTimeout: 50 * time.Millisecond, Observe: e.add})
			s.publish(renamed(t, "a"))
			x := dialADS(t, s.conn, delta)
			subscribe(t, x)
			s.publish(renamed(t, "b"))
			x.want(resourcev3.ClusterType, either(delta, "b", "a", "b")...)
			if got := clusterIn(x.want(resourcev3.RouteType, "http")); got != "b" {
				t.Errorf("the route goes to %s, want b", got)
			}
			var stuck []string
			for _, v := range e.told() {
				if v.Kind == xds.Stuck {
					stuck = append(stuck, v.Type[strings.LastIndexByte(v.Type, '.')+1:]+fmt.Sprint(v.Names))
				}
			}
			if want := []string{"Cluster[b]"}; !slices.Equal(stuck, want) {
				t.Errorf("what was not answered is %q, want %q", stuck, want)
			}
			s.log.wait(t, "not acknowledged in time", 1)
		})
	}
}

// Endpoints come again after their cluster has changed, and only then.
func TestEndpointsComeAgain(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			discovers := func(timeout time.Duration) *clusterv3.Cluster {
				c := cluster("eds", timeout)
				c.LoadAssignment, c.ClusterDiscoveryType = nil, &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
				return c
			}
			r := some(t, "eds", "static")
			r.Clusters[0] = discovers(time.Second)
			s := run(t)
			s.publish(r)
			x := dialADS(t, s.conn, delta)
			x.ask(resourcev3.ClusterType)
			x.take(x.want(resourcev3.ClusterType, "eds", "static"))
			x.ask(resourcev3.EndpointType, "eds", "static")
			x.take(x.want(resourcev3.EndpointType, "eds", "static"))

			r.Clusters = []*clusterv3.Cluster{r.Clusters[0], cluster("static", time.Minute)}
			s.publish(r)
			x.take(x.want(resourcev3.ClusterType, either(delta, "static", "eds", "static")...))
			r.Clusters = []*clusterv3.Cluster{discovers(time.Minute), r.Clusters[1]}
			s.publish(r)
			x.take(x.want(resourcev3.ClusterType, either(delta, "eds", "eds", "static")...))
			x.want(resourcev3.EndpointType, "eds")
		})
	}
}

// A client that does not read is nobody's concern.
func TestWhoDoesNotReadDelaysNobody(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			large := some(t, "a")
			for i := range 500 {
				large.Clusters = append(large.Clusters, cluster(fmt.Sprintf("%02000d", i), time.Second)) // 1 MB
			}
			s.publish(large)
			method := ads + "StreamAggregatedResources"
			if delta {
				method = ads + "DeltaAggregatedResources"
			}
			for range 3 {
				deaf, err := s.connect(insecure.NewCredentials()).NewStream(t.Context(), &bothWays, method)
				if err != nil {
					t.Fatal(err)
				}
				ask := proto.Message(&discoveryv3.DiscoveryRequest{Node: &corev3.Node{Id: "deaf"}, TypeUrl: resourcev3.ClusterType})
				if delta {
					ask = &discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: "deaf"}, TypeUrl: resourcev3.ClusterType}
				}
				if err := deaf.SendMsg(ask); err != nil {
					t.Fatal(err)
				}
			}
			s.log.wait(t, "stream opened", 3)
			x := dialADS(t, s.conn, delta)
			x.ask(resourcev3.RouteType, "http")
			x.take(x.want(resourcev3.RouteType, "http"))
			for i := range 20 {
				large.Routes = []*routev3.RouteConfiguration{responds("http", fmt.Sprint(i))}
				large.Clusters[0] = cluster("a", time.Duration(i+1)*time.Second)
				start := time.Now()
				s.publish(large)
				x.take(x.want(resourcev3.RouteType, "http"))
				if took := time.Since(start); took > patience/2 {
					t.Errorf("a publication took %v to arrive", took)
				}
			}
		})
	}
}

// Streams of one type on one connection are one Envoy: routes wait for
// clusters on another stream.
func TestSingleTypeStreamsCountTogether(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			s.publish(renamed(t, "a"))
			method := map[bool]string{false: "Stream", true: "Delta"}[delta]
			clusters := dial(t, s.conn, "/envoy.service.cluster.v3.ClusterDiscoveryService/"+method+"Clusters", delta)
			routes := dial(t, s.conn, "/envoy.service.route.v3.RouteDiscoveryService/"+method+"Routes", delta)
			clusters.ask(resourcev3.ClusterType)
			clusters.take(clusters.want(resourcev3.ClusterType, "a"))
			routes.ask(resourcev3.RouteType, "http")
			routes.take(routes.want(resourcev3.RouteType, "http"))
			s.log.wait(t, "accepted", 2)

			s.publish(renamed(t, "b"))
			made := clusters.want(resourcev3.ClusterType, either(delta, "b", "a", "b")...)
			select {
			case r := <-routes.got:
				t.Fatalf("%q came before the clusters were taken", r.names)
			default:
			}
			clusters.take(made)
			if got := clusterIn(routes.want(resourcev3.RouteType, "http")); got != "b" {
				t.Errorf("the route goes to %s, want b", got)
			}
		})
	}
}
