package xds_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"

	"dragoman/internal/envoytest"
	"dragoman/snapshot"
	"dragoman/xds"
)

// events keeps what an observer is told, in short: kind, type and version, and
// the words of a refusal.
type events struct {
	mu       sync.Mutex
	versions map[string]string // what short is for
	got      []string
	all      []xds.Event
}

var kindNames = map[xds.EventKind]string{
	xds.Published: "published", xds.Opened: "opened", xds.Closed: "closed", xds.Asked: "asked",
	xds.Dropped: "dropped", xds.Offered: "offered", xds.Accepted: "accepted", xds.Refused: "refused",
	xds.Assigned: "assigned", xds.Partly: "partly", xds.Stuck: "stuck",
}

func (e *events) add(v xds.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	typ := v.Type[strings.LastIndexByte(v.Type, '.')+1:]
	e.got = append(e.got, strings.Join(strings.Fields(fmt.Sprint(kindNames[v.Kind], " ", typ, " ", e.versions[v.Version], " ", v.Words)), " "))
	e.all = append(e.all, v)
}

// name gives all versions of a snapshot a name that a test knows, unless they
// have one already.
func (e *events) name(s *snapshot.Snapshot, name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, v := range s.Versions {
		if e.versions[v] == "" {
			e.versions[v] = name
		}
	}
}

// told are all events so far.
func (e *events) told() []xds.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}

// want waits for exactly these events since the last want.
func (e *events) want(t *testing.T, when string, want ...string) {
	t.Helper()
	envoytest.Eventually(t, patience, when, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		if len(e.got) < len(want) {
			return fmt.Errorf("the events are %q, want %q", e.got, want)
		}
		if diff := cmp.Diff(want, e.got); diff != "" {
			t.Fatalf("%s: the events (-want +got):\n%s", when, diff)
		}
		e.got = nil
		return nil
	})
}

// observed is a server, whose events these are, and its publications by name.
func observed(t *testing.T) (*running, *events) {
	t.Helper()
	e := &events{versions: map[string]string{}}
	return runWith(t, 0, xds.Options{Observe: e.add}), e
}

func TestEvents(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s, e := observed(t)
			publish := func(name string, clusters ...string) {
				t.Helper()
				r := some(t, clusters...)
				built, err := snapshot.Build(r)
				if err != nil {
					t.Fatal(err)
				}
				e.name(built, name)
				s.publish(r)
			}
			x := dialADS(t, s.conn, delta)
			x.ask(resourcev3.ClusterType)
			e.want(t, "an Envoy comes", "opened", "asked Cluster")
			publish("one", "a")
			e.want(t, "a first snapshot", "published", "assigned", "offered Cluster one")
			x.take(x.want(resourcev3.ClusterType, "a"))
			e.want(t, "it takes it", "accepted Cluster one")
			publish("two", "a", "b")
			e.want(t, "another", "published", "assigned", "offered Cluster two")
			x.refuse(x.next(), "no")
			e.want(t, "it refuses it", "refused Cluster two no")
			publish("one", "a")
			e.want(t, "back to the first", "published", "assigned", "offered Cluster one")
			x.take(x.next())
			e.want(t, "it takes that", "accepted Cluster one")

			opened := e.all[0]
			if opened.Node != "test-id" || opened.Cluster != "test-cluster" || opened.Protocol != form || opened.Service != "ADS" ||
				!strings.Contains(opened.Peer, ":") || opened.Stream == 0 {
				t.Errorf("it comes as %+v", opened)
			}
			s.stop()
			e.want(t, "the end", "closed")
			for _, v := range e.all {
				if (v.Kind == xds.Published) != (v.Stream == 0) || (v.Kind == xds.Published || v.Kind == xds.Assigned) != (len(v.Versions) == 9) {
					t.Errorf("the stream of %+v, or its versions", v)
				}
			}
		})
	}
}

// In delta a new version that has nothing new for an Envoy is not sent to it.
// It is in step all the same, and one that refused something is not.
func TestInStepWithoutAResponse(t *testing.T) {
	s, e := observed(t)
	names := 0
	publish := func(a, b string) {
		t.Helper()
		r := some(t)
		r.Routes[0] = responds("a", a)
		r.Routes = append(r.Routes, responds("b", b))
		r.Listeners = nil
		built, err := snapshot.Build(r)
		if err != nil {
			t.Fatal(err)
		}
		names++
		e.name(built, fmt.Sprint("v", names))
		s.publish(r)
	}
	x := dialADS(t, s.conn, true)
	x.ask(resourcev3.RouteType, "a")
	e.want(t, "an Envoy comes", "opened", "asked RouteConfiguration")
	publish("one", "one")
	x.take(x.want(resourcev3.RouteType, "a"))
	e.want(t, "a first snapshot", "published", "assigned", "offered RouteConfiguration v1", "accepted RouteConfiguration v1")
	for i := range 3 { // each with a watch that was not used
		publish("one", fmt.Sprint("other ", i))
		e.want(t, "it has no use for b", "published", "assigned", fmt.Sprint("accepted RouteConfiguration v", 2+i))
	}
	publish("two", "other 2")
	x.refuse(x.want(resourcev3.RouteType, "a"), "no")
	e.want(t, "it refuses a", "published", "assigned", "offered RouteConfiguration v5", "refused RouteConfiguration v5 no")
	publish("two", "again")
	e.want(t, "b changes", "published", "assigned", "partly RouteConfiguration v6")
	if last := e.all[len(e.all)-1]; !slices.Equal(last.Names, []string{"a"}) {
		t.Errorf("it lacks %q, want a", last.Names)
	}

	// It wants b in place of a.
	x.ask(resourcev3.RouteType, "b")
	x.take(x.want(resourcev3.RouteType, "b"))
	e.want(t, "it has b", "offered RouteConfiguration v6", "accepted RouteConfiguration v6")
	publish("three", "again")
	e.want(t, "it has no use for a", "published", "assigned", "accepted RouteConfiguration v7")
}

// In the older form an Envoy that wants nothing of a type is never in step with
// it: it is told of that it does not want it.
func TestDropped(t *testing.T) {
	s, e := observed(t)
	s.publish(some(t))
	x := dialADS(t, s.conn, false)
	x.ask(resourcev3.RouteType, "http")
	r := x.want(resourcev3.RouteType, "http")
	e.want(t, "it has routes", "published", "opened", "assigned", "asked RouteConfiguration", "offered RouteConfiguration")
	x.again(r)
	e.want(t, "it wants none", "accepted RouteConfiguration", "dropped RouteConfiguration")
}

// Each stream has a number of its own.
func TestStreamsAreToldApart(t *testing.T) {
	s, e := observed(t)
	s.publish(some(t, "a"))
	for range 3 {
		dialADS(t, s.conn, true).ask(resourcev3.ClusterType)
	}
	s.log.wait(t, "stream opened", 3)
	seen := map[uint64]bool{}
	envoytest.Eventually(t, patience, "three streams", func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, v := range e.all {
			if v.Kind == xds.Offered {
				seen[v.Stream] = true
			}
		}
		if len(seen) != 3 {
			return fmt.Errorf("%d streams are offered something", len(seen))
		}
		return nil
	})
}
