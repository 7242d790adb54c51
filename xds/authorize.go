package xds

import (
	"context"
	"crypto/x509"
	"log/slog"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// Authorize says whether whoever has an identity may be the node that it says
// it is. The error is told to the client.
type Authorize func(identity []string, node, cluster string) error

// certified are the names of the verified certificate that a client has shown:
// its URIs, which SPIFFE ids are, and its DNS names. A name with a colon is a
// URI, one without is not: what an authority has signed as the one can not be
// taken for the other.
func certified(ctx context.Context) []string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return nil
	}
	return names(info.State.PeerCertificates[0])
}

func names(cert *x509.Certificate) []string {
	var out []string
	for _, uri := range cert.URIs {
		if uri.Scheme != "" {
			out = append(out, uri.String())
		}
	}
	for _, name := range cert.DNSNames {
		if !strings.Contains(name, ":") {
			out = append(out, name)
		}
	}
	return out
}

// admit turns away a client that is not the node it says it is. A stream says
// it with its first request, and may say something else later.
func (s *stream) admit(node *corev3.Node) error {
	claim := claim{node.GetId(), node.GetCluster()}
	if s.authorize == nil || s.admitted && (node == nil || claim == s.claim) {
		return nil
	}
	if err := s.authorize(s.certified, claim.node, claim.cluster); err != nil {
		if total, say := s.refusals.count(); say {
			s.log.Warn("node refused",
				slog.Any("identity", s.certified),
				slog.String("claimed", clip(claim.node, maxName)),
				slog.String("claimed_cluster", clip(claim.cluster, maxName)),
				slog.String("error", err.Error()),
				slog.Int("refusals", total))
		}
		return status.Error(codes.PermissionDenied, err.Error())
	}
	s.claim, s.admitted = claim, true
	return nil
}

// claim is who a client says it is.
type claim struct{ node, cluster string }
