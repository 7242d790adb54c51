package fleet_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dragoman/fleet"
)

const (
	cds = "clusters"
	lds = "listeners"
)

// times collects what a fleet converged in.
type times []time.Duration

func (ts *times) add(d time.Duration) { *ts = append(*ts, d) }

func open(f *fleet.Fleet, id uint64, node string) {
	openAs(f, fleet.Stream{ID: id, Node: node, Cluster: "edge", Peer: fmt.Sprint("peer:", id), Protocol: "delta", Service: "ADS"})
}

// openAs opens a stream that is assigned what was published last.
func openAs(f *fleet.Fleet, s fleet.Stream) {
	f.Opened(s)
	if v := f.Snapshot().Published.Versions; v != nil {
		f.Assigned(s.ID, v)
	}
}

// publish publishes the same for all that are there.
func publish(f *fleet.Fleet, versions map[string]string) {
	f.Published(versions)
	for _, n := range f.Snapshot().Nodes {
		for _, s := range n.Streams {
			f.Assigned(s.ID, versions)
		}
	}
}

// take is an Envoy that is offered a version and accepts it after a second.
func take(f *fleet.Fleet, id uint64, typeURL, version string) {
	f.Asked(id, typeURL)
	f.Offered(id, typeURL, version)
	time.Sleep(time.Second)
	f.Accepted(id, typeURL, version)
}

func wantCounts(t *testing.T, f *fleet.Fleet, when string, connected, inSync int) {
	t.Helper()
	if got, want := f.Snapshot().Counts(), (fleet.Counts{Connected: connected, InSync: inSync}); got != want {
		t.Errorf("%s: counts are %+v, want %+v", when, got, want)
	}
}

func TestInSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var took times
		f := fleet.New(fleet.Options{Converged: took.add})
		open(f, 1, "a")
		wantCounts(t, f, "before anything is published", 1, 0)
		publish(f, map[string]string{cds: "c1", lds: "l1"})
		wantCounts(t, f, "before it asks", 1, 0)
		take(f, 1, cds, "c1")
		wantCounts(t, f, "it has all that it asked for", 1, 1)
		f.Asked(1, lds)
		wantCounts(t, f, "it asks for more", 1, 0)
		take(f, 1, lds, "l1")
		wantCounts(t, f, "it has that, too", 1, 1)

		publish(f, map[string]string{cds: "c2", lds: "l1"})
		wantCounts(t, f, "another version", 1, 0)
		f.Offered(1, cds, "c2")
		wantCounts(t, f, "it is offered", 1, 0)
		time.Sleep(2 * time.Second)
		f.Accepted(1, cds, "c1") // the answer to an older response
		wantCounts(t, f, "an old version is accepted", 1, 0)
		f.Accepted(1, cds, "c2")
		wantCounts(t, f, "it is accepted", 1, 1)

		f.Offered(1, cds, "c2") // for a further name
		wantCounts(t, f, "the same version is offered with more in it", 1, 0)
		f.Accepted(1, cds, "c2")
		publish(f, map[string]string{cds: "c2", lds: "l2"})
		f.Dropped(1, lds)
		wantCounts(t, f, "what it has no use for is another", 1, 1)
		f.Closed(1)
		wantCounts(t, f, "it is gone", 0, 0)
		if diff := cmp.Diff(times{time.Second, 2 * time.Second, 0}, took); diff != "" {
			t.Errorf("convergence (-want +got):\n%s", diff)
		}
	})
}

// A publication has arrived when the last of those that were there has it.
func TestConverged(t *testing.T) {
	for name, tt := range map[string]struct {
		then func(f *fleet.Fleet)
		want times
	}{
		"all accept it": {func(f *fleet.Fleet) {
			take(f, 1, cds, "c2")
			take(f, 2, cds, "c2")
		}, times{2 * time.Second}},
		"one that comes later": {func(f *fleet.Fleet) {
			take(f, 1, cds, "c2")
			open(f, 3, "c")
			take(f, 2, cds, "c2")
			take(f, 3, cds, "c2")
		}, times{2 * time.Second}},
		"one refuses it": {func(f *fleet.Fleet) {
			take(f, 1, cds, "c2")
			f.Offered(2, cds, "c2")
			f.Refused(2, cds, "c2", "no")
			take(f, 2, cds, "c2")
		}, nil},
		"one refuses what was before": {func(f *fleet.Fleet) {
			f.Refused(2, cds, "c1", "no")
			take(f, 1, cds, "c2")
			take(f, 2, cds, "c2")
		}, times{2 * time.Second}},
		"one leaves": {func(f *fleet.Fleet) {
			take(f, 1, cds, "c2")
			f.Closed(2)
		}, nil},
		"the next one comes": {func(f *fleet.Fleet) {
			take(f, 1, cds, "c2")
			publish(f, map[string]string{cds: "c3"})
			take(f, 1, cds, "c3")
			take(f, 2, cds, "c3")
		}, times{2 * time.Second}},
		"it changes nothing": {func(f *fleet.Fleet) {
			publish(f, map[string]string{cds: "c1"})
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got times
				f := fleet.New(fleet.Options{Converged: got.add})
				publish(f, map[string]string{cds: "c1"})
				for id, node := range []string{1: "a", 2: "b"} {
					if id > 0 {
						open(f, uint64(id), node)
						take(f, uint64(id), cds, "c1")
					}
				}
				got = nil
				publish(f, map[string]string{cds: "c2"})
				tt.then(f)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("convergence (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fleet.New(fleet.Options{})
		start := time.Now()
		at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
		publish(f, map[string]string{cds: "c1", lds: "l1"})
		open(f, 1, "a")
		take(f, 1, cds, "c1")
		f.Offered(1, lds, "l1")
		f.Refused(1, lds, "l1", "no such port")
		time.Sleep(time.Second)
		f.Accepted(1, cds, "c1") // again: since when it has it stays

		stream := fleet.StreamState{
			Stream: fleet.Stream{ID: 1, Node: "a", Cluster: "edge", Peer: "peer:1", Protocol: "delta", Service: "ADS"},
			Since:  at(0),
			Types: []fleet.Type{
				{URL: cds, InSync: true, Offered: fleet.Mark{Version: "c1", At: at(0)}, Accepted: fleet.Mark{Version: "c1", At: at(1)}},
				{URL: lds, Offered: fleet.Mark{Version: "l1", At: at(1)}, Refused: fleet.Mark{Version: "l1", At: at(1)}, Words: "no such port"},
			},
		}
		want := fleet.Snapshot{
			Published: fleet.Published{Versions: map[string]string{cds: "c1", lds: "l1"}, At: at(0)},
			Nodes:     []fleet.Node{{ID: "a", Cluster: "edge", Peer: "peer:1", Connected: true, Since: at(0), Streams: []fleet.StreamState{stream}}},
			NACKs:     map[string]uint64{lds: 1},
		}
		before := f.Snapshot()
		if diff := cmp.Diff(want, before); diff != "" {
			t.Fatalf("the snapshot (-want +got):\n%s", diff)
		}

		publish(f, map[string]string{cds: "c1", lds: "l2"})
		f.Offered(1, lds, "l2")
		f.Accepted(1, lds, "l2")
		if got := f.Snapshot().Nodes[0].Streams[0].Types[1]; !got.InSync || got.Words != "" || got.Refused != (fleet.Mark{}) {
			t.Errorf("after the refusal was followed by an acceptance: %+v", got)
		}
		if diff := cmp.Diff(want, before); diff != "" {
			t.Errorf("an old snapshot has changed (-want +got):\n%s", diff)
		}
	})
}

// Each stream is judged by what it is assigned, not by what others get.
func TestAssignments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got times
		f := fleet.New(fleet.Options{Converged: got.add})
		open(f, 1, "a")
		open(f, 2, "b")
		f.Published(map[string]string{cds: "all"})
		f.Assigned(1, map[string]string{cds: "a1"})
		take(f, 1, cds, "a1")
		wantCounts(t, f, "the other has no assignment", 2, 1)
		f.Assigned(2, map[string]string{cds: "b1"})
		take(f, 2, cds, "b1")
		wantCounts(t, f, "each has its own", 2, 2)

		f.Published(map[string]string{cds: "all 2"})
		f.Assigned(1, map[string]string{cds: "a2"})
		take(f, 1, cds, "a2")
		f.Assigned(2, map[string]string{cds: "b1"}) // nothing new for it
		wantCounts(t, f, "one has moved", 2, 2)
		f.Published(map[string]string{cds: "all 3"})
		f.Assigned(1, map[string]string{cds: "a2"})
		f.Assigned(2, map[string]string{cds: "b1"})
		f.Assigned(3, nil) // nobody's
		if diff := cmp.Diff(times{2 * time.Second, time.Second}, got); diff != "" {
			t.Errorf("convergence (-want +got):\n%s", diff)
		}
	})
}

// What is accepted but for what is refused leaves the refusal as it is.
func TestPartly(t *testing.T) {
	f := fleet.New(fleet.Options{})
	publish(f, map[string]string{cds: "c1"})
	open(f, 1, "a")
	f.Offered(1, cds, "c1")
	f.Refused(1, cds, "c1", "no")
	f.Offered(1, cds, "c1")
	f.Partly(1, cds, "c1")
	wantCounts(t, f, "it has a part", 1, 0)
	if got := f.Snapshot().Nodes[0].Streams[0].Types[0]; got.Accepted.Version != "c1" || got.Refused.Version != "c1" || got.Words != "no" {
		t.Errorf("the type is %+v, want it accepted and refused", got)
	}
	f.Accepted(1, cds, "c1")
	wantCounts(t, f, "it has all", 1, 1)
}

// An Envoy without ADS has a stream for each type, on one connection.
func TestStreamsOfOneEnvoy(t *testing.T) {
	f := fleet.New(fleet.Options{})
	publish(f, map[string]string{cds: "c1", lds: "l1"})
	for id, url := range []string{1: cds, 2: lds} {
		if id > 0 {
			openAs(f, fleet.Stream{ID: uint64(id), Node: "a", Peer: "peer", Service: url})
			f.Offered(uint64(id), url, url[:1]+"1")
		}
	}
	f.Accepted(1, cds, "c1")
	wantCounts(t, f, "one of two types", 1, 0)
	f.Accepted(2, lds, "l1")
	wantCounts(t, f, "both", 1, 1)
	f.Closed(2)
	wantCounts(t, f, "one stream is gone", 1, 1)
	f.Closed(1)
	wantCounts(t, f, "both are gone", 0, 0)
	f.Accepted(1, cds, "c1") // late: nobody's
	f.Closed(1)
	if n := len(f.Snapshot().Nodes); n != 1 {
		t.Errorf("%d nodes, want the one that is gone", n)
	}
}

func TestTheGoneAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fleet.New(fleet.Options{})
		names := func() []string {
			var out []string
			for _, n := range f.Snapshot().Nodes {
				out = append(out, fmt.Sprint(n.ID, " ", n.Connected))
			}
			return out
		}
		open(f, 1, "a")
		open(f, 2, "b")
		f.Closed(1)
		time.Sleep(14 * time.Minute)
		f.Closed(2)
		if got, want := names(), []string{"a false", "b false"}; !slices.Equal(got, want) {
			t.Errorf("after 14 minutes: %q, want %q", got, want)
		}
		time.Sleep(time.Minute)
		if got, want := names(), []string{"b false"}; !slices.Equal(got, want) {
			t.Errorf("after 15 minutes: %q, want %q", got, want)
		}
		open(f, 3, "b")
		if got, want := names(), []string{"b true"}; !slices.Equal(got, want) {
			t.Errorf("after it is back: %q, want %q", got, want)
		}
		for id := range uint64(2000) {
			open(f, 10+id, fmt.Sprint(id))
			f.Closed(10 + id)
		}
		if n := len(names()); n != 1001 {
			t.Errorf("%d nodes, want the connected one and 1000 that are gone", n)
		}
	})
}

// All of it may be called at once; the race detector looks on.
func TestFromManyGoroutines(t *testing.T) {
	f := fleet.New(fleet.Options{})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 50 {
				id := uint64(i*50 + n + 1)
				open(f, id, fmt.Sprint(i))
				f.Asked(id, cds)
				publish(f, map[string]string{cds: fmt.Sprint(n)})
				f.Offered(id, cds, fmt.Sprint(n))
				f.Refused(id, cds, fmt.Sprint(n), "no")
				f.Accepted(id, cds, fmt.Sprint(n))
				f.Snapshot()
				f.Dropped(id, cds)
				f.Closed(id)
			}
		})
	}
	all.Wait()
	wantCounts(t, f, "all are gone", 0, 0)
	if n := f.Snapshot().NACKs[cds]; n != 400 {
		t.Errorf("%d refusals, want 400", n)
	}
}
