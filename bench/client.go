package main

import (
	"bytes"
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
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// rawCodec hands over the bytes of responses: what a client does with them is
// not what is measured, and a thousand clients share this process.
type rawCodec struct{}

// Marshal encodes a request.
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	b, err := proto.Marshal(v.(proto.Message))
	return mem.BufferSlice{mem.SliceBuffer(b)}, err
}

// Unmarshal copies a response.
func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// Name is the one that servers know.
func (rawCodec) Name() string { return "proto" }

// client is an xDS client that acknowledges everything and looks for marks.
type client struct {
	conn   *grpc.ClientConn
	stream grpc.ClientStream
	delta  bool
	bytes  atomic.Int64 // received
	seen   chan time.Time
	wanted atomic.Pointer[want]
	ended  chan error
	filled chan string // types whose first response is there

	mu    sync.Mutex          // guards sending and what follows
	names map[string][]string // what is subscribed to by name, by type URL
}

// want is a mark that is looked for, and how often it is to be seen.
type want struct {
	mark  []byte
	times int
	had   int
}

// in tells whether the mark has been seen often enough. Delta may bring the
// resources one by one; in SotW one response may repeat those of the last, so
// that the last one counts.
func (w *want) in(data []byte, delta bool) bool {
	n := bytes.Count(data, w.mark)
	if delta {
		n += w.had
	}
	w.had = max(w.had, n)
	return w.had >= w.times
}

// dial opens an ADS stream and subscribes to clusters and to the load
// assignments and routes of some names.
func dial(ctx context.Context, address string, delta bool, node string) (*client, error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithConnectParams(grpc.ConnectParams{
		Backoff: backoff.Config{BaseDelay: 5 * time.Millisecond, Multiplier: 1.2, MaxDelay: 100 * time.Millisecond},
	}))
	if err != nil {
		return nil, err
	}
	method := "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
	if delta {
		method = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method,
		grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallRecvMsgSize(1<<30), grpc.MaxCallSendMsgSize(1<<30), grpc.WaitForReady(true))
	if err != nil {
		conn.Close()
		return nil, err
	}
	c := &client{
		conn: conn, stream: stream, delta: delta,
		seen: make(chan time.Time, 1), ended: make(chan error, 1),
		filled: make(chan string, 16), names: map[string][]string{},
	}
	if err := c.send(resourcev3.ClusterType, nil, node, "", ""); err != nil {
		return nil, err
	}
	go func() { c.ended <- c.receive() }()
	return c, nil
}

func (c *client) close() { c.conn.Close() }

// subscribe asks for resources by name.
func (c *client) subscribe(typeURL string, names []string) error {
	return c.send(typeURL, names, "", "", "")
}

// send sends a request: a subscription, or an acknowledgement, which in SotW
// has the names that are subscribed to.

func (c *client) send(typeURL string, names []string, node, version, nonce string) error {
	var who *corev3.Node
	if node != "" {
		who = &corev3.Node{Id: node, Cluster: "bench"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.delta {
		return c.stream.SendMsg(&discoveryv3.DeltaDiscoveryRequest{Node: who, TypeUrl: typeURL, ResourceNamesSubscribe: names, ResponseNonce: nonce})
	}
	if names != nil {
		c.names[typeURL] = names
	}
	return c.stream.SendMsg(&discoveryv3.DiscoveryRequest{Node: who, TypeUrl: typeURL, ResourceNames: c.names[typeURL], VersionInfo: version, ResponseNonce: nonce})
}

// receive acknowledges what comes until the stream ends.
func (c *client) receive() error {
	known := map[string]bool{}
	for {
		var data []byte
		if err := c.stream.RecvMsg(&data); err != nil {
			return err
		}
		at := time.Now()
		c.bytes.Add(int64(len(data)))
		if w := c.wanted.Load(); w != nil && w.in(data, c.delta) && c.wanted.CompareAndSwap(w, nil) {
			c.seen <- at
		}
		r, err := head(data)
		if err != nil {
			return err
		}
		if !known[r.typeURL] {
			known[r.typeURL] = true
			c.filled <- r.typeURL
		}
		if err := c.send(r.typeURL, nil, "", r.version, r.nonce); err != nil {
			return err
		}
	}
}

// response is what a client needs to know of one.
type response struct {
	typeURL, version, nonce string
}

// head reads the outer fields of a response. Their numbers are the same in both
// forms but for the type and the version's meaning.
// https://github.com/envoyproxy/envoy/blob/main/api/envoy/service/discovery/v3/discovery.proto
func head(data []byte) (response, error) {
	fields := map[protowire.Number]string{}
	var out response
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			return out, protowire.ParseError(n)
		}
		data = data[n:]
		if typ != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(num, typ, data); n < 0 {
				return out, protowire.ParseError(n)
			}
			data = data[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(data)
		if n < 0 {
			return out, protowire.ParseError(n)
		}
		data = data[n:]
		if num != 2 { // the resources
			fields[num] = string(value)
		}
	}
	out.version, out.typeURL, out.nonce = fields[1], fields[4], fields[5]
	if out.typeURL == "" {
		return out, errors.New("a response without a type")
	}
	return out, nil
}

// look has the client look for a mark.
func (c *client) look(mark string) { c.tally(mark, 1) }

// tally has it look for a mark in so many resources.
func (c *client) tally(mark string, times int) {
	c.wanted.Store(&want{mark: []byte(mark), times: times})
}

// await is when the mark was seen.
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

// fill waits for the first response of a type.
func (c *client) fill(typeURL string, timeout time.Duration) error {
	late := time.After(timeout)
	for {
		select {
		case got := <-c.filled:
			if got == typeURL {
				return nil
			}
		case err := <-c.ended:
			return fmt.Errorf("the stream has ended: %w", err)
		case <-late:
			return fmt.Errorf("no response of type %s", typeURL)
		}
	}
}
