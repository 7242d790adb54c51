package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
)

// client is an xDS client that acknowledges everything, looks for marks, and
// keeps counters alone.
type client struct {
	conn   *grpc.ClientConn
	stream grpc.ClientStream
	node   *corev3.Node
	delta  bool
	bytes  atomic.Int64 // received
	seen   chan time.Time
	wanted atomic.Pointer[want]
	ended  chan error
	news   chan struct{} // a response is there

	mu       sync.Mutex       // guards sending and what follows
	asked    map[string]names // what is subscribed to, by type URL
	had      map[string]int   // resources that came, by type URL
	versions map[string]bool  // of endpoints, or nonces where there are no versions
	lesson   *lesson          // nil if there is nothing to be learned
}

// dial opens an ADS stream.
func dial(ctx context.Context, s *subject, node string) (*client, error) {
	conn, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	method := "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
	if s.kind.sotw {
		method = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method,
		grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallRecvMsgSize(1<<30), grpc.MaxCallSendMsgSize(1<<30), grpc.WaitForReady(true))
	if err != nil {
		conn.Close()
		return nil, err
	}
	c := &client{
		conn: conn, stream: stream, delta: !s.kind.sotw,
		node: &corev3.Node{Id: node, Cluster: "bench"},
		seen: make(chan time.Time, 1), ended: make(chan error, 1), news: make(chan struct{}, 1),
		asked: map[string]names{}, had: map[string]int{}, versions: map[string]bool{},
	}
	go func() { c.ended <- c.receive() }()
	return c, nil
}

func (c *client) close() { c.conn.Close() }

// everything asks for all that an Envoy would ask for, one type after the other,
// and waits until it is there: n clusters, and n scopes where there are any. What
// it has learned is for further clients.
func (c *client) everything(n int, known *interest) (*interest, error) {
	in := known
	if known == nil {
		in, c.lesson = &interest{}, &lesson{}
	}
	if err := c.subscribe(resourcev3.ClusterType, names{}, n); err != nil {
		return nil, err
	}
	if known == nil {
		in.endpoints = newNames(c.learned().endpoints)
	}
	if err := c.subscribe(resourcev3.EndpointType, in.endpoints, in.endpoints.count); err != nil {
		return nil, err
	}
	if err := c.subscribe(resourcev3.ListenerType, names{}, 1); err != nil {
		return nil, err
	}
	if known == nil {
		in.scoped = c.learned().scoped
	}
	if in.scoped {
		if err := c.subscribe(resourcev3.ScopedRouteType, names{}, n); err != nil {
			return nil, err
		}
	}
	if known == nil {
		in.routes = newNames(c.learned().routes)
		c.forget()
	}
	return in, c.subscribe(resourcev3.RouteType, in.routes, in.routes.count)
}

// learned is what other resources were named so far.
func (c *client) learned() lesson {
	c.mu.Lock()
	defer c.mu.Unlock()
	return *c.lesson
}

func (c *client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lesson = nil
}

// subscribe asks for some resources of a type, or all without names, and waits
// until so many are there.
func (c *client) subscribe(typeURL string, of names, n int) error {
	c.mu.Lock()
	c.asked[typeURL] = of
	c.mu.Unlock()
	if err := c.send(typeURL, of, response{}); err != nil {
		return err
	}
	late := time.After(patience)
	for {
		c.mu.Lock()
		had := c.had[typeURL]
		c.mu.Unlock()
		if had >= n {
			return nil
		}
		select {
		case <-c.news:
		case err := <-c.ended:
			return fmt.Errorf("the stream has ended: %w", err)
		case <-late:
			return fmt.Errorf("of %s, %d came where %d were asked for", typeURL, had, n)
		}
	}
}

// send sends a subscription, or an acknowledgement of a response, which in SotW
// has the names that are subscribed to.
func (c *client) send(typeURL string, of names, to response) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	node := c.node
	c.node = nil // only the first message has it
	var message [][]byte
	var err error
	if c.delta {
		message, err = request(&discoveryv3.DeltaDiscoveryRequest{Node: node, TypeUrl: typeURL, ResponseNonce: to.nonce}, of)
	} else {
		message, err = request(&discoveryv3.DiscoveryRequest{Node: node, TypeUrl: typeURL, VersionInfo: to.version, ResponseNonce: to.nonce}, of)
	}
	if err != nil {
		return err
	}
	return c.stream.SendMsg(message)
}

// receive acknowledges what comes until the stream ends.
func (c *client) receive() error {
	for {
		var buf mem.Buffer
		if err := c.stream.RecvMsg(&buf); err != nil {
			return err
		}
		at, data := time.Now(), buf.ReadOnlyData()
		c.bytes.Add(int64(len(data)))
		if w := c.wanted.Load(); w != nil && w.in(data) && c.wanted.CompareAndSwap(w, nil) {
			c.seen <- at
		}
		r, of, err := c.take(data)
		buf.Free()
		if err != nil {
			return err
		}
		select {
		case c.news <- struct{}{}:
		default:
		}
		if err := c.send(r.typeURL, of, r); err != nil {
			return err
		}
	}
}

// take counts a response, and says what names its acknowledgement has.
func (c *client) take(data []byte) (response, names, error) {
	r, err := head(data)
	if err != nil {
		return r, names{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lesson != nil {
		if err := c.lesson.learn(r.typeURL, data, c.delta); err != nil {
			return r, names{}, err
		}
	}
	c.had[r.typeURL] += r.resources
	if r.typeURL == resourcev3.EndpointType {
		c.versions[version(r)] = true
	}
	if c.delta {
		return r, names{}, nil
	}
	return r, c.asked[r.typeURL], nil
}

// version is what a publication is told by: the bare loop has none, and is one
// with each response.
func version(r response) string {
	if r.version == "" {
		return "nonce " + r.nonce
	}
	return r.version
}

// published is how many versions of endpoints have come.
func (c *client) published() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.versions)
}

// look has the client look for a mark.
func (c *client) look(mark string) { c.wanted.Store(&want{mark: []byte(mark)}) }

// tally has it look for so many addresses that begin with a mark.
func (c *client) tally(mark string, n int) {
	c.wanted.Store(&want{mark: []byte(mark), seen: make([]bool, n), missing: n})
}

// await is when all that is looked for had come.
func (c *client) await(timeout time.Duration) (time.Time, error) {
	select {
	case at := <-c.seen:
		return at, nil
	case err := <-c.ended:
		return time.Time{}, fmt.Errorf("the stream has ended: %w", err)
	case <-time.After(timeout):
		return time.Time{}, errors.New("the edit has not arrived")
	}
}
