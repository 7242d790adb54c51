// Package csds answers Envoy's client status discovery service: which clients
// are connected, and what each has accepted and refused of every resource type.
// https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/status/v3/csds.proto
//
// It holds no state and sends no resources. It tells the names of all Envoys,
// so that it answers only who is on this machine or has shown a certificate.
package csds

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	adminv3 "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	statusv3 "github.com/envoyproxy/go-control-plane/envoy/service/status/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"dragoman/fleet"
)

// A Refusal is a resource that a stream refuses.
type Refusal struct {
	Stream            uint64
	Type, Name, Words string // Name is "" where it is not known
}

// Options of a Server. All are needed.
type Options struct {
	Fleet    func() fleet.Snapshot
	Refusals func() []Refusal
}

// A Server answers.
type Server struct {
	statusv3.UnimplementedClientStatusDiscoveryServiceServer

	o Options
}

// New returns a server that is registered nowhere yet.
func New(o Options) *Server { return &Server{o: o} }

// Register adds it to a gRPC server.
func (s *Server) Register(srv *grpc.Server) {
	statusv3.RegisterClientStatusDiscoveryServiceServer(srv, s)
}

// FetchClientStatus answers once.
func (s *Server) FetchClientStatus(ctx context.Context, r *statusv3.ClientStatusRequest) (*statusv3.ClientStatusResponse, error) {
	if err := allowed(ctx); err != nil {
		return nil, err
	}
	return s.answer(r)
}

// StreamClientStatus answers each request of a stream.
func (s *Server) StreamClientStatus(stream statusv3.ClientStatusDiscoveryService_StreamClientStatusServer) error {
	if err := allowed(stream.Context()); err != nil {
		return err
	}
	for {
		r, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		out, err := s.answer(r)
		if err != nil {
			return err
		}
		if err := stream.Send(out); err != nil {
			return err
		}
	}
}

// allowed refuses who comes from elsewhere without a certificate. A certificate
// has been checked when the connection was made.
func allowed(ctx context.Context) error {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return status.Error(codes.PermissionDenied, "it is not known who asks")
	}
	if tcp, ok := p.Addr.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		return nil
	}
	if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(info.State.VerifiedChains) > 0 {
		return nil
	}
	return status.Error(codes.PermissionDenied, "the status of clients is told on loopback, or to clients with a certificate: see --tls-client-ca")
}

func (s *Server) answer(r *statusv3.ClientStatusRequest) (*statusv3.ClientStatusResponse, error) {
	match, err := matching(r.GetNodeMatchers())
	if err != nil {
		return nil, err
	}
	refused := map[uint64][]Refusal{}
	for _, f := range s.o.Refusals() {
		refused[f.Stream] = append(refused[f.Stream], f)
	}
	out := new(statusv3.ClientStatusResponse)
	for _, n := range s.o.Fleet().Nodes {
		if n.Connected && match(n.ID) {
			out.Config = append(out.Config, client(n, refused))
		}
	}
	return out, nil
}

// client is one Envoy.
func client(n fleet.Node, refused map[uint64][]Refusal) *statusv3.ClientConfig {
	out := &statusv3.ClientConfig{Node: &corev3.Node{Id: n.ID, Cluster: n.Cluster}, ClientScope: n.Peer}
	for _, stream := range n.Streams {
		for _, t := range stream.Types {
			out.GenericXdsConfigs = append(out.GenericXdsConfigs, whole(t))
			for _, r := range refused[stream.ID] {
				if r.Type == t.URL && r.Name != "" {
					out.GenericXdsConfigs = append(out.GenericXdsConfigs, single(t, r))
				}
			}
		}
	}
	return out
}

// whole is a type with all its resources, which has no name.
func whole(t fleet.Type) *statusv3.ClientConfig_GenericXdsConfig {
	out := &statusv3.ClientConfig_GenericXdsConfig{TypeUrl: t.URL}
	switch {
	case t.Refused.Version != "":
		out.ClientStatus, out.ConfigStatus = adminv3.ClientResourceStatus_NACKED, statusv3.ConfigStatus_ERROR
		out.ErrorState = failure(t, t.Words)
	case t.Accepted.Version == "":
		out.ClientStatus, out.ConfigStatus = adminv3.ClientResourceStatus_REQUESTED, statusv3.ConfigStatus_NOT_SENT
	default:
		out.ClientStatus, out.ConfigStatus = adminv3.ClientResourceStatus_ACKED, statusv3.ConfigStatus_SYNCED
	}
	if out.ConfigStatus != statusv3.ConfigStatus_ERROR && t.Offered.Version != "" && !t.InSync {
		out.ConfigStatus = statusv3.ConfigStatus_STALE
	}
	if t.Accepted.Version != "" {
		out.VersionInfo, out.LastUpdated = t.Accepted.Version, timestamppb.New(t.Accepted.At)
	}
	return out
}

// single is one resource that is refused.
func single(t fleet.Type, r Refusal) *statusv3.ClientConfig_GenericXdsConfig {
	return &statusv3.ClientConfig_GenericXdsConfig{
		TypeUrl: t.URL, Name: r.Name,
		ClientStatus: adminv3.ClientResourceStatus_NACKED,
		ConfigStatus: statusv3.ConfigStatus_ERROR,
		ErrorState:   failure(t, r.Words),
	}
}

func failure(t fleet.Type, words string) *adminv3.UpdateFailureState {
	out := &adminv3.UpdateFailureState{Details: strings.ToValidUTF8(words, "\uFFFD"), VersionInfo: t.Refused.Version}
	if t.Refused.Version != "" {
		out.LastUpdateAttempt = timestamppb.New(t.Refused.At)
	}
	return out
}
