package xds_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/genproto/googleapis/rpc/code"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// patience bounds every wait of a test; none is as long on an idle machine.
const patience = 20 * time.Second

// reply is a response in either form of the protocol.
type reply struct {
	typeURL, version, nonce string
	names                   []string          // sorted
	removed                 []string          // sorted, in delta
	versions                map[string]string // by name, in delta
	bodies                  map[string]proto.Message
}

// client is an xDS client on one stream that does just what it is told.
type client struct {
	t      *testing.T
	stream grpc.ClientStream
	delta  bool
	node   *corev3.Node // sent with the first request alone
	got    chan reply
	ended  chan error

	names    map[string][]string // by type, the names asked for
	accepted map[string]string   // by type, the version taken last
}

// forms are the two forms of the protocol, and whether each is delta.
func forms() map[string]bool { return map[string]bool{"sotw": false, "delta": true} }

const ads = "/envoy.service.discovery.v3.AggregatedDiscoveryService/"

// dialADS opens an ADS stream of either form.
func dialADS(t *testing.T, conn *grpc.ClientConn, delta bool) *client {
	t.Helper()
	if delta {
		return dial(t, conn, ads+"DeltaAggregatedResources", true)
	}
	return dial(t, conn, ads+"StreamAggregatedResources", false)
}

// bothWays is the kind of every xDS stream.
var bothWays = grpc.StreamDesc{ClientStreams: true, ServerStreams: true}

func dial(t *testing.T, conn *grpc.ClientConn, method string, delta bool) *client {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := conn.NewStream(ctx, &bothWays, method)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{
		t: t, stream: stream, delta: delta, node: &corev3.Node{Id: "test-id", Cluster: "test-cluster"},
		got: make(chan reply), ended: make(chan error, 1),
		names: map[string][]string{}, accepted: map[string]string{},
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.receive(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return c
}

func (c *client) receive(ctx context.Context) {
	for {
		r, err := c.recv()
		if err != nil {
			c.ended <- err
			return
		}
		select {
		case c.got <- r:
		case <-ctx.Done():
			return
		}
	}
}

func (c *client) recv() (reply, error) {
	if !c.delta {
		var m discoveryv3.DiscoveryResponse
		if err := c.stream.RecvMsg(&m); err != nil {
			return reply{}, err
		}
		r := reply{typeURL: m.GetTypeUrl(), version: m.GetVersionInfo(), nonce: m.GetNonce(), bodies: map[string]proto.Message{}}
		for _, a := range m.GetResources() {
			body, err := a.UnmarshalNew()
			if err != nil {
				return reply{}, err
			}
			name := nameOf(body)
			r.names, r.bodies[name] = append(r.names, name), body
		}
		slices.Sort(r.names)
		return r, nil
	}
	var m discoveryv3.DeltaDiscoveryResponse
	if err := c.stream.RecvMsg(&m); err != nil {
		return reply{}, err
	}
	r := reply{
		typeURL: m.GetTypeUrl(), version: m.GetSystemVersionInfo(), nonce: m.GetNonce(),
		removed: m.GetRemovedResources(), versions: map[string]string{}, bodies: map[string]proto.Message{},
	}
	for _, res := range m.GetResources() {
		body, err := res.GetResource().UnmarshalNew()
		if err != nil {
			return reply{}, err
		}
		name := res.GetName()
		r.names, r.versions[name], r.bodies[name] = append(r.names, name), res.GetVersion(), body
	}
	slices.Sort(r.names)
	slices.Sort(r.removed)
	return r, nil
}

// nameOf is the name of a resource.
func nameOf(m proto.Message) string {
	if named, ok := m.(interface{ GetName() string }); ok {
		return named.GetName()
	}
	return m.(interface{ GetClusterName() string }).GetClusterName()
}

// ask subscribes to exactly these names, or to everything without any.
func (c *client) ask(typeURL string, names ...string) {
	c.t.Helper()
	before := c.names[typeURL]
	c.names[typeURL] = names
	if c.delta {
		gone := slices.DeleteFunc(slices.Clone(before), func(n string) bool { return slices.Contains(names, n) })
		added := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(before, n) })
		c.send(&discoveryv3.DeltaDiscoveryRequest{
			Node: c.once(), TypeUrl: typeURL, ResourceNamesSubscribe: added, ResourceNamesUnsubscribe: gone,
		})
		return
	}
	c.send(&discoveryv3.DiscoveryRequest{Node: c.once(), TypeUrl: typeURL, ResourceNames: names})
}

// again changes the names of a type that has had a response.
func (c *client) again(last reply, names ...string) {
	c.t.Helper()
	if c.delta {
		c.ask(last.typeURL, names...)
		return
	}
	c.names[last.typeURL] = names
	c.take(last)
}

// take accepts a response, refuse refuses it.
func (c *client) take(r reply) {
	c.t.Helper()
	c.accepted[r.typeURL] = r.version
	c.answer(r, nil)
}

func (c *client) refuse(r reply, words string) {
	c.t.Helper()
	c.answer(r, &rpcstatus.Status{Code: int32(code.Code_INTERNAL), Message: words})
}

func (c *client) answer(r reply, refusal *rpcstatus.Status) {
	c.t.Helper()
	if c.delta {
		c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.typeURL, ResponseNonce: r.nonce, ErrorDetail: refusal})
		return
	}
	c.send(&discoveryv3.DiscoveryRequest{
		TypeUrl: r.typeURL, ResponseNonce: r.nonce, ErrorDetail: refusal,
		VersionInfo: c.accepted[r.typeURL], ResourceNames: c.names[r.typeURL],
	})
}

func (c *client) once() *corev3.Node {
	n := c.node
	c.node = nil
	return n
}

func (c *client) send(m proto.Message) {
	c.t.Helper()
	if err := c.stream.SendMsg(m); err != nil && !errors.Is(err, io.EOF) {
		c.t.Fatal(err)
	}
}

// next returns the next response, whatever it is.
func (c *client) next() reply {
	c.t.Helper()
	select {
	case r := <-c.got:
		return r
	case err := <-c.ended:
		c.t.Fatalf("the stream ended: %v", err)
	case <-time.After(patience):
		c.t.Fatal("no response")
	}
	return reply{}
}

// want returns the next response after comparing what is in it.
func (c *client) want(typeURL string, names ...string) reply {
	c.t.Helper()
	r := c.next()
	if r.typeURL != typeURL || !slices.Equal(r.names, names) {
		c.t.Fatalf("the next response is %s with %q, want %s with %q", r.typeURL, r.names, typeURL, names)
	}
	return r
}

// end waits for the server to end the stream.
func (c *client) end() *status.Status {
	c.t.Helper()
	select {
	case r := <-c.got:
		c.t.Fatalf("a response to %s with %q, want the end of the stream", r.typeURL, r.names)
	case err := <-c.ended:
		return status.Convert(err)
	case <-time.After(patience):
		c.t.Fatal("the stream did not end")
	}
	return nil
}
