package xds

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/snapshot"
)

// identity tells Envoys apart. Those without ADS have many streams on their one
// connection, which count together; an ADS stream is alone.
type identity struct {
	node, cluster, peer string
	stream              uint64 // of ADS, or 0
}

// envoy is one that is connected. What its streams are sent depends on how far
// all of them are.
type envoy struct {
	id identity

	// Guarded by the engine's lock.
	node *corev3.Node
	view *snapshot.View // that is told as assigned; nil before the first

	// next is the view that nobody has begun to roll out yet.
	next atomic.Pointer[snapshot.View]

	// mu guards what follows, and the progress of the streams. The engine's
	// lock is never taken with it held. Nothing is sent with it held.
	mu      sync.Mutex
	streams map[*stream]bool // changed with the engine's lock held as well
	roll    rollout
}

// turnedAway ends the streams whose client may not be this Envoy any more, since
// what the Envoy is to get has changed. The engine's lock is held.
func (e *envoy) turnedAway(snap *snapshot.Snapshot) bool {
	away := false
	for s := range e.streams {
		err := s.allowed(e.node, snap)
		if err == nil {
			continue
		}
		away = true
		select {
		case s.turned <- err:
		default: // it has been told
		}
		s.nudge()
	}
	return away
}

// warnOf says which listeners an Envoy does not get, once for each. The engine's
// lock is held.
func (e *envoy) warnOf(v *snapshot.View) {
	for _, shadow := range v.Shadowed {
		if e.view != nil && slices.Contains(e.view.Shadowed, shadow) {
			continue
		}
		for s := range e.streams {
			s.log.Warn("listener left out",
				slog.String("listener", shadow.Listener),
				slog.String("by", shadow.By),
				slog.String("address", shadow.Address))
			break // one of an Envoy's streams is enough
		}
	}
}

// concerns tells whether there is something to do for an Envoy to have a view:
// it is not at rest, or it has asked for a type that is different.
func (e *envoy) concerns(v *snapshot.View) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.roll.made == nil || e.roll.phase != steady || e.roll.pending != nil {
		return true
	}
	for s := range e.streams {
		for typeURL, p := range s.types {
			if p.wantsAnything() && v.Set(typeURL).Version() != e.roll.made.Set(typeURL).Version() {
				return true
			}
		}
	}
	return false
}

// retarget begins with the newest view, and with the first from what the Envoy
// has of earlier streams.
func (e *envoy) retarget(now time.Time, past history) {
	v := e.next.Swap(nil)
	if v == nil {
		return
	}
	first := e.roll.made == nil
	e.roll.target(v, now)
	if !first {
		return
	}
	for s := range e.streams {
		for _, p := range s.types {
			p.remember(past)
			if p.resumed {
				e.resume(p, now)
			}
		}
	}
}

// claims takes note of what the Envoy says, on a new stream, that it has. If
// there is nothing to serve yet, what that is may be known later.
func (e *envoy) claims(p *progress, c *claimed, past history) {
	if c.version == "" {
		return
	}
	p.claim = c
	if e.roll.made != nil {
		p.remember(past)
	}
}

// resume takes account of what a stream's Envoy had before.
func (e *envoy) resume(p *progress, now time.Time) {
	var has []*snapshot.Resource
	for name, r := range p.except {
		if r != nil && p.wants(name) {
			has = append(has, r)
		}
	}
	for r := range p.recalled.All() {
		if p.wants(r.Name, r) {
			has = append(has, r)
		}
	}
	e.roll.resume(p.typeURL, has, now)
}

// advance goes on with the rollout if the streams are ready for it.
func (e *envoy) advance(now time.Time, d *differences) bool {
	phase := e.roll.phase
	moved, late := e.roll.advance(now, e.left(d))
	if late {
		e.giveUp(phase)
	}
	if moved {
		for s := range e.streams {
			s.nudge()
		}
	}
	return moved
}

// left is what the streams have to send or wait for.
func (e *envoy) left(d *differences) pendings {
	var out pendings
	if e.roll.phase == steady {
		return out
	}
	for s := range e.streams {
		for _, p := range s.types {
			if out.all && (out.made || switches(p.typeURL)) {
				continue
			}
			g, ok := e.roll.goal(p.typeURL)
			if ok && (p.waits() || p.wantsAnything() && p.plan(g, d).sends()) {
				out.all = true
				out.made = out.made || !switches(p.typeURL)
			}
		}
	}
	return out
}

// giveUp waits no longer for the answers to what a phase has sent.
func (e *envoy) giveUp(ph phase) {
	for s := range e.streams {
		for _, p := range s.types {
			if ph == making && switches(p.typeURL) {
				continue
			}
			if names, waited := p.giveUp(); waited {
				s.stuck(p.typeURL, names)
			}
		}
	}
}

// sent takes note of a response that is about to go to one of the streams. An
// Envoy whose cluster changes asks for its endpoints again, and waits for them
// for 15 s if it is not sent what it has already.
func (e *envoy) sent(p *progress) {
	e.roll.sent = true
	e.roll.routed = e.roll.routed || switches(p.typeURL)
	if p.typeURL != resourcev3.ClusterType {
		return
	}
	for _, c := range p.open[len(p.open)-1].changes {
		if c.res == nil {
			continue
		}
		for _, ref := range c.res.Needs {
			e.repeat(ref)
		}
	}
}

// repeat sends a resource that has not changed once more.
func (e *envoy) repeat(ref snapshot.Ref) {
	if ref.Type != resourcev3.EndpointType {
		return
	}
	for s := range e.streams {
		if p := s.types[ref.Type]; p != nil {
			p.repeat(ref.Name)
			s.nudge()
		}
	}
}
