package xds_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"dragoman/snapshot"
	"dragoman/xds"
)

// script decodes what a client does from bytes. At their end all is zero.
type script []byte

func (s *script) next() byte {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return b
}

// pick chooses one of some.
func pick[T any](s *script, of []T) T { return of[int(s.next())%len(of)] }

// list chooses up to three of some.
func (s *script) list(of []string) []string {
	var out []string
	for range s.next() % 4 {
		out = append(out, pick(s, of))
	}
	return out
}

// What scripts choose from. An empty type URL is none, as is an empty nonce.
var (
	fuzzTypes  = []string{"cds", "eds", "lds", "rds", "sds", "rtds", "cds", "eds", "lds", "rds", "rtds", ""}
	fuzzNames  = []string{"a", "b", "eds-a", "ghost", "*", "", "\x00,: b"}
	fuzzWords  = []string{"", "", "", "no", "Error adding/updating cluster(s) a: no, b: no", "b"}
	fuzzWorlds = []string{
		"", everything("1"), everything("2"), "cds a=1", "cds eds-a=1; eds eds-a=1", "cds eds-a=2 b=1; eds eds-a=1; rds a=2",
	}
)

// fuzzClient is a client that does what a script says on one stream.
type fuzzClient struct {
	t      *testing.T
	delta  bool
	stream grpc.ClientStream
	got    chan said
	ended  chan error

	asked map[string]map[string]bool // by type: the names that ever were asked for, "*" for a wildcard
	last  map[string]said            // by type
	over  error                      // why the stream has ended
}

// request makes the next request of a script.
func (c *fuzzClient) request(s *script) proto.Message {
	typ := pick(s, fuzzTypes)
	nonces := []string{"", c.last[typ].nonce, c.last[typ].nonce, "1", "made up"}
	nonce := pick(s, nonces)
	var refusal *rpcstatus.Status
	if words := pick(s, fuzzWords); words != "" {
		refusal = &rpcstatus.Status{Code: int32(codes.Internal), Message: words}
	}
	node := pick(s, []*corev3.Node{nil, {Id: "fuzz", Cluster: "fuzz"}, {Id: "\x00other"}})
	names, gone := s.list(fuzzNames), s.list(fuzzNames)
	c.note(typ, names)
	if !c.delta {
		return &discoveryv3.DiscoveryRequest{
			Node: node, TypeUrl: typeURLs[typ], ResourceNames: names, ResponseNonce: nonce, ErrorDetail: refusal,
			VersionInfo: pick(s, []string{"", c.last[typ].version, "made up"}),
		}
	}
	has := map[string]string{}
	for _, name := range s.list(fuzzNames) {
		has[name] = pick(s, []string{"", "made up", c.last[typ].versions[name]})
	}
	return &discoveryv3.DeltaDiscoveryRequest{
		Node: node, TypeUrl: typeURLs[typ], ResponseNonce: nonce, ErrorDetail: refusal,
		ResourceNamesSubscribe: names, ResourceNamesUnsubscribe: gone, InitialResourceVersions: has,
	}
}

// note remembers what may be sent from now on.
func (c *fuzzClient) note(typ string, names []string) {
	if c.asked[typ] == nil {
		c.asked[typ] = map[string]bool{}
	}
	if len(names) == 0 && len(c.asked[typ]) == 0 {
		names = []string{"*"}
	}
	for _, name := range names {
		c.asked[typ][name] = true
	}
}

// check holds a response against what was asked for.
func (c *fuzzClient) check(r said) {
	names := c.asked[r.typ]
	if names == nil {
		c.t.Fatalf("%q was not asked for", r)
	}
	c.last[r.typ] = r
	if names["*"] {
		return // and delta may remove names that the client said it has
	}
	for name := range r.has {
		if !names[name] {
			c.t.Fatalf("%q has %s, which was not asked for; %v were", r, name, names)
		}
	}
}

// drain takes what is there, without waiting.
func (c *fuzzClient) drain() {
	for {
		select {
		case r := <-c.got:
			c.check(r)
		case err := <-c.ended:
			c.over = err
			return
		default:
			return
		}
	}
}

// alive asks for a runtime layer until it comes or the stream ends: a server
// that neither answers nor ends the stream has lost it.
func (c *fuzzClient) alive() {
	const layer = "alive"
	c.note("rtds", []string{layer})
	ask := func() {
		if c.delta {
			c.say(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURLs["rtds"], ResourceNamesSubscribe: []string{layer}})
			return
		}
		c.say(&discoveryv3.DiscoveryRequest{
			TypeUrl: typeURLs["rtds"], ResourceNames: []string{layer}, ResponseNonce: c.last["rtds"].nonce,
		})
	}
	ask()
	deadline := time.After(conformWait)
	for c.over == nil {
		select {
		case r := <-c.got:
			c.check(r)
			if _, ok := r.has[layer]; ok {
				return
			}
			if r.typ == "rtds" && !c.delta {
				ask() // the last one was stale
			}
		case err := <-c.ended:
			c.over = err
		case <-deadline:
			c.t.Fatal("no answer, and the stream goes on")
		}
	}
}

func (c *fuzzClient) say(m proto.Message) {
	if err := c.stream.SendMsg(m); err != nil && !errors.Is(err, io.EOF) {
		c.t.Fatal(err)
	}
}

// hear is the same as that of talk, but for bad responses, which fail the test.
func (c *fuzzClient) hear(ctx context.Context) {
	x := &talk{stream: c.stream, delta: c.delta}
	for {
		r, err := x.receive()
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

// FuzzSotwRequests sends anything in the state of the world.
func FuzzSotwRequests(f *testing.F) { fuzzRequests(f, false) }

// FuzzDeltaRequests sends anything in delta.
func FuzzDeltaRequests(f *testing.F) { fuzzRequests(f, true) }

// fuzzRequests plays scripts against a server of their own. It must not panic,
// send what was not asked for, fall silent or keep a goroutine.
func fuzzRequests(f *testing.F, delta bool) {
	f.Helper()
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2})                         // everything, twice
	f.Add([]byte{1, 1, 0, 0, 0, 0, 1, 0, 0, 2, 1, 0, 1, 4, 0, 1, 0, 0, 3}) // a refusal
	f.Add([]byte{1, 5, 0, 0, 0, 0, 3, 0, 1, 2, 0, 3, 1, 2, 3, 4, 5, 6, 7}) // layers
	f.Add([]byte{1, 6, 0, 0, 0, 0, 0, 0})                                  // no type
	f.Add([]byte{4, 1, 0, 0, 0, 1, 1, 2, 0, 0, 5, 1, 1, 0, 0, 1, 2, 2, 1}) // endpoints
	f.Fuzz(func(t *testing.T, data []byte) {
		before := runtime.NumGoroutine()
		s := script(data[:min(len(data), 256)])
		playScript(t, &s, delta)
		deadline := time.Now().Add(conformWait)
		for runtime.NumGoroutine() > before {
			if time.Now().After(deadline) {
				all := make([]byte, 1<<16)
				t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, all[:runtime.Stack(all, true)])
			}
			runtime.Gosched()
		}
	})
}

// playScript runs one server and one client until the script ends.
func playScript(t *testing.T, s *script, delta bool) {
	t.Helper()
	srv, l := xds.New(quick()), bufconn.Listen(1<<20)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx, []net.Listener{l}) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	form := map[bool]string{false: "Stream", true: "Delta"}[delta]
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
		"/envoy.service.discovery.v3.AggregatedDiscoveryService/"+form+"AggregatedResources")
	if err != nil {
		t.Fatal(err)
	}
	c := &fuzzClient{
		t: t, delta: delta, stream: stream, got: make(chan said, 1000), ended: make(chan error, 1),
		asked: map[string]map[string]bool{}, last: map[string]said{},
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		c.hear(ctx)
	}()
	defer func() {
		cancel()
		<-heard
	}()
	for len(*s) > 0 && c.over == nil {
		if b := s.next(); b%4 == 0 {
			publishWorld(t, srv, fuzzWorlds[int(b/4)%len(fuzzWorlds)])
		} else {
			c.say(c.request(s))
		}
		c.drain()
	}
	publishWorld(t, srv, fuzzWorlds[1]) // or a layer would wait for it
	c.alive()
	if code := status.Code(c.over); c.over != nil && !slices.Contains([]codes.Code{codes.InvalidArgument, codes.ResourceExhausted}, code) {
		t.Errorf("the stream ended with %v", c.over)
	}
}

func publishWorld(t *testing.T, srv *xds.Server, text string) {
	t.Helper()
	snap, err := snapshot.Build(worldOf(text))
	if err == nil {
		err = srv.Publish(context.Background(), snap)
	}
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", text, err))
	}
}
