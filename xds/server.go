// Package xds serves a snapshot of resources to every Envoy that asks: by ADS
// and by the service of each resource type, in both forms of the protocol.
//
// It knows nothing of what it serves but types, names and versions, it never
// decides what to serve next, and it never offers the same bytes again to an
// Envoy that has refused them. Before the first snapshot Envoys wait; they are
// never given an empty configuration in its place.
package xds

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"dragoman/snapshot"
)

// Options say how a server behaves. The zero value is what it does by default.
type Options struct {
	Log *slog.Logger // slog.DiscardHandler if nil

	// MaxRecvBytes bounds one request, 64 MiB if zero. A delta stream begins
	// with the name of every resource that the Envoy has: with grpc's own 4 MiB
	// an Envoy with 40,000 of them would never come back.
	MaxRecvBytes int

	// MaxStreams bounds the streams of one connection, 1000 if zero. ADS needs
	// one; an Envoy without ADS has one for each cluster's endpoints and each
	// listener's routes, which a smaller number would leave waiting unseen.
	MaxStreams uint32

	// MaxOpen bounds the streams of all clients, and their connections, 20,000
	// each if zero. One client may have half: whoever has the same names in its
	// certificate or, without one, the same IP address.
	MaxOpen int

	// Arrivals is how fast streams may begin, 500 a second after 250 at once if
	// zero. Those that are too many wait. One client may have half as many a
	// second, and four times as many at once, before it waits for itself alone.
	Arrivals Rate

	// FirstRequest is how long a stream may be silent at first, 15 s if zero.
	FirstRequest time.Duration

	// Requests is how fast those of one stream may come, 500 a second after
	// 2,000 at once if zero. A large one counts as several. They wait, and after
	// 10 s of it the stream is ended.
	Requests Rate

	// TLS returns what the next handshake is to use, which may be another each
	// time. The server speaks plain text if it is nil.
	TLS func() *tls.Config

	// Authorize is asked about the first request of each stream, and about later
	// ones that name another node. Any client may be any node if it is nil.
	Authorize Authorize

	// HandshakeTimeout is how long a client may take until its connection is
	// one, with TLS and HTTP/2, 10 s if zero.
	HandshakeTimeout time.Duration

	// ShutdownGrace is how long the end of Run waits for streams that it has
	// told to end, 500 ms if zero.
	ShutdownGrace time.Duration

	// Linger is how long what is not in the newest view any more stays with an
	// Envoy after its routes have changed, for requests in flight. 5 s if zero;
	// negative is not at all.
	Linger time.Duration

	// Drain is how long connections of a changed listener may last, Envoy's
	// --drain-time-s: as long the scopes of one that has none any more stay. 10
	// min if zero.
	Drain time.Duration

	// WarmTimeout is how long the answers to one phase of a rollout are waited
	// for, 20 s if zero.
	WarmTimeout time.Duration

	// HoldRefused is how long, at most, routes are not changed for a newer
	// snapshot to come, after an Envoy has refused what they need or not
	// acknowledged it in time. Zero is not at all.
	HoldRefused time.Duration

	// Register adds further services to the server, if it is not nil.
	Register func(*grpc.Server)

	// Observe is told of every event, those of one stream in their order. It is
	// called while others wait: it must be quick, and safe for use by many
	// goroutines. Nil is nobody.
	Observe func(Event)
}

// Keepalive, in both directions. Envoys of ours ping every 30 s, and whoever
// pings more often than every 15 s is cut off; grpc's own limit is 5 min.
const (
	minPing     = 15 * time.Second
	pingEvery   = 30 * time.Second
	pingTimeout = 10 * time.Second
)

// How much a connection may have in flight towards us, in bytes. grpc's own
// windows grow, by a ping with nearly every request that comes: that is a write
// and a read more for each answer of each Envoy. Requests are small but for the
// first, and so is the buffer that every connection has for them; grpc's own
// would be a fifth of all that an idle one costs.
const (
	streamWindow = 256 << 10
	connWindow   = 1 << 20
	readBuffer   = 4 << 10
)

// Server is an xDS server.
type Server struct {
	options Options
	engine  *engine
	health  *health.Server
	streams *streams

	clients  *clients
	refusals *refusals
}

// New makes a server. It serves once it Runs, and its health is NOT_SERVING
// until there is a snapshot.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	o.MaxRecvBytes = cmp.Or(o.MaxRecvBytes, 64<<20)
	o.MaxStreams = cmp.Or(o.MaxStreams, 1000)
	o.MaxOpen = cmp.Or(o.MaxOpen, 20_000)
	o.Arrivals = cmp.Or(o.Arrivals, Rate{Burst: 250, PerSecond: 500})
	o.Requests = cmp.Or(o.Requests, Rate{Burst: 2000, PerSecond: 500})
	o.FirstRequest = cmp.Or(o.FirstRequest, 15*time.Second)
	o.HandshakeTimeout = cmp.Or(o.HandshakeTimeout, 10*time.Second)
	o.ShutdownGrace = cmp.Or(o.ShutdownGrace, 500*time.Millisecond)
	o.Linger = cmp.Or(o.Linger, 5*time.Second)
	o.Drain = cmp.Or(o.Drain, 10*time.Minute)
	o.WarmTimeout = cmp.Or(o.WarmTimeout, 20*time.Second)
	s := &Server{
		options: o, engine: newEngine(o), health: health.NewServer(),
		clients: newClients(o.MaxOpen, o.Arrivals), refusals: newRefusals(),
	}
	s.streams = &streams{engine: s.engine, log: o.Log, authorize: o.Authorize, refusals: s.refusals}
	s.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	return s
}

// Publish makes a snapshot what every Envoy gets, each its own view of it, in
// phases: see rollout. It may be called before Run and while it runs, and waits
// for no Envoy.
//
// Nothing is published if ctx has ended, or if a type has no version: Envoys
// would wait for that type.
func (s *Server) Publish(ctx context.Context, snap *snapshot.Snapshot) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	for _, typeURL := range snapshot.Types() {
		if snap.Versions[typeURL] == "" {
			return fmt.Errorf("publishing: no version for %s", typeURL)
		}
	}
	s.engine.publish(snap)
	s.health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
	return nil
}

// Remember tells of what served before the server was started. Envoys that come
// back with it are moved from there as if there had been no restart. It is not
// served.
func (s *Server) Remember(snap *snapshot.Snapshot) { s.engine.before.Store(snap) }

// Run serves on all of ls until ctx ends, and closes them. Streams do not end
// by themselves: they are told to, and waited for no longer than
// Options.ShutdownGrace. A server runs once.
func (s *Server) Run(ctx context.Context, ls []net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	srv := grpc.NewServer(
		grpc.ForceServerCodecV2(newCodec()),
		grpc.Creds(newHandshakes(s.options.TLS, s.clients, s.refusals, s.options.Log)),
		grpc.ConnectionTimeout(s.options.HandshakeTimeout),
		grpc.MaxRecvMsgSize(s.options.MaxRecvBytes),
		grpc.MaxConcurrentStreams(s.options.MaxStreams),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connWindow),
		grpc.ReadBufferSize(readBuffer),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingEvery, Timeout: pingTimeout, MaxConnectionIdle: maxIdle}),
		grpc.StreamInterceptor(s.guard(ctx)),
	)
	s.streams.register(srv)
	if s.options.Register != nil {
		s.options.Register(srv)
	}
	healthpb.RegisterHealthServer(srv, s.health)
	reflection.Register(srv)
	for _, l := range ls {
		g.Go(func() error {
			if err := srv.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
				return fmt.Errorf("serving xDS on %s: %w", l.Addr(), err)
			}
			return nil
		})
	}
	g.Go(func() error {
		<-ctx.Done()
		s.health.Shutdown()
		force := time.AfterFunc(s.options.ShutdownGrace, srv.Stop)
		defer force.Stop()
		srv.GracefulStop()
		return nil
	})
	return g.Wait()
}
