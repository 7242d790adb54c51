package xds_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"

	"dragoman/snapshot"
	"dragoman/translator"
)

// Clients refuse at random, and use a random part of what they refuse, while
// snapshots come faster than they answer. In the end each has just what the
// last snapshot has.
func TestEveryClientConverges(t *testing.T) {
	const seed = 7
	random := rand.New(rand.NewPCG(seed, 0))
	var snaps []*snapshot.Snapshot
	for i := range 60 {
		var r translator.Resources
		for n := range 8 {
			if random.IntN(3) > 0 {
				r.Clusters = append(r.Clusters, cluster(fmt.Sprint("c", n), time.Duration(1+random.IntN(2))*time.Second))
			}
		}
		r.Clusters = append(r.Clusters, cluster("generation", time.Duration(i+1)*time.Second))
		s, err := snapshot.Build(r)
		if err != nil {
			t.Fatal(err)
		}
		snaps = append(snaps, s)
	}
	last := snaps[len(snaps)-1]
	want := map[string]time.Duration{}
	for name, r := range last.GetResources(resourcev3.ClusterType) {
		want[name] = r.(*clusterv3.Cluster).GetConnectTimeout().AsDuration()
	}

	s := run(t)
	var clients sync.WaitGroup
	for i := range 16 {
		x := dialADS(t, s.conn, i%2 == 0)
		x.ask(resourcev3.ClusterType)
		r := rand.New(rand.NewPCG(seed, uint64(i+1)))
		clients.Go(func() { converge(x, r, last.Versions[resourcev3.ClusterType], want) })
	}
	s.log.wait(t, "stream opened", 16)
	for i, snap := range snaps {
		if err := s.Publish(t.Context(), snap); err != nil {
			t.Fatal(err)
		}
		if i%4 == 0 {
			s.log.wait(t, "accepted", i/8) // or most clients would see the last one alone
		}
	}
	clients.Wait()
}

// converge plays an Envoy until it has what it should, or nothing comes.
func converge(x *client, random *rand.Rand, last string, want map[string]time.Duration) {
	has := map[string]time.Duration{}
	for {
		select {
		case r := <-x.got:
			refuse := r.version != last && random.IntN(3) == 0
			use(x, r, has, func() bool { return !refuse || random.IntN(2) == 0 })
			if refuse {
				x.refuse(r, "no")
				continue
			}
			x.take(r)
			if r.version == last && maps.Equal(has, want) {
				return
			}
		case err := <-x.ended:
			x.t.Errorf("the stream ended: %v", err)
			return
		case <-time.After(patience):
			x.t.Errorf("delta %t: what a client has (-want +got):\n%s", x.delta, cmp.Diff(want, has))
			return
		}
	}
}

// use takes over those resources of a response that some says.
func use(x *client, r reply, has map[string]time.Duration, some func() bool) {
	for name, body := range r.bodies {
		if some() {
			has[name] = body.(*clusterv3.Cluster).GetConnectTimeout().AsDuration()
		}
	}
	removed := r.removed
	if !x.delta {
		for name := range has {
			if _, ok := r.bodies[name]; !ok {
				removed = append(removed, name)
			}
		}
	}
	for _, name := range removed {
		if some() {
			delete(has, name)
		}
	}
}
