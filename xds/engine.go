package xds

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/proto"

	"dragoman/snapshot"
)

// maxRecent is how many snapshots are remembered. An Envoy that comes back
// after its connection broke says by version which of them it has. Each costs
// the bytes of all its resources.
const maxRecent = 8

// engine knows the snapshot that serves and all Envoys. It never sends: a
// publication wakes the streams, and each finds out by itself what its Envoy
// lacks. One that does not read or answer delays nobody else.
type engine struct {
	linger, drain, warm, hold time.Duration
	observe                   func(Event)
	differences               *differences
	wholes                    *wholes

	recent atomic.Pointer[[]*snapshot.Snapshot] // the newest first
	before atomic.Pointer[snapshot.Snapshot]    // what served before the server was started, nil if unknown

	mu     sync.Mutex // guards what follows
	snap   *snapshot.Snapshot
	envoys map[identity]*envoy
}

func newEngine(o Options) *engine {
	return &engine{
		linger: max(0, o.Linger), drain: max(0, o.Drain), warm: o.WarmTimeout, hold: o.HoldRefused, observe: o.Observe,
		differences: newDifferences(), wholes: new(wholes), envoys: map[identity]*envoy{},
	}
}

// publish gives every Envoy its view of a snapshot.
func (g *engine) publish(snap *snapshot.Snapshot) {
	g.mu.Lock()
	defer g.mu.Unlock()
	recent := []*snapshot.Snapshot{snap}
	if old := g.recent.Load(); old != nil {
		recent = append(recent, (*old)[:min(len(*old), maxRecent-1)]...)
	}
	g.recent.Store(&recent)
	g.snap = snap
	g.differences.forget()
	g.wholes.forget()
	g.observe(Event{Kind: Published, Versions: snap.Versions, Snapshot: snap})
	told := map[*snapshot.View]map[string]string{}
	for _, e := range g.envoys {
		if e.turnedAway(snap) {
			continue
		}
		v := snap.View(e.node)
		if told[v] == nil {
			told[v] = versions(v)
		}
		g.assign(e, v, told[v])
	}
}

// assign gives an Envoy its view. Streams for which nothing is different are
// not woken: whatever wakes them next brings them to it. The lock is held.
func (g *engine) assign(e *envoy, v *snapshot.View, versions map[string]string) {
	e.warnOf(v)
	e.view = v
	for s := range e.streams {
		g.observe(Event{Kind: Assigned, Stream: s.who.Stream, Versions: versions})
	}
	e.next.Store(v)
	if !e.concerns(v) {
		return
	}
	for s := range e.streams {
		s.nudge()
	}
}

func versions(v *snapshot.View) map[string]string {
	types := snapshot.Types()
	out := make(map[string]string, len(types))
	for _, typeURL := range types {
		out[typeURL] = v.Set(typeURL).Version()
	}
	return out
}

// open adds a stream that has said who it is.
func (g *engine) open(s *stream, node *corev3.Node) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.closed.Load() {
		return
	}
	s.opened = time.Now()
	s.who.Node, s.who.Cluster = clip(node.GetId(), maxName), clip(node.GetCluster(), maxName)
	s.log = s.log.With(slog.String("node", s.who.Node), slog.String("cluster", s.who.Cluster))
	s.log.Info("stream opened")
	g.observe(s.who)
	g.join(s, node)
}

// join puts a stream to its Envoy. The lock is held.
func (g *engine) join(s *stream, node *corev3.Node) {
	id := s.identity(node)
	e := g.envoys[id]
	if e == nil {
		e = &envoy{id: id, streams: map[*stream]bool{}, roll: g.rollout()}
		g.envoys[id] = e
	}
	e.mu.Lock()
	e.streams[s] = true
	e.mu.Unlock()
	s.node = node
	s.envoy.Store(e)
	e.node = node
	if g.snap == nil || e.turnedAway(g.snap) {
		return
	}
	if v := g.snap.View(node); v != e.view {
		g.assign(e, v, versions(v))
	} else {
		g.observe(Event{Kind: Assigned, Stream: s.who.Stream, Versions: versions(v)})
	}
}

func (g *engine) rollout() rollout {
	return rollout{linger: g.linger, drain: g.drain, warm: g.warm, hold: g.hold, differences: g.differences}
}

// rename takes account of a stream that says it is another node, or the same
// one with something about it changed.
func (g *engine) rename(s *stream, node *corev3.Node) {
	if proto.Equal(s.node, node) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	old := s.envoy.Load()
	if s.closed.Load() {
		return
	}
	if s.identity(node) != old.id {
		g.leave(s, old)
	}
	g.join(s, node)
}

// leave takes a stream from its Envoy. The lock is held.
func (g *engine) leave(s *stream, e *envoy) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.streams, s)
	if len(e.streams) == 0 {
		delete(g.envoys, e.id)
	}
	for other := range e.streams {
		other.nudge() // nobody waits for the one that left
	}
}

// close ends a stream, which has nothing to tell after this. It gives the time
// since it was opened, zero if it never was.
func (g *engine) close(s *stream) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := s.envoy.Load()
	if e == nil {
		s.closed.Store(true)
		return 0
	}
	e.mu.Lock()
	s.closed.Store(true)
	e.mu.Unlock()
	g.leave(s, e)
	g.observe(Event{Kind: Closed, Stream: s.who.Stream})
	return max(time.Since(s.opened), 1)
}

// newest is the snapshot that serves, nil before the first.
func (g *engine) newest() *snapshot.Snapshot {
	if recent := g.recent.Load(); recent != nil {
		return (*recent)[0]
	}
	return nil
}

// past is the newest view of a node whose set of a type has a version, nil if
// that is not known any more.
func (g *engine) past(node *corev3.Node, typeURL, version string) *snapshot.View {
	var all []*snapshot.Snapshot
	if recent := g.recent.Load(); recent != nil {
		all = *recent
	}
	if before := g.before.Load(); before != nil {
		all = append(slices.Clip(all), before)
	}
	for _, snap := range all {
		if v := snap.View(node); v.Set(typeURL).Version() == version {
			return v
		}
	}
	return nil
}
