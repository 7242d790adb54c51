package envoytest

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// echoType marks an answer whose body is an Echo.
const echoType = "application/vnd.echo+json"

// UpstreamOptions says what an Upstream is.
type UpstreamOptions struct {
	Name    string           // who an Echo says has answered
	Address string           // 127.0.0.1:0 unless told
	Handler http.Handler     // answers plain requests in place of the echo
	TLS     *tls.Certificate // makes it speak TLS, with h2 and http/1.1 by ALPN
}

// An Upstream is an HTTP server behind Envoy. One port speaks HTTP/1.1, HTTP/2
// (h2c, or by ALPN), any Upgrade (its bytes come back), and gRPC's health
// service, where the upstream's name and "" are SERVING and all else NOT_FOUND.
type Upstream struct {
	Addr string // such as 127.0.0.1:40123

	name  string
	plain http.Handler
	grpc  *grpc.Server
	seen  atomic.Int64
}

// An Echo is what an Upstream saw of a request.
type Echo struct {
	Upstream string // the name of the one that answered
	Method   string
	Path     string // with the query
	Host     string
	Proto    string // HTTP/1.1 or HTTP/2.0
	Header   http.Header
	Body     string
	SNI      string `json:",omitempty"` // the server name asked for in TLS
	ALPN     string `json:",omitempty"`
}

// NewUpstream starts an upstream that ends with the test.
func NewUpstream(t testing.TB, o UpstreamOptions) *Upstream {
	t.Helper()
	address := o.Address
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	status := health.NewServer()
	status.SetServingStatus(o.Name, healthpb.HealthCheckResponse_SERVING)
	u := &Upstream{Addr: l.Addr().String(), name: o.Name, plain: o.Handler, grpc: grpc.NewServer()}
	healthpb.RegisterHealthServer(u.grpc, status)
	if u.plain == nil {
		u.plain = http.HandlerFunc(u.echo)
	}
	u.serve(t, l, o.TLS)
	return u
}

func (u *Upstream) serve(t testing.TB, l net.Listener, cert *tls.Certificate) {
	t.Helper()
	srv := &http.Server{
		Handler:   u,
		Protocols: new(http.Protocols),
		ErrorLog:  slog.NewLogLogger(slog.DiscardHandler, 0), // Envoy's cut connections are no news
	}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetHTTP2(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	serve := srv.Serve
	if cert != nil {
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*cert}}
		serve = func(l net.Listener) error { return srv.ServeTLS(l, "", "") }
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = serve(l) // ErrServerClosed, always
	}()
	t.Cleanup(func() {
		_ = srv.Close() // the listener is closed anyway
		<-ended
	})
}

// Seen counts the requests that arrived, the retries among them.
func (u *Upstream) Seen() int { return int(u.seen.Load()) }

// ServeHTTP tells gRPC, upgrades and plain requests apart.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.seen.Add(1)
	switch {
	case r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"):
		u.grpc.ServeHTTP(w, r)
	case r.Header.Get("Upgrade") != "":
		upgrade(w, r)
	default:
		u.plain.ServeHTTP(w, r)
	}
}

func (u *Upstream) echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
	}
	e := Echo{
		Upstream: u.name,
		Method:   r.Method,
		Path:     r.RequestURI,
		Host:     r.Host,
		Proto:    r.Proto,
		Header:   r.Header,
		Body:     string(body),
	}
	if r.TLS != nil {
		e.SNI, e.ALPN = r.TLS.ServerName, r.TLS.NegotiatedProtocol
	}
	w.Header().Set("Content-Type", echoType)
	_ = json.NewEncoder(w).Encode(e) // fails only when the client has gone
}

// upgrade agrees to whatever protocol is asked for and sends back each byte.
func upgrade(w http.ResponseWriter, r *http.Request) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotImplemented)
		return
	}
	defer conn.Close()
	agree := "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + r.Header.Get("Upgrade") + "\r\n\r\n"
	if _, err := io.WriteString(conn, agree); err != nil {
		return
	}
	sendBack(conn, buf.Reader)
}

func sendBack(w io.Writer, r *bufio.Reader) {
	_, _ = r.WriteTo(w) // ends when either side closes
}
