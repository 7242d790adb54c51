package xds_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"dragoman/internal/envoytest"
	"dragoman/xds"
)

// refused waits until there have been n refusals for a reason, and wants none
// for any other.
func (r *running) refused(reason string, n uint64) {
	r.t.Helper()
	envoytest.Eventually(r.t, patience, fmt.Sprintf("%d refusals for %s", n, reason), func() error {
		if got := r.Refusals()[reason]; got != n {
			return fmt.Errorf("there are %d", got)
		}
		return nil
	})
	for other, n := range r.Refusals() {
		if other != reason && n != 0 {
			r.t.Errorf("%d refusals for %s", n, other)
		}
	}
}

// exhausted wants a stream to have been ended for want of something.
func exhausted(t *testing.T, x *client, words string) {
	t.Helper()
	if got := x.end(); got.Code() != codes.ResourceExhausted || !strings.Contains(got.Message(), words) {
		t.Errorf("the stream ended with %v, want ResourceExhausted and %q", got, words)
	}
}

// asks is a client that has what there is.
func asks(t *testing.T, conn *grpc.ClientConn, names ...string) *client {
	t.Helper()
	x := dialADS(t, conn, true)
	x.ask(resourcev3.ClusterType)
	x.take(x.want(resourcev3.ClusterType, names...))
	return x
}

// leave ends a client's stream.
func (c *client) leave() {
	c.t.Helper()
	if err := c.stream.CloseSend(); err != nil {
		c.t.Fatal(err)
	}
	c.end()
}

// One client has half of the streams at most, the clients together have all,
// and what is given back can be had again.
func TestStreamsOfAClient(t *testing.T) {
	ca := envoytest.NewCA(t)
	s, _ := secured(t, ca, xds.Options{MaxOpen: 4})
	s.publish(some(t, "a"))
	greedy := s.connect(as(ca, ca.Issue(t, "greedy.test")))
	first := asks(t, greedy, "a")
	asks(t, greedy, "a")
	exhausted(t, dialADS(t, greedy, true), "the client has all streams that it may have: 2")
	s.refused("streams", 1)
	modest := s.connect(as(ca, ca.Issue(t, "modest.test")))
	asks(t, modest, "a")

	first.leave()
	s.log.wait(t, "stream closed", 1)
	envoytest.Eventually(t, patience, "another stream in the place of the first", func() error {
		stream, err := greedy.NewStream(t.Context(), &bothWays, ads+"DeltaAggregatedResources")
		if err != nil {
			return err
		}
		if err := stream.CloseSend(); err != nil {
			return err
		}
		if err := stream.RecvMsg(nil); status.Code(err) == codes.ResourceExhausted {
			return err
		}
		return nil
	})
	again := asks(t, greedy, "a")
	other := asks(t, s.connect(as(ca, ca.Issue(t, "other.test"))), "a")
	exhausted(t, dialADS(t, modest, true), "the server has all streams that it may have: 4")
	s.publish(some(t, "a", "b"))
	for _, x := range []*client{again, other} {
		x.take(x.want(resourcev3.ClusterType, "b"))
	}
}

// hello is what a client of HTTP/2 says before it wants something.
const hello = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

func TestConnectionsOfAClient(t *testing.T) {
	s := runWith(t, 0, xds.Options{MaxOpen: 4})
	greet := func() net.Conn {
		conn := connection(t, s)
		fmt.Fprint(conn, hello)
		return conn
	}
	greeted := func(conn net.Conn) error {
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		_, err := conn.Read(make([]byte, 1))
		return err
	}
	first, second := greet(), greet()
	for _, conn := range []net.Conn{first, second} {
		if err := greeted(conn); err != nil {
			t.Fatal(err)
		}
	}
	if greeted(greet()) == nil {
		t.Error("a third connection was taken")
	}
	s.refused("connections", 1)
	refused := s.log.wait(t, "connection refused", 1)[0]
	if refused["reason"] != "connections" || refused["error"] != "the client has all connections that it may have: 2" {
		t.Errorf("the log has %v", refused)
	}
	first.Close()
	envoytest.Eventually(t, patience, "a connection in the place of the first", func() error { return greeted(greet()) })
}

// The streams of one connection are bounded by HTTP/2 itself: a client waits.
func TestStreamsOfAConnection(t *testing.T) {
	s := runWith(t, 0, xds.Options{MaxStreams: 2})
	s.publish(some(t, "a"))
	first := asks(t, s.conn, "a")
	asks(t, s.conn, "a")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.conn.NewStream(ctx, &bothWays, ads+"DeltaAggregatedResources"); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a third stream: %v, want it to wait", err)
	}
	first.leave()
	asks(t, s.conn, "a")
}

func TestAnOversizedRequest(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := runWith(t, 0, xds.Options{MaxRecvBytes: 1 << 20})
			s.publish(some(t, "a"))
			beside := asks(t, s.conn, "a")
			x := dialADS(t, s.conn, delta)
			x.ask(resourcev3.ClusterType, strings.Repeat("n", 1<<20))
			exhausted(t, x, "received message larger than max")
			s.refused("size", 1)
			refused := s.log.wait(t, "stream refused", 1)[0]
			if peer, _ := refused["peer"].(string); refused["level"] != "WARN" || refused["reason"] != "size" || !strings.HasPrefix(peer, "127.0.0.1:") {
				t.Errorf("the log has %v", refused)
			}
			s.publish(some(t, "a", "b"))
			beside.take(beside.want(resourcev3.ClusterType, "b"))
		})
	}
}

func TestASilentStream(t *testing.T) {
	s := runWith(t, 0, xds.Options{FirstRequest: 100 * time.Millisecond})
	s.publish(some(t, "a"))
	beside := asks(t, s.conn, "a")
	if got := dialADS(t, s.conn, true).end(); got.Code() != codes.DeadlineExceeded || got.Message() != "no request within 100ms" {
		t.Errorf("the stream ended with %v, want DeadlineExceeded", got)
	}
	s.refused("silent", 1)
	s.publish(some(t, "a", "b")) // who has said something may be silent
	beside.take(beside.want(resourcev3.ClusterType, "b"))
}

func TestAnUnknownTypeIsCounted(t *testing.T) {
	for _, delta := range forms() {
		s := run(t)
		x := dialADS(t, s.conn, delta)
		x.ask("type.googleapis.com/made.up")
		if got := x.end(); got.Code() != codes.InvalidArgument {
			t.Errorf("an unknown type: %v, want InvalidArgument", got)
		}
		s.refused("request", 1)
	}
}

func TestTooManyPings(t *testing.T) {
	s := run(t)
	s.publish(some(t, "a"))
	beside := asks(t, s.conn, "a")
	conn := connection(t, s)
	fmt.Fprint(conn, hello)
	for range 10 {
		fmt.Fprint(conn, "\x00\x00\x08\x06\x00\x00\x00\x00\x00"+"12345678")
	}
	ended(t, conn)
	s.refused("pings", 1)
	if e := s.log.wait(t, "connection refused", 1)[0]; e["error"] != "the client pings too often" {
		t.Errorf("the log has %v", e)
	}
	s.publish(some(t, "a", "b"))
	beside.take(beside.want(resourcev3.ClusterType, "b"))
}

// What is no HTTP/2 is refused in plain text and, where that is not noticed by
// TLS, within it.
func TestWhatIsNotHTTP2(t *testing.T) {
	ca := envoytest.NewCA(t)
	client := &tls.Config{RootCAs: ca.Pool(), ServerName: "127.0.0.1", Certificates: []tls.Certificate{ca.Issue(t, "envoy")}}
	for name, talk := range map[string]func(net.Conn){
		"HTTP/1":  func(conn net.Conn) { fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") },
		"garbage": func(conn net.Conn) { fmt.Fprint(conn, strings.Repeat("\x00\xff", 1000)) },
		"nearly":  func(conn net.Conn) { fmt.Fprint(conn, "PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n") },
		"TLS":     func(conn net.Conn) { _ = tls.Client(conn, client).Handshake() }, // it fails
	} {
		t.Run(name, func(t *testing.T) {
			s := run(t)
			conn := connection(t, s)
			talk(conn)
			ended(t, conn)
			s.refused("protocol", 1)
		})
	}
	t.Run("within TLS", func(t *testing.T) {
		s, _ := secured(t, ca, xds.Options{})
		alpn := client.Clone()
		alpn.NextProtos = []string{"h2"}
		conn := tls.Client(connection(t, s), alpn)
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		ended(t, conn)
		s.refused("protocol", 1)
	})
}

func TestSlowHandshakes(t *testing.T) {
	ca := envoytest.NewCA(t)
	o := xds.Options{HandshakeTimeout: 100 * time.Millisecond}
	for name, talk := range map[string]func(net.Conn){
		"nothing":        func(net.Conn) {},
		"half a preface": func(conn net.Conn) { fmt.Fprint(conn, hello[:10]) },
		"half a hello":   func(conn net.Conn) { fmt.Fprint(conn, hello[:28]) },
	} {
		t.Run(name, func(t *testing.T) {
			s := runWith(t, 0, o)
			conn := connection(t, s)
			talk(conn)
			ended(t, conn)
			s.refused("slow", 1)
		})
	}
	t.Run("of TLS", func(t *testing.T) {
		s, _ := secured(t, ca, o)
		conn := connection(t, s)
		fmt.Fprint(conn, "\x16\x03\x01\x02\x00")
		ended(t, conn)
		s.refused("slow", 1)
	})
}

// Refusals of TLS and of --authorize have their counts.
func TestRefusalsHaveReasons(t *testing.T) {
	ca := envoytest.NewCA(t)
	for reason, creds := range map[string]credentials.TransportCredentials{
		"handshake": insecure.NewCredentials(),
		"node":      as(ca, ca.Issue(t, "spiffe://test/other")),
	} {
		s, _ := secured(t, ca, xds.Options{Authorize: named})
		s.publish(some(t, "a"))
		conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", s.port))
		if err != nil {
			t.Fatal(err)
		}
		if reason == "handshake" {
			fmt.Fprint(conn, hello)
			ended(t, conn)
		} else {
			x := dialADS(t, s.connect(creds), true)
			x.ask(resourcev3.ClusterType)
			x.end()
		}
		conn.Close()
		s.refused(reason, 1)
	}
}

// A client that reads nothing costs what is on its way to it, however much is
// published meanwhile.
func TestWhoDoesNotRead(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			res := some(t, "a")
			s.publish(res)
			beside := asks(t, s.connect(insecure.NewCredentials()), "a")
			method := ads + "StreamAggregatedResources"
			if delta {
				method = ads + "DeltaAggregatedResources"
			}
			var deaf []*client
			for range 10 {
				stream, err := s.conn.NewStream(t.Context(), &bothWays, method)
				if err != nil {
					t.Fatal(err)
				}
				x := &client{t: t, stream: stream, delta: delta, node: beside.node, names: map[string][]string{}}
				x.ask(resourcev3.RouteType, "http")
				deaf = append(deaf, x)
			}
			before := live()
			for i := range 500 {
				res.Routes[0] = responds("http", fmt.Sprint(i)+strings.Repeat("b", 64<<10))
				s.publish(res)
			}
			if grown := live() - before; grown > 32<<20 { // all would be 320
				t.Errorf("%d clients that do not read cost %d MiB after 500 publications of 64 KiB, want at most 32", len(deaf), grown>>20)
			}
			s.publish(some(t, "a", "b"))
			beside.take(beside.want(resourcev3.ClusterType, "b"))
			runtime.KeepAlive(deaf)
		})
	}
}

// live is the memory in use, and no garbage.
func live() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Of many streams those that are too many are refused, and all others are
// served. LIMITS_STREAMS makes it more than 1,000 that one client tries.
func TestThousandsOfStreams(t *testing.T) {
	try := 1000
	if text := os.Getenv("LIMITS_STREAMS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		try = n
	}
	s := runWith(t, 0, xds.Options{MaxOpen: try}) // half is for one client
	s.publish(some(t, "a"))
	beside := asks(t, s.conn, "a")
	before, start := live(), time.Now()
	var open []grpc.ClientStream
	over := 0
	conn := s.connect(insecure.NewCredentials())
	for i := range try {
		if i%500 == 499 {
			conn = s.connect(insecure.NewCredentials()) // one has 1,000 at most
		}
		stream, err := conn.NewStream(t.Context(), &bothWays, ads+"DeltaAggregatedResources")
		if err != nil {
			t.Fatal(err)
		}
		x := &client{t: t, stream: stream, delta: true, node: nil, names: map[string][]string{}}
		x.ask(resourcev3.ClusterType)
		open = append(open, stream)
	}
	for _, stream := range open {
		x := &client{t: t, stream: stream, delta: true}
		switch r, err := x.recv(); {
		case status.Code(err) == codes.ResourceExhausted:
			over++
		case err != nil:
			t.Fatal(err)
		case r.version == "":
			t.Fatal("an empty response")
		}
	}
	if want := try - (try/2 - 1); over != want { // one is beside
		t.Errorf("%d of %d streams were refused, want %d", over, try, want)
	}
	s.refused("streams", uint64(over))
	t.Logf("%d streams in %v, %d bytes for both sides of each", try-over, time.Since(start).Round(time.Millisecond), (live()-before)/int64(try-over))
	s.publish(some(t, "a", "b"))
	beside.take(beside.want(resourcev3.ClusterType, "b"))
}
