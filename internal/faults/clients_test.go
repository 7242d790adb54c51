package faults_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

// A thousand clients lose the control plane at once and come back at once. All
// are served, in bounded memory, and the Envoy beside them notices nothing.
func TestAThousandClientsReconnect(t *testing.T) {
	clients := pick(200, 1000)
	w := create(t, options{})
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
	served := make(chan int, 16*clients)
	for i := range clients {
		conn := connect(t, w.Port)
		form := []string{"SotW", "delta"}[i%2]
		group.Go(func() {
			for ctx.Err() == nil {
				_ = takeAll(ctx, func() (*stream, error) { return open(ctx, conn, form, fmt.Sprint("raw", i)) }, func() { served <- i })
			}
		})
	}
	all := func() time.Duration {
		t.Helper()
		begin := time.Now()
		seen := map[int]bool{}
		for len(seen) < clients {
			select {
			case i := <-served:
				seen[i] = true
			case <-time.After(patience):
				t.Fatalf("%d of %d clients are served", len(seen), clients)
			}
		}
		return time.Since(begin)
	}
	all()
	l := w.load(t)
	var took []time.Duration
	rounds := pick(1, 5)
	for i := 1; i <= rounds; i++ {
		w.Kill()
		w.again(t)
		took = append(took, all())
		w.edit(t, i)
		took = append(took, w.sees(t, i))
		w.shows(t, "all are in sync", func(s status) bool { return s.Envoys.InSync == clients+1 })
	}
	most := w.memory(t)
	if most > limitMiB {
		t.Errorf("the program took %d MiB, want less than %d", most, limitMiB)
	}
	over(t, l, "clients reconnect at once", figure("clients", clients), slowest("served within", took), figure("MiB at most", most))
}

// limitMiB is for what a thousand clients cost, with the race detector too.
const limitMiB = 1000

// takeAll takes everything on one stream until that ends, and tells when it
// has had a response of each type.
func takeAll(ctx context.Context, open func() (*stream, error), served func()) error {
	s, err := open()
	if err != nil {
		return err
	}
	for _, typeURL := range everything() {
		if err := s.ask(typeURL, nil); err != nil {
			return err
		}
	}
	missing := everything()
	for ctx.Err() == nil {
		r, err := s.next()
		if err != nil {
			return err
		}
		before := len(missing)
		missing = slices.DeleteFunc(missing, func(u string) bool { return u == r.typeURL })
		if before > 0 && len(missing) == 0 {
			served()
		}
	}
	return ctx.Err()
}

// named is how many resources a client names that comes back.
const named = 50_000

// A client names 50,000 resources with their versions when it comes back, most
// of which are gone. It is told so, is sent nothing that it has, and after that
// just what changes.
func TestAClientReconnectsWithManyResources(t *testing.T) {
	t.Parallel()
	w := create(t, options{args: []string{"--linger", "200ms"}}) // what is gone goes after that
	services := pick(500, named/2)
	many(t, w, services)
	serves(t, w.address(), "last", services)
	first, err := open(t.Context(), connect(t, w.Port), "delta", "raw")
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]string{}
	if err := first.ask(resourcev3.ClusterType, nil); err != nil {
		t.Fatal(err)
	}
	for len(has) < services {
		r, err := first.next()
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(has, r.versions)
	}
	gone := map[string]bool{}
	for i := range named - len(has) {
		name := fmt.Sprintf("a-cluster-of-somebody-elses-that-is-no-longer-there-%d", i)
		gone[name], has[name] = true, "0123456789abcdef"
	}

	l := w.load(t)
	w.Kill()
	w.again(t)
	begin := time.Now()
	again, err := open(t.Context(), connect(t, w.Port), "delta", "raw")
	if err != nil {
		t.Fatal(err)
	}
	if err := again.ask(resourcev3.ClusterType, has); err != nil {
		t.Fatal(err)
	}
	for len(gone) > 0 {
		r, err := again.next()
		if err != nil {
			t.Fatal(err)
		}
		if len(r.names) > 0 {
			t.Fatalf("%d resources are sent that the client has, such as %s", len(r.names), r.names[0])
		}
		for _, name := range r.removed {
			if !gone[name] {
				t.Fatalf("%s is removed, and still there or removed twice", name)
			}
			delete(gone, name)
		}
	}
	took := time.Since(begin)
	w.write(t, "guest.yaml", w.service("guest", 0))
	r, err := again.next()
	if err != nil || !slices.Equal(r.names, []string{"guest"}) || len(r.removed) > 0 {
		t.Errorf("after an edit of one service %q are sent, %q are gone, %v", r.names, r.removed, err)
	}
	most := w.memory(t)
	over(t, l, "a client names 50,000 resources", figure("of which serve", services), slowest("answered within", []time.Duration{took}), figure("MiB at most", most))
}

// many writes as many services, and one more.
func many(t *testing.T, w *world, services int) {
	t.Helper()
	const files = 100 // one would be more than a file may have
	for f := range files {
		var text strings.Builder
		for n := f; n < services; n += files {
			fmt.Fprintf(&text, "service: many%d\nhosts: [many%d.example.com]\nupstream: http://%s\n---\n", n, n, w.up.Addr)
		}
		w.write(t, fmt.Sprintf("many%d.yaml", f), strings.TrimSuffix(text.String(), "---\n"))
	}
	w.write(t, "last.yaml", w.service("last", services))
}

// An Envoy with 50,000 clusters loses the control plane and comes back. It
// changes nothing, and takes the next edit.
func TestAnEnvoyReconnectsWithManyResources(t *testing.T) {
	if !long {
		t.Skip("in the long form alone: Envoy takes a minute and 3 GB")
	}
	w := create(t, options{})
	many(t, w, named)
	serves(t, w.address(), "last", named)
	l := w.load(t)
	before := changes(t, w.envoy)
	w.Kill()
	w.again(t)
	begin := time.Now()
	w.shows(t, "Envoy is back and in sync", func(s status) bool { return s.Envoys.InSync == 1 })
	took := time.Since(begin)
	if after := changes(t, w.envoy); after != before {
		t.Errorf("a restart on the same files changed Envoy from %s to %s", before, after)
	}
	w.edit(t, 1)
	edit := w.sees(t, 1)
	most := w.memory(t)
	over(t, l, "an Envoy has 50,000 clusters", slowest("back within", []time.Duration{took}), slowest("the edit within", []time.Duration{edit}), figure("MiB at most", most))
}
