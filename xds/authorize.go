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
	"google.golang.org/protobuf/proto"

	"dragoman/snapshot"
)

// Authorize says whether whoever has an identity may be the node that it says
// it is, metadata included: all of it decides what a node gets of the snapshot,
// which is nil before the first. The error is told to the client.
type Authorize func(identity []string, node *corev3.Node, snap *snapshot.Snapshot) error

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
	if s.admitted && (node == nil || proto.Equal(node, s.claim)) {
		return nil
	}
	if err := s.allowed(node, s.engine.newest()); err != nil {
		return err
	}
	s.claim, s.admitted = node, true
	return nil
}

// allowed asks whether the client may be a node, and so have what is for it in
// a snapshot.
func (s *stream) allowed(node *corev3.Node, snap *snapshot.Snapshot) error {
	if s.authorize == nil {
		return nil
	}
	if err := s.authorize(s.certified, node, snap); err != nil {
		if total, say := s.refusals.count(notThatNode); say {
			s.log.Warn("node refused",
				slog.Any("identity", s.certified),
				slog.String("claimed", clip(node.GetId(), maxName)),
				slog.String("claimed_cluster", clip(node.GetCluster(), maxName)),
				slog.String("error", err.Error()),
				slog.Int("refusals", total))
		}
		return status.Error(codes.PermissionDenied, err.Error())
	}
	return nil
}
