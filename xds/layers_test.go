package xds_test

import (
	"fmt"
	"strings"
	"testing"

	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc/codes"
)

// values tells how many values the layer of a name has in a response.
func values(t *testing.T, r reply, name string) int {
	t.Helper()
	l, ok := r.bodies[name].(*runtimev3.Runtime)
	if !ok {
		t.Fatalf("no layer %q in %q", name, r.names)
	}
	return len(l.GetLayer().GetFields())
}

func TestAnyLayerIsAnswered(t *testing.T) {
	const own = "/envoy.service.runtime.v3.RuntimeDiscoveryService/"
	for _, method := range []map[bool]string{
		{false: ads + "StreamAggregatedResources", true: ads + "DeltaAggregatedResources"},
		{false: own + "StreamRuntime", true: own + "DeltaRuntime"},
	} {
		t.Run(method[false], func(t *testing.T) {
			for form, delta := range forms() {
				t.Run(form, func(t *testing.T) {
					s := run(t)
					x := dial(t, s.conn, method[delta], delta)
					x.ask(resourcev3.RuntimeType, "runtime-0")
					s.log.wait(t, "stream opened", 1)

					s.publish(some(t)) // an Envoy waits for this, like for all else
					r := x.want(resourcev3.RuntimeType, "runtime-0")
					if n := values(t, r, "runtime-0"); n != 0 {
						t.Errorf("runtime-0 has %d values, want none", n)
					}
					x.take(r)
					s.publish(some(t, "a")) // does not concern it

					with := some(t)
					with.Runtimes = append(with.Runtimes, layer(t, "runtime-0", map[string]any{"a": 1}))
					s.publish(with)
					r = x.want(resourcev3.RuntimeType, "runtime-0")
					if n := values(t, r, "runtime-0"); n != 1 {
						t.Errorf("runtime-0 has %d values, want 1", n)
					}
					x.take(r)

					s.publish(some(t)) // the layer is gone, and its values with it
					r = x.want(resourcev3.RuntimeType, "runtime-0")
					if n := values(t, r, "runtime-0"); n != 0 || len(r.removed) > 0 {
						t.Errorf("runtime-0 has %d values and %q is removed, want none", n, r.removed)
					}
					x.take(r)

					x.again(r, "runtime-0", "another")
					r = x.next()
					if n := values(t, r, "another"); n != 0 {
						t.Errorf("another has %d values, want none", n)
					}
					x.take(r)
					x.again(r, "runtime-0")
					x.again(r, "runtime-0", "another") // it has forgotten what it had
					r = x.next()
					values(t, r, "another")
					x.take(r)

					s.publish(with)
					if r = x.next(); values(t, r, "runtime-0") != 1 {
						t.Errorf("runtime-0 is not what it was: %v", r)
					}
				})
			}
		})
	}
}

// An Envoy that comes back says which layers it has.
func TestLayersOfAnEarlierStream(t *testing.T) {
	s := run(t)
	s.publish(some(t))
	x := dialADS(t, s.conn, false)
	x.accepted[resourcev3.RuntimeType] = "some version"
	x.names[resourcev3.RuntimeType] = []string{"runtime-0"}
	x.answer(reply{typeURL: resourcev3.RuntimeType, nonce: "7"}, nil)
	x.want(resourcev3.RuntimeType, "runtime-0")
}

func TestAbsurdLayersAreRefused(t *testing.T) {
	many := make([]string, 65)
	for i := range many {
		many[i] = fmt.Sprint("layer-", i)
	}
	for name, names := range map[string][]string{
		"too many":   many,
		"a long one": {strings.Repeat("x", 257)},
	} {
		t.Run(name, func(t *testing.T) {
			for form, delta := range forms() {
				t.Run(form, func(t *testing.T) {
					s := run(t)
					x := dialADS(t, s.conn, delta)
					x.ask(resourcev3.RuntimeType, names...)
					if got := x.end(); got.Code() != codes.InvalidArgument {
						t.Errorf("the stream ended with %v, want InvalidArgument", got)
					}
				})
			}
		})
	}
}
