package xds_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"dragoman/snapshot"
	"dragoman/translator"
)

// bad is the connect timeout of clusters that no client takes.
const bad = 3 * time.Second

// Clients do not take bad clusters, say so in one of several ways, and use a
// random part of what they refuse, while snapshots come faster than they
// answer. In the end each has just what the last snapshot has.
func TestEveryClientConverges(t *testing.T) {
	const seed = 7
	random := rand.New(rand.NewPCG(seed, 0))
	var snaps []*snapshot.Snapshot
	want := map[string]time.Duration{}
	const n = 60
	for i := range n {
		var r translator.Resources
		worst := 2 + min(1, n-1-i) // the last one is good
		for n := range 8 {
			if random.IntN(3) > 0 {
				r.Clusters = append(r.Clusters, cluster(fmt.Sprint("c", n), time.Duration(1+random.IntN(worst))*time.Second))
			}
		}
		r.Clusters = append(r.Clusters, cluster("generation", time.Duration(i+10)*time.Second))
		clear(want)
		for _, c := range r.Clusters {
			want[c.GetName()] = c.GetConnectTimeout().AsDuration()
		}
		s, err := snapshot.Build(r)
		if err != nil {
			t.Fatal(err)
		}
		snaps = append(snaps, s)
	}
	last := snaps[n-1].Versions[resourcev3.ClusterType]

	s := run(t)
	var clients sync.WaitGroup
	for i := range 16 {
		x := dialADS(t, s.conn, i%2 == 0)
		x.ask(resourcev3.ClusterType)
		r := rand.New(rand.NewPCG(seed, uint64(i+1)))
		clients.Go(func() { converge(x, r, last, want) })
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
	if len(s.log.entries(t, "refused")) == 0 {
		t.Error("nothing was refused")
	}
}

// converge plays an Envoy until it has what it should, or nothing comes.
func converge(x *client, random *rand.Rand, last string, want map[string]time.Duration) {
	has := map[string]time.Duration{}
	for {
		select {
		case r := <-x.got:
			refused := refused(r)
			use(x, r, has, func() bool { return len(refused) == 0 || random.IntN(2) == 0 })
			if len(refused) > 0 {
				words := "no"
				if random.IntN(2) == 0 {
					words = "Error adding/updating cluster(s) " + strings.Join(refused, ": no, ") + ": no"
				}
				x.refuse(r, words)
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

// refused are the bad ones of a response.
func refused(r reply) []string {
	var out []string
	for _, name := range r.names {
		if timeout(r.bodies[name]) == bad {
			out = append(out, name)
		}
	}
	return out
}

func timeout(m proto.Message) time.Duration {
	return m.(*clusterv3.Cluster).GetConnectTimeout().AsDuration()
}

// use takes over those resources of a response that some says, and no bad one.
func use(x *client, r reply, has map[string]time.Duration, some func() bool) {
	for name, body := range r.bodies {
		if timeout(body) != bad && some() {
			has[name] = timeout(body)
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
