package e2e_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	grpcstatus "google.golang.org/grpc/status"

	"dragoman/internal/envoytest"
	"dragoman/internal/servetest"
)

// A hostile is a client that does what it should not.
type hostile struct {
	t    *testing.T
	addr string
	ca   *envoytest.CA
}

// TestBadClientsDisturbNobody lets clients do everything that is refused, all at
// once, beside an Envoy under requests and edits. Each is refused and counted
// for what it did, and the Envoy notices nothing.
func TestBadClientsDisturbNobody(t *testing.T) {
	envoytest.Binary(t)
	ca, own := envoytest.NewCA(t), t.TempDir()
	file := func(name string) string { return filepath.Join(own, name) }
	certificates(t, own, "server", ca, ca.Issue(t, "localhost"))
	certificates(t, own, "envoy", ca, ca.Issue(t, "spiffe://example.org/edge-1"))
	write(t, file("rules.yaml"), "rules: [{identity: spiffe://example.org/edge-*, nodes: [edge]}, {identity: bad.test, nodes: [bad]}]")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), answer("a", "0"))
	f := startWith(t, func(t testing.TB, xds int) string {
		t.Helper()
		return servetest.Bootstrap(t, xds, "--node-id", "edge", "--tls-ca", file("ca.crt"), "--tls-cert", file("envoy.crt"), "--tls-key", file("envoy.key"))
	}, dir, "--tls-cert", file("server.crt"), "--tls-key", file("server.key"), "--tls-client-ca", file("ca.crt"),
		"--authorize", file("rules.yaml"), "--max-streams", "200")
	f.wants(t, "a", http.StatusOK, "0")

	h := hostile{t, fmt.Sprintf("127.0.0.1:%d", f.Port), ca}
	ctx, cancel := context.WithCancel(t.Context())
	var asked, failed, edits atomic.Int64
	var good, bad sync.WaitGroup
	good.Go(func() { f.keepAsking(ctx, &asked, &failed) })
	good.Go(func() {
		for i := 1; ctx.Err() == nil; i++ {
			write(t, filepath.Join(dir, "a.yaml"), answer("a", fmt.Sprint(i)))
			f.wants(t, "a", http.StatusOK, fmt.Sprint(i))
			edits.Add(1)
		}
	})
	for _, do := range []func(){
		h.badHandshakes, h.slow, h.noHTTP2, h.pings, h.anotherNode, h.unknownType, h.oversized, h.flood, h.silent, h.manyStreams,
	} {
		bad.Go(do)
	}
	bad.Wait()
	cancel()
	good.Wait()
	for reason, n := range map[string]int{
		"handshake": 6, "slow": 20, "protocol": 1, "pings": 1, "node": 1, "request": 1, "size": 1, "rate": 1, "silent": 1, "streams": 50, "connections": 0,
	} {
		f.metric(t, fmt.Sprintf("dragoman_xds_refused_total{reason=%q}", reason), fmt.Sprint(n))
	}
	if failed.Load() > 0 || asked.Load() < 100 || edits.Load() < 10 {
		t.Errorf("%d of %d requests failed during %d edits, want none of hundreds, during tens", failed.Load(), asked.Load(), edits.Load())
	}
	stats := f.envoy.Stats(t, `upstream_cx_total$|update_rejected$|control_plane\.connected_state$`)
	if stats["cluster.dragoman.upstream_cx_total"] != 1 || stats["control_plane.connected_state"] != 1 || stats["listener_manager.lds.update_rejected"] != 0 {
		t.Errorf("Envoy has noticed something: %v", stats)
	}
	t.Logf("%d requests and %d edits beside", asked.Load(), edits.Load())
}

// keepAsking asks until ctx ends, and counts.
func (f *fleet) keepAsking(ctx context.Context, asked, failed *atomic.Int64) {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for ; ctx.Err() == nil; <-ticker.C {
		r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/", f.http), http.NoBody)
		if err != nil {
			failed.Add(1)
			return
		}
		r.Host = "a.example.com"
		asked.Add(1)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			failed.Add(1)
			continue
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			failed.Add(1)
		}
	}
}

// certificates writes NAME.crt and NAME.key, and ca.crt.
func certificates(t *testing.T, dir, name string, ca *envoytest.CA, c tls.Certificate) {
	t.Helper()
	cert, key := envoytest.PEM(t, c)
	for path, data := range map[string][]byte{name + ".crt": cert, name + ".key": key, "ca.crt": ca.PEM()} {
		if err := os.WriteFile(filepath.Join(dir, path), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// trusted is TLS with a certificate that lets a client in.
func (h hostile) trusted() *tls.Config {
	return &tls.Config{
		RootCAs: h.ca.Pool(), ServerName: "localhost", NextProtos: []string{"h2"},
		Certificates: []tls.Certificate{h.ca.Issue(h.t, "bad.test")},
	}
}

// stream opens an ADS stream, which may be refused at once or later.
func (h hostile) stream(conn *grpc.ClientConn) (grpc.ClientStream, error) {
	return conn.NewStream(h.t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
		"/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources")
}

func (h hostile) connect(creds credentials.TransportCredentials) *grpc.ClientConn {
	conn, err := grpc.NewClient(h.addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		h.t.Error(err)
	}
	return conn
}

// says sends one request on a stream of its own and wants a code.
func (h hostile) says(r *discoveryv3.DeltaDiscoveryRequest, want codes.Code) {
	conn := h.connect(credentials.NewTLS(h.trusted()))
	defer conn.Close()
	stream, err := h.stream(conn)
	if err != nil {
		h.t.Error(err)
		return
	}
	if r != nil {
		err = stream.SendMsg(r)
	}
	if err == nil {
		err = stream.RecvMsg(new(discoveryv3.DeltaDiscoveryResponse))
	}
	if grpcstatus.Code(err) != want {
		h.t.Errorf("a stream ended with %v, want %v", err, want)
	}
}

func badNode() *corev3.Node { return &corev3.Node{Id: "bad"} }

func (h hostile) anotherNode() {
	h.says(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: "edge"}, TypeUrl: resourcev3.SecretType}, codes.PermissionDenied)
}

func (h hostile) unknownType() {
	h.says(&discoveryv3.DeltaDiscoveryRequest{Node: badNode(), TypeUrl: "made.up"}, codes.InvalidArgument)
}

func (h hostile) oversized() {
	names := []string{strings.Repeat("n", 64<<20)}
	h.says(&discoveryv3.DeltaDiscoveryRequest{Node: badNode(), TypeUrl: resourcev3.ClusterType, ResourceNamesSubscribe: names}, codes.ResourceExhausted)
}

func (h hostile) silent() { h.says(nil, codes.DeadlineExceeded) }

// dial is a connection on which to say anything.
func (h hostile) dial() net.Conn {
	conn, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.t.Error(err)
	}
	return conn
}

// drain reads until the server closes a connection.
func (h hostile) drain(conn net.Conn) {
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		h.t.Error(err)
	}
	for buf := make([]byte, 4096); ; {
		if _, err := conn.Read(buf); err != nil {
			if os.IsTimeout(err) {
				h.t.Error("a connection is still open")
			}
			return
		}
	}
}

// badHandshakes are six.
func (h hostile) badHandshakes() {
	hour := time.Now().Add(-time.Hour)
	for _, certs := range [][]tls.Certificate{
		nil,
		{envoytest.NewCA(h.t).Issue(h.t, "bad.test")},
		{h.ca.IssueBetween(h.t, hour.Add(-time.Hour), hour, "bad.test")},
	} {
		config := h.trusted()
		config.Certificates = certs
		if certs != nil {
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certs[0], nil }
		}
		conn := tls.Client(h.dial(), config)
		_ = conn.Handshake() // in TLS 1.3 it seems to succeed
		h.drain(conn)
	}
	for _, words := range []string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", strings.Repeat("\x00\xff", 500)} {
		conn := h.dial()
		fmt.Fprint(conn, words)
		h.drain(conn)
	}
}

// slow are twenty, of which half have said something.
func (h hostile) slow() {
	var wg sync.WaitGroup
	for i := range 20 {
		conn := h.dial()
		if i%2 == 0 {
			fmt.Fprint(conn, "\x16\x03\x01\x02\x00\x01")
		}
		wg.Go(func() { h.drain(conn) })
	}
	wg.Wait()
}

func (h hostile) noHTTP2() {
	conn := tls.Client(h.dial(), h.trusted())
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	h.drain(conn)
}

func (h hostile) pings() {
	conn := tls.Client(h.dial(), h.trusted())
	fmt.Fprint(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	for range 10 {
		fmt.Fprint(conn, "\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678")
	}
	h.drain(conn)
}

// flood asks as fast as it can until it is stopped. It reads the answers: who
// does not is held up by them.
func (h hostile) flood() {
	conn := h.connect(credentials.NewTLS(h.trusted()))
	defer conn.Close()
	stream, err := h.stream(conn)
	if err != nil {
		h.t.Error(err)
		return
	}
	ended := make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			err = stream.RecvMsg(new(discoveryv3.DeltaDiscoveryResponse))
		}
		ended <- err
	}()
	for r := (&discoveryv3.DeltaDiscoveryRequest{Node: badNode(), TypeUrl: resourcev3.ClusterType}); err == nil; {
		err = stream.SendMsg(r)
	}
	err = <-ended
	if grpcstatus.Code(err) != codes.ResourceExhausted {
		h.t.Errorf("a flood of requests ended with %v, want ResourceExhausted", err)
	}
}

// manyStreams are 150 of another client, which may have 100.
func (h hostile) manyStreams() {
	config := h.trusted()
	config.Certificates = []tls.Certificate{h.ca.Issue(h.t, "bad.test", "many.test")}
	conn := h.connect(credentials.NewTLS(config))
	defer conn.Close()
	var open []grpc.ClientStream
	for range 150 {
		stream, err := h.stream(conn)
		if err == nil {
			err = stream.SendMsg(&discoveryv3.DeltaDiscoveryRequest{Node: badNode(), TypeUrl: resourcev3.ClusterType})
		}
		if err != nil && grpcstatus.Code(err) != codes.ResourceExhausted && err.Error() != "EOF" {
			h.t.Error(err)
		}
		open = append(open, stream)
	}
	refused := 0
	for _, stream := range open {
		if grpcstatus.Code(stream.RecvMsg(new(discoveryv3.DeltaDiscoveryResponse))) == codes.ResourceExhausted {
			refused++
		}
	}
	if refused != 50 {
		h.t.Errorf("%d of 150 streams were refused, want 50", refused)
	}
}

// A server without TLS refuses who speaks it.
func TestTLSAgainstPlainText(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), answer("a", "0"))
	s := serve(t, dir)
	s.Admin(t)
	h := hostile{t, fmt.Sprintf("127.0.0.1:%d", s.Port), envoytest.NewCA(t)}
	conn := tls.Client(h.dial(), h.trusted())
	if err := conn.Handshake(); err == nil {
		t.Error("the handshake succeeded")
	}
	conn.Close()
	s.metric(t, `dragoman_xds_refused_total{reason="protocol"}`, "1")
	plain := h.connect(insecure.NewCredentials())
	defer plain.Close()
	if _, err := h.stream(plain); err != nil {
		t.Errorf("plain text beside it: %v", err)
	}
}
