// Package upstream is the server that stands behind the examples: it answers
// every request with a line that says who got what, so that a person with curl
// sees where a request went and what became of it on the way.
//
// One port speaks HTTP/1.1, HTTP/2 without TLS, WebSocket's handshake, and
// gRPC's health and reflection services. It does nothing else: it keeps no
// state worth the name, and is no place for a test's expectations.
package upstream

import (
	"crypto/sha1" // RFC 6455 asks for it; nothing is kept secret by it
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
)

// slow is how long paths that begin with /slow take.
const slow = 2 * time.Second

// An Upstream is the handler of one server.
type Upstream struct {
	name  string
	grpc  *grpc.Server
	flaky atomic.Int64 // requests for /flaky
}

// New returns the handler of a server that gives its name in every answer.
func New(name string) *Upstream {
	u := &Upstream{name: name, grpc: grpc.NewServer()}
	healthpb.RegisterHealthServer(u.grpc, health.NewServer())
	reflection.Register(u.grpc)
	return u
}

// Protocols are what a server with this handler must speak.
func Protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

// ServeHTTP answers. Paths that begin with /slow take two seconds, and every
// other request for /flaky, the first among them, is answered with 503.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := http.StatusOK
	switch {
	case r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"):
		u.grpc.ServeHTTP(w, r)
		return
	case r.Header.Get("Upgrade") == "websocket":
		u.upgrade(w, r)
		return
	case strings.HasPrefix(r.URL.Path, "/slow"):
		select {
		case <-time.After(slow):
		case <-r.Context().Done():
			return
		}
	case strings.HasPrefix(r.URL.Path, "/flaky") && u.flaky.Add(1)%2 == 1:
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, u.answer(r)) // fails only when the client has gone
}

// answer is a line of what was asked, and one for each header that is not
// everybody's.
func (u *Upstream) answer(r *http.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "upstream %s: %s %s%s\n", u.name, r.Method, r.Host, r.RequestURI)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if name = strings.ToLower(name); !common(name) {
			fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(r.Header.Values(name), ", "))
		}
	}
	return b.String()
}

// common tells the headers that clients and Envoys put into every request.
func common(name string) bool {
	return slices.Contains([]string{"accept", "accept-encoding", "user-agent", "content-length", "content-type", "x-request-id"}, name) ||
		strings.HasPrefix(name, "x-envoy-") || strings.HasPrefix(name, "x-forwarded-")
}

// upgrade agrees to a WebSocket (RFC 6455, section 4.2.2), says hello in one
// frame, and closes when the client does.
func (u *Upstream) upgrade(w http.ResponseWriter, r *http.Request) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotImplemented)
		return
	}
	defer conn.Close()
	key := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	hello := "hello from upstream " + u.name
	_, err = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n\x81%c%s",
		base64.StdEncoding.EncodeToString(key[:]), len(hello), hello)
	if err == nil {
		_, _ = io.Copy(io.Discard, buf) // ends when the client or the server does
	}
}
