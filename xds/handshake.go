package xds

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// handshakes are TLS or plain text as grpc has it, but a client that is refused
// is heard of, and none has more connections than it may.
type handshakes struct {
	credentials.TransportCredentials

	clients  *clients
	refusals *refusals
	log      *slog.Logger
}

// newHandshakes takes the configuration anew for each connection, so that
// certificates can be replaced under connections that are open. Without any it
// is plain text.
func newHandshakes(config func() *tls.Config, c *clients, r *refusals, log *slog.Logger) handshakes {
	if config == nil {
		return handshakes{insecure.NewCredentials(), c, r, log}
	}
	return handshakes{
		credentials.NewTLS(&tls.Config{
			MinVersion:         tls.VersionTLS12,
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return config(), nil },
		}),
		c, r, log,
	}
}

// ServerHandshake is one handshake. Who connects and leaves without a word is
// a port check or a load balancer, and no news.
//
// Until it is done, a client is its address. The connection that it returns
// must be closed.
func (h handshakes) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	address := clientName(conn.RemoteAddr(), nil)
	if err := h.clients.connect(address); err != nil {
		h.refuse(conn, tooManyConnections, err)
		return nil, nil, err
	}
	secured, info, err := h.TransportCredentials.ServerHandshake(conn)
	if err != nil {
		h.clients.disconnect(address)
		h.failed(conn, badHandshake, err)
		return secured, info, err
	}
	name := clientName(conn.RemoteAddr(), info)
	if name != address {
		err = h.clients.connect(name)
		h.clients.disconnect(address)
		if err != nil {
			h.refuse(conn, tooManyConnections, err)
			return nil, nil, err
		}
	}
	return &watched{
		Conn:    secured,
		left:    []byte(preface),
		refuse:  func(reason string, err error) { h.failed(conn, reason, err) },
		release: sync.OnceFunc(func() { h.clients.disconnect(name) }),
	}, info, nil
}

// failed counts a connection that failed, by the reason or for being slow.
func (h handshakes) failed(conn net.Conn, reason string, err error) {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
	case errors.Is(err, os.ErrDeadlineExceeded):
		h.refuse(conn, slowHandshake, err)
	default:
		h.refuse(conn, reason, err)
	}
}

func (h handshakes) refuse(conn net.Conn, reason string, err error) {
	if total, say := h.refusals.count(reason); say {
		h.log.Warn("connection refused",
			slog.String("reason", reason),
			slog.String("peer", conn.RemoteAddr().String()),
			slog.String("error", err.Error()),
			slog.Int("refusals", total))
	}
}

// Clone is asked for by grpc's clients alone.
func (h handshakes) Clone() credentials.TransportCredentials {
	h.TransportCredentials = h.TransportCredentials.Clone()
	return h
}

// preface is what every client of HTTP/2 says first.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

var (
	errNotHTTP2 = errors.New("the client does not speak HTTP/2 here")
	errPings    = errors.New("the client pings too often")
)

// watched is a connection from its handshake to its end. It only looks on:
// grpc refuses by itself what is not HTTP/2, who is too slow and who pings too
// often, but tells nobody.
type watched struct {
	net.Conn

	left    []byte // of the preface, as long as it is right; for the one goroutine that reads
	refuse  func(reason string, err error)
	release func()
}

// Read looks whether it begins as it must. There is a deadline until grpc takes
// the connection for one, and none after.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if len(w.left) > 0 {
		m := min(n, len(w.left))
		if !bytes.Equal(p[:m], w.left[:m]) {
			w.left = nil
			w.refuse(notHTTP2, errNotHTTP2)
			return n, err
		}
		w.left = w.left[m:]
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.refuse(slowHandshake, err)
	}
	return n, err
}

// Write looks whether grpc says goodbye to who pings too often.
func (w *watched) Write(p []byte) (int, error) {
	if dismisses(p) {
		w.refuse(tooManyPings, errPings)
	}
	return w.Conn.Write(p)
}

// Close ends the connection.
func (w *watched) Close() error {
	w.release()
	return w.Conn.Close()
}

// dismisses tells whether bytes end in a GOAWAY frame with the code
// ENHANCE_YOUR_CALM, which grpc has for pings alone.
func dismisses(p []byte) bool {
	const words = "too_many_pings"
	const header = 9
	n := header + 8 + len(words)
	if len(p) < n || !bytes.HasSuffix(p, []byte(words)) {
		return false
	}
	frame := p[len(p)-n:]
	return bytes.HasPrefix(frame, []byte{0, 0, byte(n - header), 0x7, 0, 0, 0, 0, 0}) && bytes.Equal(frame[header+4:header+8], []byte{0, 0, 0, 0xb})
}
