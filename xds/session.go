package xds

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	cachev3 "github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	deltav3 "github.com/envoyproxy/go-control-plane/pkg/server/delta/v3"
	sotwv3 "github.com/envoyproxy/go-control-plane/pkg/server/sotw/v3"
	streamv3 "github.com/envoyproxy/go-control-plane/pkg/server/stream/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// streams gives each stream a session and a library server of its own. The
// library's callbacks and watches have no stream in common but a number that
// the two forms count separately; a session is both, so that it knows whom it
// speaks to, needs no lock, and is gone when the stream is.
type streams struct {
	store     *store
	log       *slog.Logger
	authorize Authorize // nil if anybody may be any node
	refusals  *refusals
	observe   func(Event)
	count     atomic.Uint64
}

// sotw serves one stream that sends all resources of a type each time.
func (s *streams) sotw(stream streamv3.Stream, typeURL string) error {
	n := s.session(stream.Context(), "sotw", typeURL)
	err := sotwv3.NewServer(stream.Context(), n, n).StreamHandler(stream, typeURL)
	n.end(err)
	return err
}

// delta serves one stream that sends what has changed.
func (s *streams) delta(stream streamv3.DeltaStream, typeURL string) error {
	n := s.session(stream.Context(), "delta", typeURL)
	err := deltav3.NewServer(stream.Context(), n, n).DeltaStreamHandler(stream, typeURL)
	n.end(err)
	return err
}

func (s *streams) session(ctx context.Context, form, typeURL string) *session {
	who := Event{Kind: Opened, Stream: s.count.Add(1), Protocol: form, Service: cmp.Or(typeURL, "ADS")}
	log := s.log.With(slog.String("protocol", form), slog.String("service", who.Service))
	if p, ok := peer.FromContext(ctx); ok {
		who.Peer = p.Addr.String()
		log = log.With(slog.String("peer", who.Peer))
	}
	return &session{
		store: s.store, log: log, who: who, observe: s.observe, only: typeURL, types: map[string]*progress{},
		authorize: s.authorize, refusals: s.refusals, identity: identity(ctx),
	}
}

// session is one stream. The library calls it from the one goroutine that
// serves the stream: OnStream… for a request, then Create…Watch for the same,
// and OnStream… for each response just before it is sent.
type session struct {
	store *store
	log   *slog.Logger // with the node, once it has said who it is
	only  string       // the one type of a stream that is not ADS, or ""

	authorize Authorize
	refusals  *refusals
	identity  []string // of the client's certificate
	claim     claim    // that was admitted last, if any was
	admitted  bool
	who       Event // the event of its opening
	observe   func(Event)

	opened time.Time // when the node said who it is; zero before
	types  map[string]*progress
}

// progress is how far one stream has come with one resource type.
type progress struct {
	unanswered []response // oldest first
	version    string     // of the last response, taken or refused; "" before one
	refused    string     // of the last response that was refused; "" for none

	// unsure is for delta: names that were in a refused response and have not
	// been in one that was taken since.
	unsure map[string]bool

	layers map[string]bool // for RTDS: the layers asked for, true once answered
}

// response is one that was sent.
type response struct {
	nonce, version string
	names          []string // for delta: all in it, also the removed
}

// maxUnanswered bounds what is remembered for a client that never answers. An
// Envoy has two or three open at most.
const maxUnanswered = 32

func (p *progress) sent(r response) {
	p.version = r.version
	p.unanswered = append(p.unanswered, r)
	if n := len(p.unanswered); n > maxUnanswered {
		p.unanswered = slices.Delete(p.unanswered, 0, n-maxUnanswered)
	}
}

// CreateWatch opens the watch for a request whose response has everything.
//
// The library compares versions with the one that a request says was accepted
// last. We compare with what was sent last: a refused version is then not sent
// again at once, a thousand times a second, and going back to the version
// before it is a change like any other.
func (s *session) CreateWatch(r *cachev3.Request, sub cachev3.Subscription, out chan cachev3.Response) (func(), error) {
	p := s.types[r.GetTypeUrl()]
	r.VersionInfo = p.version
	if r.GetTypeUrl() == resourcev3.RuntimeType {
		if err := p.askLayers(sub); err != nil {
			return nil, err
		}
		if len(p.newLayers()) > 0 {
			r.VersionInfo = "" // answer even if there is nothing of that name
		}
	}
	switch {
	case sub.IsWildcard():
		r.ResourceNames = nil // the cache would look for a resource named "*"
	case len(r.GetResourceNames()) == 0:
		s.tell(Dropped, r.GetTypeUrl(), "")
		return func() {}, nil // nothing is wanted any more; the cache would send everything
	}
	return s.store.watch(r, sub, out)
}

// CreateDeltaWatch opens the watch for a request whose response has what the
// Envoy lacks.
func (s *session) CreateDeltaWatch(r *cachev3.DeltaRequest, sub cachev3.Subscription, out chan cachev3.DeltaResponse) (func(), error) {
	p := s.types[r.GetTypeUrl()]
	d := &doubt{
		Subscription: sub,
		store:        s.store,
		typeURL:      r.GetTypeUrl(),
		unsure:       slices.Collect(maps.Keys(p.unsure)),
		refused:      p.refused,
	}
	if r.GetTypeUrl() == resourcev3.RuntimeType {
		if err := p.askLayers(sub); err != nil {
			return nil, err
		}
		for _, name := range p.newLayers() {
			if _, known := sub.ReturnedResources()[name]; !known {
				d.always = append(d.always, name)
			}
		}
	}
	if len(d.always) > 0 || len(d.unsure) > 0 {
		sub = d
	}
	return s.store.watchDelta(r, &openWatch{
		Subscription: sub,
		typeURL:      r.GetTypeUrl(),
		sent:         p.version,
		refused:      p.refused,
		current:      func(version string) { s.tell(Accepted, r.GetTypeUrl(), version) },
	}, out)
}

// OnStreamOpen has nothing to do: who it is comes with the first request.
func (s *session) OnStreamOpen(context.Context, int64, string) error { return nil }

// OnDeltaStreamOpen has nothing to do either.
func (s *session) OnDeltaStreamOpen(context.Context, int64, string) error { return nil }

// OnStreamClosed leaves the end to the handler, which knows why.
func (s *session) OnStreamClosed(int64, *corev3.Node) {}

// OnDeltaStreamClosed leaves it too.
func (s *session) OnDeltaStreamClosed(int64, *corev3.Node) {}

// OnStreamRequest takes note of a request and refuses one for an unknown type.
func (s *session) OnStreamRequest(_ int64, r *discoveryv3.DiscoveryRequest) error {
	if err := s.admit(r.GetNode()); err != nil {
		return err
	}
	s.hello(r.GetNode())
	p, err := s.progress(r.GetTypeUrl())
	if err != nil {
		return err
	}
	s.settle(p, r)
	return nil
}

// OnStreamDeltaRequest does the same for delta, where the library has not yet
// filled in the node and the type that the stream implies.
func (s *session) OnStreamDeltaRequest(_ int64, r *discoveryv3.DeltaDiscoveryRequest) error {
	if r.GetTypeUrl() == "" {
		r.TypeUrl = s.only
	}
	if err := s.admit(r.GetNode()); err != nil {
		return err
	}
	s.hello(r.GetNode())
	p, err := s.progress(r.GetTypeUrl())
	if err != nil {
		return err
	}
	s.settle(p, r)
	return nil
}

// OnStreamResponse takes note of a response that is about to be sent.
func (s *session) OnStreamResponse(_ context.Context, _ int64, _ *discoveryv3.DiscoveryRequest, r *discoveryv3.DiscoveryResponse) {
	p := s.types[r.GetTypeUrl()]
	if r.GetTypeUrl() == resourcev3.RuntimeType {
		p.fillLayers(r)
	}
	p.sent(response{nonce: r.GetNonce(), version: r.GetVersionInfo()})
	s.tell(Offered, r.GetTypeUrl(), r.GetVersionInfo())
}

// OnStreamDeltaResponse does the same for delta.
func (s *session) OnStreamDeltaResponse(_ int64, _ *discoveryv3.DeltaDiscoveryRequest, r *discoveryv3.DeltaDiscoveryResponse) {
	p := s.types[r.GetTypeUrl()]
	if r.GetTypeUrl() == resourcev3.RuntimeType {
		p.fillDeltaLayers(r)
	}
	names := slices.Clone(r.GetRemovedResources())
	for _, res := range r.GetResources() {
		names = append(names, res.GetName())
	}
	p.sent(response{nonce: r.GetNonce(), version: r.GetSystemVersionInfo(), names: names})
	s.tell(Offered, r.GetTypeUrl(), r.GetSystemVersionInfo())
}

// tell tells of an event of the stream's.
func (s *session) tell(kind EventKind, typeURL, version string) {
	s.observe(Event{Kind: kind, Stream: s.who.Stream, Type: typeURL, Version: version})
}

// progress returns the state of a type. Only known types have one, and the one
// type of a stream that is not ADS: a stream that may invent types can fill
// our memory, and block the library, which has room for those it knows.
func (s *session) progress(typeURL string) (*progress, error) {
	switch {
	case s.only != "" && typeURL != s.only:
		return nil, status.Errorf(codes.InvalidArgument, "this stream has resources of type %s alone, not %q", s.only, clip(typeURL, maxName))
	case !slices.Contains(served(), typeURL):
		return nil, status.Errorf(codes.InvalidArgument, "unknown resource type %q", clip(typeURL, maxName))
	}
	p, ok := s.types[typeURL]
	if !ok {
		p = &progress{unsure: map[string]bool{}, layers: map[string]bool{}}
		s.types[typeURL] = p
		s.tell(Asked, typeURL, "")
	}
	return p, nil
}

// served are the types that can be asked for.
func served() []string {
	return []string{
		resourcev3.ClusterType,
		resourcev3.EndpointType,
		resourcev3.ListenerType,
		resourcev3.RouteType,
		resourcev3.ScopedRouteType,
		resourcev3.VirtualHostType,
		resourcev3.SecretType,
		resourcev3.RuntimeType,
		resourcev3.ExtensionConfigType,
	}
}
