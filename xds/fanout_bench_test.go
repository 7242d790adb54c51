package xds_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"dragoman/fleet"
	"dragoman/snapshot"
	"dragoman/xds"
)

// clientsOf is set in a process of clients, so that what they cost is not counted.
const clientsOf = "DRAGOMAN_BENCH_CLIENTS"

func TestMain(m *testing.M) {
	if what := os.Getenv(clientsOf); what != "" {
		if err := fleetOf(what); err != nil {
			panic(err)
		}
		return
	}
	m.Run()
}

// fleetOf is many clients that take everything and say so, until standard input
// ends.
func fleetOf(what string) error {
	var port, clients, services int
	var delta bool
	if _, err := fmt.Sscan(what, &port, &clients, &services, &delta); err != nil {
		return err
	}
	ended := make(chan error, clients+1)
	for i := range clients {
		conn, err := grpc.NewClient(fmt.Sprint("127.0.0.1:", port), grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithStaticStreamWindowSize(1<<20), grpc.WithStaticConnWindowSize(1<<20)) // without pings, as Envoy
		if err != nil {
			return err
		}
		go func() { ended <- taker(conn, fmt.Sprint("envoy-", i), services, delta) }()
	}
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1)) // there is nothing but its end
		ended <- nil
	}()
	return <-ended
}

// taker is a client that subscribes as an Envoy does, to endpoints by name.
func taker(conn grpc.ClientConnInterface, node string, services int, delta bool) error {
	method := ads + "StreamAggregatedResources"
	if delta {
		method = ads + "DeltaAggregatedResources"
	}
	stream, err := conn.NewStream(context.Background(), &bothWays, method, grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallRecvMsgSize(1<<30))
	if err != nil {
		return err
	}
	names := map[string][]string{resourcev3.EndpointType: serviceNames(services), resourcev3.RouteType: {"http"}}
	who := &corev3.Node{Id: node, Cluster: "bench"}
	say := func(typeURL, version, nonce string, subscribe []string) error {
		if delta {
			return stream.SendMsg(&discoveryv3.DeltaDiscoveryRequest{Node: who, TypeUrl: typeURL, ResponseNonce: nonce, ResourceNamesSubscribe: subscribe})
		}
		return stream.SendMsg(&discoveryv3.DiscoveryRequest{Node: who, TypeUrl: typeURL, ResponseNonce: nonce, VersionInfo: version, ResourceNames: names[typeURL]})
	}
	for _, typeURL := range []string{resourcev3.ClusterType, resourcev3.EndpointType, resourcev3.ListenerType, resourcev3.RouteType} {
		if err := say(typeURL, "", "", names[typeURL]); err != nil {
			return err
		}
		who = nil
	}
	for {
		var data []byte
		if err := stream.RecvMsg(&data); err != nil {
			return err
		}
		f := outer(data)
		if err := say(f[4], f[1], f[5], nil); err != nil {
			return err
		}
	}
}

// outer reads the fields of a response that are not its resources.
func outer(data []byte) map[protowire.Number]string {
	out := map[protowire.Number]string{}
	for len(data) > 0 {
		num, _, n := protowire.ConsumeTag(data)
		data = data[n:]
		value, n := protowire.ConsumeBytes(data)
		data = data[n:]
		if num != 2 {
			out[num] = string(value)
		}
	}
	return out
}

// rawCodec leaves responses as they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	b, err := proto.Marshal(v.(proto.Message))
	return mem.BufferSlice{mem.SliceBuffer(b)}, err
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

func serviceNames(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("service-%05d", i)
	}
	return out
}

// arena is a server with two snapshots that differ in the endpoints of one
// service, and who has accepted which.
type arena struct {
	*xds.Server

	port int
	two  [2]*snapshot.Snapshot

	mu       sync.Mutex
	accepted map[uint64]string // versions of endpoints, by stream
	version  string            // that is waited for
	missing  int
	done     chan struct{}
}

func newArena(b *testing.B, services int) *arena {
	b.Helper()
	a := &arena{accepted: map[uint64]string{}, done: make(chan struct{}, 1)}
	ls, err := xds.Listen(b.Context(), "localhost:0")
	if err != nil {
		b.Fatal(err)
	}
	a.port = ls[0].Addr().(*net.TCPAddr).Port
	envoys := fleet.New(fleet.Options{})
	many := xds.Rate{Burst: 1e6, PerSecond: 1e6}
	a.Server = xds.New(xds.Options{
		Log: slog.New(slog.DiscardHandler), Arrivals: many, Requests: many,
		FirstRequest: time.Minute, HandshakeTimeout: time.Minute, // a thousand that come at once have two cores with us
		Observe: func(e xds.Event) { tellFleet(envoys, e); a.observe(e) },
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, ls) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	a.build(b, services)
	a.publish(b, 0)
	return a
}

func (a *arena) build(b *testing.B, services int) {
	b.Helper()
	var builder snapshot.Builder
	r := some(b, serviceNames(services)...)
	for i := range a.two {
		r.Endpoints = slices.Clone(r.Endpoints)
		r.Endpoints[services/2] = &endpointv3.ClusterLoadAssignment{
			ClusterName: r.Endpoints[services/2].GetClusterName(),
			Endpoints:   at(&net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i)), Port: 80}),
		}
		all, err := snapshot.Tables(r)
		if err != nil {
			b.Fatal(err)
		}
		if a.two[i], err = builder.Build(all); err != nil {
			b.Fatal(err)
		}
	}
}

// tellFleet is what the program does with events.
func tellFleet(f *fleet.Fleet, e xds.Event) {
	switch e.Kind {
	case xds.Published:
		f.Published(e.Versions)
	case xds.Assigned:
		f.Assigned(e.Stream, e.Versions)
	case xds.Opened:
		f.Opened(fleet.Stream{ID: e.Stream, Node: e.Node, Cluster: e.Cluster, Peer: e.Peer, Protocol: e.Protocol, Service: e.Service})
	case xds.Closed:
		f.Closed(e.Stream)
	case xds.Asked:
		f.Asked(e.Stream, e.Type)
	case xds.Offered:
		f.Offered(e.Stream, e.Type, e.Version)
	case xds.Accepted:
		f.Accepted(e.Stream, e.Type, e.Version)
	case xds.Dropped, xds.Partly, xds.Refused, xds.Stuck:
		panic("clients that take everything do nothing of this kind")
	}
}

func (a *arena) observe(e xds.Event) {
	if e.Kind != xds.Accepted || e.Type != resourcev3.EndpointType {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.accepted[e.Stream] == e.Version {
		return
	}
	a.accepted[e.Stream] = e.Version
	if e.Version == a.version {
		if a.missing--; a.missing == 0 {
			a.done <- struct{}{}
		}
	}
}

// publish makes one of the snapshots what is to be had, by so many.
func (a *arena) publish(b *testing.B, i int) {
	b.Helper()
	if err := a.Publish(b.Context(), a.two[i]); err != nil {
		b.Fatal(err)
	}
}

// expect has arrived said when so many streams have a snapshot's endpoints.
func (a *arena) expect(i, streams int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version, a.missing = a.two[i].Versions[resourcev3.EndpointType], streams
}

func (a *arena) arrived(b *testing.B) {
	b.Helper()
	select {
	case <-a.done:
	case <-time.After(2 * time.Minute):
		a.mu.Lock()
		defer a.mu.Unlock()
		b.Fatalf("%d streams do not have it", a.missing)
	}
}

// enter starts a process of clients, and waits until all have everything.
func (a *arena) enter(b *testing.B, clients, services int, delta bool) {
	b.Helper()
	a.expect(0, clients)
	c := exec.CommandContext(context.WithoutCancel(b.Context()), os.Args[0])
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %d %t", clientsOf, a.port, clients, services, delta), "GOGC=400")
	c.Stderr = os.Stderr
	stdin, err := c.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		if err := c.Wait(); err != nil {
			b.Error(err)
		}
	})
	a.arrived(b)
}

// cpu is what this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

// One edit, from its publication until the last of all clients has said that it
// has it: time and this process's CPU for each client, and what one that is in
// step costs in memory.
func BenchmarkFanout(b *testing.B) {
	for _, services := range []int{1000, 10_000} {
		for _, clients := range []int{1, 100, 1000} {
			for form, delta := range forms() {
				b.Run(fmt.Sprintf("N=%d/W=%d/%s", services, clients, form), func(b *testing.B) {
					a := newArena(b, services)
					empty := heap()
					a.enter(b, clients, services, delta)
					each := (heap() - empty) / float64(clients)
					before := cpu(b)
					for i := 0; b.Loop(); i++ {
						a.expect((i+1)%2, clients)
						a.publish(b, (i+1)%2)
						a.arrived(b)
					}
					b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N*clients), "cpu-µs/client")
					b.ReportMetric(each, "B/client")
				})
			}
		}
	}
}

// One edit for one client, until the bytes are there.
func BenchmarkPublishEdit(b *testing.B) {
	for _, services := range []int{10, 1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("N=%d", services), func(b *testing.B) {
			a := newArena(b, services)
			conn, err := grpc.NewClient(fmt.Sprint("127.0.0.1:", a.port), grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			a.expect(0, 1)
			got := make(chan struct{}, 100)
			go func() {
				if err := taker(received{conn, got}, "envoy", services, true); err != nil && b.Context().Err() == nil {
					b.Log(err)
				}
			}()
			a.arrived(b)
			for len(got) > 0 {
				<-got
			}
			for i := 0; b.Loop(); i++ {
				a.expect((i+1)%2, 1)
				a.publish(b, (i+1)%2)
				<-got
				b.StopTimer()
				a.arrived(b)
				b.StartTimer()
			}
		})
	}
}

// received is a connection whose streams tell of each message that comes.
type received struct {
	grpc.ClientConnInterface

	got chan<- struct{}
}

func (c received) NewStream(ctx context.Context, d *grpc.StreamDesc, method string, o ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := c.ClientConnInterface.NewStream(ctx, d, method, o...)
	return told{s, c.got}, err
}

type told struct {
	grpc.ClientStream

	got chan<- struct{}
}

func (s told) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil && bytes.Contains(*m.(*[]byte), []byte(resourcev3.EndpointType)) {
		s.got <- struct{}{}
	}
	return err
}
