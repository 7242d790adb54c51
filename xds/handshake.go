package xds

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc/credentials"
)

// handshakes are TLS as grpc has it, but a client that is refused is heard of.
type handshakes struct {
	credentials.TransportCredentials

	refusals *refusals
	log      *slog.Logger
}

// newHandshakes takes the configuration anew for each connection, so that
// certificates can be replaced under connections that are open.
func newHandshakes(config func() *tls.Config, r *refusals, log *slog.Logger) handshakes {
	return handshakes{
		credentials.NewTLS(&tls.Config{
			MinVersion:         tls.VersionTLS12,
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return config(), nil },
		}),
		r,
		log,
	}
}

// ServerHandshake is one handshake. Who connects and leaves without a word is
// a port check or a load balancer, and no news.
func (h handshakes) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := h.TransportCredentials.ServerHandshake(conn)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		if total, say := h.refusals.count(); say {
			h.log.Warn("connection refused",
				slog.String("peer", conn.RemoteAddr().String()),
				slog.String("error", err.Error()),
				slog.Int("refusals", total))
		}
	}
	return secured, info, err
}

// Clone is asked for by grpc's clients alone.
func (h handshakes) Clone() credentials.TransportCredentials {
	return handshakes{h.TransportCredentials.Clone(), h.refusals, h.log}
}

// A line for each refusal could fill a disk: of many there is a line for some,
// and each line has the count of all.
const (
	refusalLines = 10
	refusalTime  = 10 * time.Second
)

// refusals counts who is turned away.
type refusals struct {
	// mu guards what follows.
	mu    sync.Mutex
	total int       // since the start
	since time.Time // when the current stretch of refusalTime began
	lines int       // in this stretch
}

// count counts one more, and tells how many there were and whether to say so.
func (r *refusals) count() (total int, say bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total++
	if now := time.Now(); now.Sub(r.since) >= refusalTime {
		r.since, r.lines = now, 0
	}
	r.lines++
	return r.total, r.lines <= refusalLines
}
