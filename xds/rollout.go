package xds

import (
	"maps"
	"strings"
	"time"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/snapshot"
)

// A phase is a part of a rollout.
type phase int

const (
	steady    phase = iota // the Envoy has its target, and what lingers beyond it
	making                 // it gets what the target needs, beside all it has
	switching              // it gets listeners and routes
)

// A keep is a resource that stays although the target does not have it.
type keep struct {
	res   *snapshot.Resource // without a body if only the Envoy has it
	until time.Time          // zero before the switch
}

// A rollout moves one Envoy from view to view: first what requests may need is
// there, old and new; then routes and listeners send them elsewhere; then, a
// while after, what is old goes. It is told the time, and what its streams
// still have to send or wait for.
type rollout struct {
	linger, drain, warm, hold time.Duration
	differences               *differences

	phase    phase
	made     *snapshot.View // of what requests need; nil before the first
	switched *snapshot.View // of listeners and routes; nil if none is to be sent yet
	kept     map[string]map[string]keep
	pending  *snapshot.View // the next target, nil for none

	sent    bool // anything, since the rollout began
	routed  bool // listeners or routes, ever
	trouble bool // a refusal, or no answer in time, while making
	hurried bool // it took the place of one that got no answer in time
	limit   time.Time
	held    time.Time // until when a switch waits for a newer target after trouble
	before  *former
}

// A former is what a rollout began with.
type former struct {
	made, switched *snapshot.View
	kept           map[string]map[string]keep
}

// pendings are what the streams of an Envoy have left to do.
type pendings struct{ made, all bool }

// goal is what the Envoy is to have of a type now; not ok if nothing is to be
// sent.
func (r *rollout) goal(typeURL string) (goal, bool) {
	v := r.made
	if switches(typeURL) {
		v = r.switched
	}
	if v == nil {
		return goal{}, false
	}
	return goal{set: v.Set(typeURL), kept: r.kept[typeURL], layers: typeURL == resourcev3.RuntimeType}, true
}

// target sets where to go. A rollout that has sent something goes on first, so
// that routes change also when targets come faster than Envoys take them.
func (r *rollout) target(v *snapshot.View, now time.Time) {
	switch {
	case r.made == nil:
		r.made, r.switched = v, v
	case r.phase == steady && v.Version == r.made.Version:
	case r.phase == steady:
		r.begin(v, now)
	case v.Version == r.made.Version:
		r.pending = nil
	case r.sent:
		r.pending = v
	default:
		r.made, r.switched, r.kept = r.before.made, r.before.switched, r.before.kept
		r.begin(v, now)
	}
}

// begin starts a rollout. What is not in its target is kept.
func (r *rollout) begin(v *snapshot.View, now time.Time) {
	r.before = &former{r.made, r.switched, copied(r.kept)}
	for _, typeURL := range snapshot.Types() {
		if !switches(typeURL) {
			r.keep(typeURL, r.made.Set(typeURL), v.Set(typeURL))
		}
	}
	r.made, r.pending = v, nil
	r.sent, r.trouble, r.held = false, false, time.Time{}
	r.phase, r.limit = making, now.Add(r.warm)
}

func copied(in map[string]map[string]keep) map[string]map[string]keep {
	out := make(map[string]map[string]keep, len(in))
	for typeURL, kept := range in {
		out[typeURL] = maps.Clone(kept)
	}
	return out
}

// keep keeps what is in one set of a type and not in the next.
func (r *rollout) keep(typeURL string, from, to *snapshot.Set) {
	for _, res := range r.differences.missing(from, to) {
		r.retain(typeURL, res, to)
	}
	maps.DeleteFunc(r.kept[typeURL], func(name string, _ keep) bool { return to.Get(name) != nil })
}

// retain keeps one resource, unless the next set has one of its name.
func (r *rollout) retain(typeURL string, res *snapshot.Resource, to *snapshot.Set) {
	if to.Get(res.Name) != nil {
		return
	}
	if r.kept == nil {
		r.kept = map[string]map[string]keep{}
	}
	if r.kept[typeURL] == nil {
		r.kept[typeURL] = map[string]keep{}
	}
	r.kept[typeURL][res.Name] = keep{res: res}
}

// advance goes on as far as the time and the streams allow, and tells whether
// it did, and whether that was because answers did not come in time.
func (r *rollout) advance(now time.Time, left pendings) (moved, late bool) {
	late = !now.Before(r.limit)
	switch {
	case r.phase == making && (!left.made || late || r.pending != nil && !r.held.IsZero()):
		return r.endMaking(now, left.made)
	case r.phase == switching && (!left.all || late):
		r.finish(now)
		return true, left.all
	case r.phase == steady && r.pending != nil:
		r.begin(r.pending, now)
		return true, false
	}
	return r.expire(now), false
}

// endMaking goes to the switch, or to a newer target if this one has trouble.
// Left is whether there is an answer that has not come.
func (r *rollout) endMaking(now time.Time, left bool) (moved, late bool) {
	late = left && r.held.IsZero()
	r.trouble = r.trouble || late
	newer := r.pending != nil && r.trouble
	switch {
	case newer && (r.hold > 0 || left && !r.hurried):
		hurried := left
		r.begin(r.pending, now)
		r.hurried = hurried
		return true, late
	case r.trouble && r.hold > 0 && r.held.IsZero():
		r.held = now.Add(r.hold)
		r.limit = r.held
		return true, late
	case now.Before(r.held):
		return r.expire(now), false
	}
	r.doSwitch(now)
	return true, late
}

// doSwitch lets listeners and routes change. Old route configurations stay for
// listeners that still use them.
func (r *rollout) doSwitch(now time.Time) {
	for _, typeURL := range []string{resourcev3.RouteType, resourcev3.VirtualHostType} {
		if r.switched != nil {
			r.keep(typeURL, r.switched.Set(typeURL), r.made.Set(typeURL))
		}
	}
	if r.switched != nil {
		r.keepScopes(r.switched, r.made)
	}
	r.switched, r.hurried = r.made, false
	r.phase, r.limit = switching, now.Add(r.warm)
}

// keepScopes keeps the scopes of listeners that go on without any: an Envoy
// takes a scope away at once, while connections from before are still served by
// the old form of the listener.
func (r *rollout) keepScopes(from, to *snapshot.View) {
	scopes := to.Set(resourcev3.ScopedRouteType)
	for _, res := range r.differences.missing(from.Set(resourcev3.ScopedRouteType), scopes) {
		listener, _, _ := strings.Cut(res.Name, "/")
		if scopes.Get(snapshot.AllScopes(listener)) == nil && to.Set(resourcev3.ListenerType).Get(listener) != nil {
			r.retain(resourcev3.ScopedRouteType, res, scopes)
		}
	}
	maps.DeleteFunc(r.kept[resourcev3.ScopedRouteType], func(name string, _ keep) bool { return scopes.Get(name) != nil })
}

// finish ends a rollout: what was kept for it goes after a while.
func (r *rollout) finish(now time.Time) {
	for typeURL, kept := range r.kept {
		linger := r.linger
		if typeURL == resourcev3.ScopedRouteType {
			linger = max(linger, r.drain)
		}
		for name, k := range kept {
			if k.until.IsZero() {
				kept[name] = keep{k.res, now.Add(linger)}
			}
		}
	}
	r.phase, r.before, r.limit, r.held = steady, nil, time.Time{}, time.Time{}
	r.trouble = false
}

// expire lets go what has lingered long enough, and tells whether it did.
func (r *rollout) expire(now time.Time) bool {
	expired := false
	for _, kept := range r.kept {
		maps.DeleteFunc(kept, func(_ string, k keep) bool {
			over := !k.until.IsZero() && !now.Before(k.until)
			expired = expired || over
			return over
		})
	}
	return expired
}

// resume is told of a stream whose Envoy comes back with what it had: set, or
// more than that. What is beyond the target stays for now, and listeners and
// routes wait until what they need is there, unless some were sent already.
func (r *rollout) resume(typeURL string, has []*snapshot.Resource, now time.Time) {
	if r.made == nil {
		return
	}
	if lingers(typeURL) {
		for _, res := range has {
			r.retain(typeURL, res, r.made.Set(typeURL))
		}
	}
	if r.routed || r.phase == switching {
		if r.phase == steady {
			r.finish(now) // gives what was added its time
		}
		return
	}
	if r.phase == steady {
		r.begin(r.made, now)
	}
	r.switched, r.sent = nil, true
}

// next is when to advance, whatever happens; zero for never.
func (r *rollout) next() time.Time {
	out := r.limit
	for _, kept := range r.kept {
		for _, k := range kept {
			if !k.until.IsZero() && (out.IsZero() || k.until.Before(out)) {
				out = k.until
			}
		}
	}
	return out
}
