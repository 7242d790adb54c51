package xds_test

import (
	"fmt"
	"testing"
	"time"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"
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
				"error": "Error adding/updating cluster(s) bad: no",
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

// Whoever asks for more after a refusal gets the refused ones along with it,
// in the form that sends everything. That is no news.
func TestARefusalIsLoggedOnce(t *testing.T) {
	s := run(t)
	r := some(t)
	r.Routes = append(r.Routes, responds("more", "hello"))
	s.publish(r)
	x := dialADS(t, s.conn, false)
	x.ask(resourcev3.RouteType, "http")
	last := x.want(resourcev3.RouteType, "http")
	x.refuse(last, "no")
	s.log.wait(t, "refused", 1)
	x.again(last, "http", "more")
	x.refuse(x.want(resourcev3.RouteType, "http", "more"), "no")
	var levels []any
	for _, e := range s.log.wait(t, "refused", 2) {
		levels = append(levels, e["level"])
	}
	if diff := cmp.Diff([]any{"WARN", "DEBUG"}, levels); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
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

			bad := some(t, "a", "bad", "good")
			bad.Clusters[0] = cluster("a", time.Second)
			s.publish(bad)
			x.refuse(x.next(), "no")
			s.log.wait(t, "refused", 1)

			s.publish(some(t, "a"))
			r := x.want(resourcev3.ClusterType, "a")
			if delta {
				if diff := cmp.Diff([]string{"bad", "good"}, r.removed); diff != "" {
					t.Errorf("removed (-want +got):\n%s", diff)
				}
			}
			x.take(r)
			s.publish(some(t, "a", "c"))
			all := []string{"a", "c"}
			if delta {
				all = []string{"c"}
			}
			x.want(resourcev3.ClusterType, all...)
		})
	}
}

// A response may be refused whole for one resource in it. The others must
// come again with the next version, though they did not change since.
func TestGoodOnesOfARefusedResponseComeAgain(t *testing.T) {
	s := run(t)
	s.publish(some(t, "a", "old"))
	x := dialADS(t, s.conn, true)
	x.ask(resourcev3.ClusterType)
	x.take(x.want(resourcev3.ClusterType, "a", "old"))

	s.publish(some(t, "a", "bad", "good"))
	r := x.want(resourcev3.ClusterType, "bad", "good")
	x.refuse(r, "no")
	s.log.wait(t, "refused", 1)

	s.publish(some(t, "a", "good"))
	r = x.want(resourcev3.ClusterType, "good")
	if diff := cmp.Diff([]string{"bad", "old"}, r.removed); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
	x.take(r)

	// All is settled: only what is new comes now.
	s.publish(some(t, "a", "good", "new"))
	if r = x.want(resourcev3.ClusterType, "new"); len(r.removed) > 0 {
		t.Errorf("removed %q, want none", r.removed)
	}
}
