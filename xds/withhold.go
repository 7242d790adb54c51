package xds

import (
	"context"
	"log/slog"
	"net"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// withholds says whether secrets are kept from a connection: one that others
// may listen to, since it is not encrypted and not within this machine.
func withholds(local net.Addr, auth credentials.AuthInfo) bool {
	if _, encrypted := auth.(credentials.TLSInfo); encrypted {
		return false
	}
	tcp, ok := local.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}

// exposed says whether secrets are kept from the connection of a stream.
func exposed(ctx context.Context) bool {
	p, ok := peer.FromContext(ctx)
	return ok && withholds(p.LocalAddr, p.AuthInfo)
}

// withhold leaves a request for secrets unanswered, and says so once.
func (s *stream) withhold(r request) {
	if s.withheld {
		return
	}
	s.withheld = true
	if total, say := s.refusals.count(plainText); say {
		s.log.Warn("secrets withheld: the connection is not encrypted, see --tls-cert",
			slog.String("type", resourcev3.SecretType),
			slog.Any("resources", clipAll(append(r.names, r.subscribe...))),
			slog.Int("refusals", total))
	}
}
