package xds_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"

	"dragoman/translator"
	"dragoman/xds"
)

func TestARefusedVersionIsNotRepeated(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			good := some(t, "a")
			s.publish(good)
			x := dialADS(t, s.conn, delta)
			subscribe(t, x)

			bad := good
			bad.Clusters = some(t, "a", "bad").Clusters
			snap := s.publish(bad)
			x.refuse(x.next(), "Error adding/updating cluster(s) bad: no")
			want := []map[string]any{{
				"level": "WARN", "msg": "refused", "node": "test-id", "cluster": "test-cluster", "service": "ADS",
				"protocol": form, "peer": s.log.entries(t, "stream opened")[0]["peer"],
				"type": resourcev3.ClusterType, "version": snap.Versions[resourcev3.ClusterType],
				"error": "Error adding/updating cluster(s) bad: no", "resources": []any{"bad"},
			}}
			if diff := cmp.Diff(want, s.log.wait(t, "refused", 1)); diff != "" {
				t.Errorf("the log (-want +got):\n%s", diff)
			}

			// Other types go on, and the refused one does not come among them. A
			// response that followed the refusal would be before the second at the
			// latest, since that needs the answer to the first.
			for i := range 5 {
				bad.Routes = some(t).Routes
				bad.Routes[0] = responds("http", fmt.Sprint("answer ", i))
				s.publish(bad)
				x.take(x.want(resourcev3.RouteType, "http"))
			}

			// The next version is sent.
			worse := bad
			worse.Clusters = some(t, "a", "bad", "worse").Clusters
			s.publish(worse)
			x.refuse(x.next(), "no again")
			s.log.wait(t, "refused", 2)
			if got := len(s.log.entries(t, "refused")); got != 2 {
				t.Errorf("%d refusals in the log, want 2", got)
			}
		})
	}
}

// Whoever asks for more after a refusal does not get the refused one along
// with it.
func TestMoreAfterARefusal(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			r := some(t)
			r.Routes = append(r.Routes, responds("more", "hello"))
			s.publish(r)
			x := dialADS(t, s.conn, delta)
			x.ask(resourcev3.RouteType, "http")
			last := x.want(resourcev3.RouteType, "http")
			x.refuse(last, "no")
			s.log.wait(t, "refused", 1)
			x.again(last, "http", "more")
			x.take(x.want(resourcev3.RouteType, "more"))
			r.Routes[0] = responds("http", "better")
			s.publish(r)
			x.take(x.want(resourcev3.RouteType, "http"))
		})
	}
}

// An Envoy can have a part of what it refused, so that going back to the
// content that it accepted last is a change.
func TestGoingBackAfterARefusal(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			s.publish(some(t, "a"))
			x := dialADS(t, s.conn, delta)
			x.ask(resourcev3.ClusterType)
			x.take(x.want(resourcev3.ClusterType, "a"))

			bad := some(t, "a", "b")
			bad.Clusters[0], bad.Clusters[1] = cluster("a", time.Second), cluster("b", time.Second)
			s.publish(bad)
			x.refuse(x.want(resourcev3.ClusterType, "a", "b"), "Error adding/updating cluster(s) a: no, b: no")
			s.log.wait(t, "refused", 1)

			s.publish(some(t, "a"))
			r := x.want(resourcev3.ClusterType, "a")
			if want := []string{"b"}; delta && !slices.Equal(r.removed, want) {
				t.Errorf("removed %q, want %q", r.removed, want)
			}
			x.take(r)
			s.publish(some(t, "a", "c"))
			x.want(resourcev3.ClusterType, either(delta, "c", "a", "c")...)
		})
	}
}

// either is what has changed, in delta, or else all.
func either(delta bool, changed string, all ...string) []string {
	if delta {
		return []string{changed}
	}
	return all
}

// A response may be refused whole for one resource in it. The others come
// again at once, and the refused one as it was before, if it was.
func TestSiblingsOfARefusedResource(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			s.publish(some(t, "bad", "old"))
			x := dialADS(t, s.conn, delta)
			x.ask(resourcev3.ClusterType)
			x.take(x.want(resourcev3.ClusterType, "bad", "old"))

			r := some(t, "bad", "good", "worse")
			r.Clusters[0] = cluster("bad", bad)
			s.publish(r)
			first := x.next()
			x.refuse(first, "Error adding/updating cluster(s) bad: no, worse: no, no")
			again := x.want(resourcev3.ClusterType, either(delta, "good", "bad", "good", "old")...)
			if !delta && timeout(again.bodies["bad"]) != 5*time.Second {
				t.Errorf("the refused one comes with %v, want it as it was accepted", timeout(again.bodies["bad"]))
			}
			x.take(again)
			gone := x.next()
			if delta && !slices.Equal(gone.removed, []string{"old"}) || !delta && !slices.Equal(gone.names, []string{"bad", "good"}) {
				t.Errorf("then comes %q, and %q is removed, want old removed", gone.names, gone.removed)
			}
			x.take(gone)

			// Only what is new comes now.
			s.publish(with(r, cluster("new", time.Second)))
			x.want(resourcev3.ClusterType, either(delta, "new", "bad", "good", "new")...)
		})
	}
}

func with(r translator.Resources, more ...*clusterv3.Cluster) translator.Resources {
	r.Clusters = append(slices.Clone(r.Clusters), more...)
	return r
}

// If an Envoy does not say what it refuses, it is sent each alone.
func TestTheGuiltyOneIsFound(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s, e := observed(t)
			x := dialADS(t, s.conn, delta)
			x.ask(resourcev3.ClusterType)
			s.log.wait(t, "stream opened", 1)
			s.publish(some(t, "a", "b", "c"))
			x.refuse(x.want(resourcev3.ClusterType, "a", "b", "c"), "no")
			x.take(x.want(resourcev3.ClusterType, "a"))
			x.refuse(x.want(resourcev3.ClusterType, either(delta, "b", "a", "b")...), "it is b")
			x.take(x.want(resourcev3.ClusterType, either(delta, "c", "a", "c")...))
			s.publish(some(t, "a", "b", "c", "d"))
			x.take(x.want(resourcev3.ClusterType, either(delta, "d", "a", "c", "d")...))
			s.log.wait(t, "accepted", 3)

			var refusals []xds.Event
			for _, v := range e.told() {
				if v.Kind == xds.Refused {
					refusals = append(refusals, v)
				}
			}
			if len(refusals) != 2 || !slices.Equal(refusals[0].Names, []string{"a", "b", "c"}) || len(refusals[0].Resources) > 0 ||
				len(refusals[1].Names) > 0 || !slices.Equal(refusals[1].Resources, []xds.Refusal{{Name: "b", Words: "it is b"}}) {
				t.Errorf("the refusals are %+v, want one of any of three, and then of b", refusals)
			}
		})
	}
}
