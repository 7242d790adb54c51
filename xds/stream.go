package xds

import (
	"cmp"
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"dragoman/snapshot"
)

// streams serves every stream, whatever its service and form.
type streams struct {
	engine    *engine
	log       *slog.Logger
	authorize Authorize // nil if anybody may be any node
	refusals  *refusals
	count     atomic.Uint64
}

// A wire is one stream in its form.
type wire interface {
	receive() (request, error)
	send(message) error
}

// A message is a response of either form.
type message struct {
	typeURL, version, nonce string
	resources               []*snapshot.Resource
	all                     *snapshot.Set // and all of these that are not on demand; nil for none
	gone                    []string      // of delta
}

// stream is one stream. Two goroutines serve it, one for requests and one for
// responses: a client that does not read is still listened to.
type stream struct {
	engine    *engine
	delta     bool
	only      string // the one type of a stream that is not ADS, or ""
	authorize Authorize
	refusals  *refusals
	certified []string // the names in the client's certificate
	exposed   bool     // its connection: secrets are kept from it
	who       Event    // of its opening
	log       *slog.Logger
	wake      chan struct{} // of capacity one
	turned    chan error    // of capacity one: why the stream is to end

	// Of the goroutine that receives.
	claim    *corev3.Node // that was admitted last, if any was
	admitted bool
	node     *corev3.Node
	withheld bool // secrets were

	opened time.Time // with the engine's lock
	closed atomic.Bool
	envoy  atomic.Pointer[envoy] // nil before the first request

	// Guarded by the envoy's lock.
	types  map[string]*progress
	nonces uint64
}

// serve serves one stream until it ends. The goroutine that receives ends when
// grpc, to which this returns, ends the stream.
func (s *streams) serve(ctx context.Context, w wire, delta bool, typeURL string) error {
	n := s.stream(ctx, delta, typeURL)
	ended := make(chan error, 1)
	go func() { ended <- n.receive(w) }()
	err := n.send(ctx, w, ended)
	age := n.engine.close(n)
	switch {
	case age == 0: // it never said who it is
	case err != nil:
		n.log.Info("stream closed", slog.Duration("age", age.Round(time.Millisecond)), slog.String("error", err.Error()))
	default:
		n.log.Info("stream closed", slog.Duration("age", age.Round(time.Millisecond)))
	}
	return err
}

func (s *streams) stream(ctx context.Context, delta bool, typeURL string) *stream {
	form := "sotw"
	if delta {
		form = "delta"
	}
	who := Event{Kind: Opened, Stream: s.count.Add(1), Protocol: form, Service: cmp.Or(typeURL, "ADS")}
	log := s.log.With(slog.String("protocol", form), slog.String("service", who.Service))
	if p, ok := peer.FromContext(ctx); ok {
		who.Peer = p.Addr.String()
		log = log.With(slog.String("peer", who.Peer))
	}
	return &stream{
		engine: s.engine, delta: delta, only: typeURL, authorize: s.authorize, refusals: s.refusals, certified: certified(ctx), exposed: exposed(ctx),
		who: who, log: log, wake: make(chan struct{}, 1), turned: make(chan error, 1), types: map[string]*progress{},
	}
}

// identity is which Envoy the stream is of.
func (s *stream) identity(node *corev3.Node) identity {
	id := identity{node: node.GetId(), cluster: node.GetCluster(), peer: s.who.Peer}
	if s.only == "" {
		id.stream = s.who.Stream
	}
	return id
}

// nudge has the stream look whether there is something to send.
func (s *stream) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// lock locks the stream's Envoy, which may be another from one moment to the
// next.
func (s *stream) lock() *envoy {
	for {
		e := s.envoy.Load()
		if e == nil {
			return nil
		}
		e.mu.Lock()
		if e == s.envoy.Load() {
			return e
		}
		e.mu.Unlock()
	}
}

// send sends what there is to send until the stream ends.
func (s *stream) send(ctx context.Context, w wire, ended <-chan error) error {
	for {
		select {
		case err := <-s.turned: // before it is sent anything more
			return err
		default:
		}
		m, at := s.next(time.Now())
		if m != nil {
			if err := w.send(*m); err != nil {
				return nil //nolint:nilerr // the client is gone
			}
		}
		var timer <-chan time.Time
		if m != nil {
			s.nudge()
		} else if !at.IsZero() {
			timer = time.After(time.Until(at))
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		case <-timer:
		case <-s.wake:
		}
	}
}

// next returns the next response, or when to look again; zero is not before
// the stream is woken.
func (s *stream) next(now time.Time) (*message, time.Time) {
	e := s.lock()
	if e == nil {
		return nil, time.Time{}
	}
	defer e.mu.Unlock()
	e.retarget(now, s.engine.past)
	for e.advance(now, s.engine.differences) {
		continue // perhaps over phases with nothing in them
	}
	for _, typeURL := range snapshot.Types() {
		if m := s.respond(e, s.types[typeURL]); m != nil {
			return m, time.Time{}
		}
	}
	return nil, e.roll.next()
}

// respond makes the next response of a type, if there is one.
func (s *stream) respond(e *envoy, p *progress) *message {
	if p == nil || !p.wantsAnything() {
		return nil
	}
	g, ok := e.roll.goal(p.typeURL)
	if !ok {
		return nil
	}
	pl := p.plan(g, s.engine.differences)
	if !pl.sends() {
		s.rest(p, pl, g)
		return nil
	}
	s.nonces++
	m := &message{typeURL: p.typeURL, version: g.set.Version(), nonce: strconv.FormatUint(s.nonces, 10)}
	if p.takesAll(g) {
		m.all = g.set
	}
	m.resources, m.gone = p.commit(pl, g, m.nonce)
	e.sent(p)
	s.tell(Event{Kind: Offered, Type: p.typeURL, Version: m.version})
	return m
}

// rest says that the stream is in step with a goal that it was sent nothing of.
func (s *stream) rest(p *progress, pl plan, g goal) {
	if len(p.open) > 0 {
		return
	}
	p.rebase(pl, g)
	if p.told != (standing{g.set.Version(), len(p.refusing(g)) > 0}) {
		s.taken(p, g, g.set.Version())
	}
}

// taken tells of a version that the Envoy has, all of it or not.
func (s *stream) taken(p *progress, g goal, version string) {
	e := Event{Kind: Accepted, Type: p.typeURL, Version: version, Names: p.refusing(g)}
	p.told = standing{version, len(e.Names) > 0}
	if p.told.partly {
		e.Kind = Partly
	}
	s.tell(e)
}

// stuck tells of answers that are not waited for any more.
func (s *stream) stuck(typeURL string, names []string) {
	s.tell(Event{Kind: Stuck, Type: typeURL, Names: names})
	s.log.Warn("not acknowledged in time", slog.String("type", typeURL), slog.Any("resources", clipAll(names)))
}

// receive takes requests until there are no more, or one that is an error.
func (s *stream) receive(w wire) error {
	for {
		r, err := w.receive()
		if err != nil {
			return nil //nolint:nilerr // the client is gone
		}
		if err := s.request(r, time.Now()); err != nil {
			return err
		}
	}
}

// request takes one request.
func (s *stream) request(r request, now time.Time) error {
	r.typeURL = cmp.Or(r.typeURL, s.only)
	if err := s.admit(r.node); err != nil {
		return err
	}
	if s.envoy.Load() == nil {
		s.engine.open(s, r.node)
	} else if r.node != nil {
		s.engine.rename(s, r.node)
	}
	switch {
	case s.only != "" && r.typeURL != s.only:
		return status.Errorf(codes.InvalidArgument, "this stream has resources of type %s alone, not %q", s.only, clip(r.typeURL, maxName))
	case !served(r.typeURL):
		return status.Errorf(codes.InvalidArgument, "unknown resource type %q", clip(r.typeURL, maxName))
	}
	if s.exposed && r.typeURL == resourcev3.SecretType {
		s.withhold(r)
		return nil
	}
	e := s.lock()
	if e == nil {
		return nil // it has ended
	}
	defer e.mu.Unlock()
	defer s.nudge()
	e.retarget(now, s.engine.past)
	p, first := s.types[r.typeURL], false
	if p == nil {
		p, first = newProgress(r.typeURL, s.delta, s.engine.differences.empty), true
		s.types[r.typeURL] = p
	}
	s.answer(e, p, r)
	if !p.current(r) {
		return nil
	}
	wanted := p.wantsAnything()
	if first {
		e.claims(p, &claimed{s.node, r.version, len(r.names) > 0}, s.engine.past)
	}
	p.subscribe(r, first)
	if first && p.resumed {
		e.resume(p, now)
	}
	wants := p.wantsAnything()
	if first || wants && !wanted {
		s.tell(Event{Kind: Asked, Type: r.typeURL})
	}
	if !wants && (first || wanted) {
		p.told = standing{}
		s.tell(Event{Kind: Dropped, Type: r.typeURL})
	}
	return p.checkLayers()
}

// answer takes what a request says of an open response.
func (s *stream) answer(e *envoy, p *progress, r request) {
	if r.refusal == nil {
		if done := p.accept(r.nonce); done != nil {
			if g, _ := e.roll.goal(p.typeURL); !done.partial {
				s.taken(p, g, done.version)
			}
			s.log.Debug("accepted", slog.String("type", p.typeURL), slog.String("version", done.version))
		}
		return
	}
	words := clip(withoutKeys(r.refusal.GetMessage()), maxWords)
	done, guilty, unsure := p.refuse(r.nonce, r.refusal.GetMessage())
	if done == nil {
		return
	}
	e.roll.trouble = e.roll.trouble || e.roll.phase == making
	names := make([]string, len(guilty))
	for i := range guilty {
		guilty[i].Words = clip(withoutKeys(guilty[i].Words), maxWords)
		names[i] = guilty[i].Name
	}
	s.tell(Event{Kind: Refused, Type: p.typeURL, Version: done.version, Words: words, Resources: guilty, Names: unsure})
	p.warn(s.log)("refused",
		slog.String("type", p.typeURL),
		slog.String("version", done.version),
		slog.Any("resources", clipAll(names)),
		slog.String("error", words))
}

// tell tells of an event of the stream's, unless it has ended.
func (s *stream) tell(e Event) {
	if s.closed.Load() {
		return
	}
	e.Stream = s.who.Stream
	s.engine.observe(e)
}

// sotw serves one stream that sends all resources of a type, or what changed
// with no word for what is gone.
func (s *streams) sotw(stream sotwStream, typeURL string) error {
	return s.serve(stream.Context(), sotwWire{stream, s.engine.wholes}, false, typeURL)
}

// deltas serves one stream that sends what has changed.
func (s *streams) deltas(stream deltaStream, typeURL string) error {
	return s.serve(stream.Context(), deltaWire{stream}, true, typeURL)
}
