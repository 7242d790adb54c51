package xds

import (
	"maps"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"

	"dragoman/snapshot"
)

// star is the name that means everything.
const star = "*"

// A request is one of either form.
type request struct {
	node           *corev3.Node
	typeURL, nonce string
	refusal        *rpcstatus.Status // nil if it refuses nothing

	// Of the state of the world.
	version string   // what was accepted last, perhaps on another stream
	names   []string // all that is wanted from now on

	// Of delta.
	subscribe, unsubscribe []string
	initial                map[string]string // what was accepted on other streams, by name
}

// subscribe takes over what a request says is wanted. The first one of a type
// is told apart: without a name it means everything.
func (p *progress) subscribe(r request, first bool) {
	if first {
		p.recall(r.initial)
	}
	if p.delta {
		p.subscribeDelta(r, first)
	} else {
		p.subscribeWhole(r.names, first)
	}
}

// recall takes over what an Envoy says that it has from an earlier stream.
func (p *progress) recall(initial map[string]string) {
	for name, version := range initial {
		put(&p.except, name, &snapshot.Resource{Name: name, Version: version})
	}
	p.resumed = p.resumed || len(initial) > 0
}

// A claimed is what an Envoy says that it has from an earlier stream, by the
// version of the whole type.
type claimed struct {
	node    *corev3.Node
	version string
	named   bool // resources were named
}

// A history finds what a node had of a type by its version; nil if that is not
// known any more.
type history func(node *corev3.Node, typeURL, version string) *snapshot.View

// remember takes over the set that an Envoy says it has. That waits until there
// is something to serve: what served before a restart may be known just then.
// Of a type whose responses have what changed, everything is sent once more all
// the same: nobody knows how much of it the Envoy got.
func (p *progress) remember(past history) {
	c := p.claim
	if c == nil {
		return
	}
	p.claim = nil
	v := past(c.node, p.typeURL, c.version)
	if v == nil {
		return
	}
	p.resumed, p.recalled = true, v.Set(p.typeURL)
	if c.named || p.whole() {
		p.set = p.recalled
	}
}

// current tells whether a request may change the subscription. In the state of
// the world one with the nonce of an older response may not: the client will
// send another. One without a nonce begins anew.
func (p *progress) current(r request) bool {
	if p.delta || p.nonce == "" || r.nonce == p.nonce {
		return true
	}
	if r.nonce != "" {
		return false
	}
	for _, open := range p.open {
		open.late = true
	}
	return true
}

// subscribeDelta adds and takes away. Who subscribes to a name has the right to
// an answer, also if it did so before; but not about what it said it has.
func (p *progress) subscribeDelta(r request, first bool) {
	if first && len(r.subscribe) == 0 || slices.Contains(r.subscribe, star) {
		p.widen(first)
	}
	for _, name := range r.subscribe {
		if name != star {
			p.add(name, first)
		}
		if _, has := r.initial[name]; has && first {
			delete(p.fresh, name)
		}
	}
	for _, name := range r.unsubscribe {
		if name == star {
			p.narrow()
		} else {
			p.remove(name)
		}
	}
}

// subscribeWhole replaces the subscription by another. No names mean everything
// as long as there never was one, and nothing after that.
func (p *progress) subscribeWhole(names []string, first bool) {
	if p.listed.same(names) && !first {
		return
	}
	p.legacy = len(names) == 0 && (first || p.legacy)
	if p.legacy || slices.Contains(names, star) {
		p.widen(first)
	} else {
		p.narrow()
	}
	now := make(map[string]bool, len(names))
	for _, name := range names {
		if name != star {
			now[name] = true
		}
	}
	for _, name := range slices.Collect(p.names.all()) {
		if !now[name] {
			p.remove(name)
		}
	}
	for name := range now {
		if !p.names.has(name) {
			p.add(name, first)
		}
	}
}

// add subscribes to a name. What a client has from before is known of its first
// request alone; a name that it adds later it has nothing of.
func (p *progress) add(name string, first bool) {
	if !first && !p.wants(name, p.set.Get(name)) {
		put(&p.except, name, nil)
	}
	p.names.add(name)
	put(&p.fresh, name, true)
}

// remove unsubscribes from a name. If it is wanted with everything else, the
// client does not know whether to keep it, and is told.
func (p *progress) remove(name string) {
	if !p.names.has(name) {
		return
	}
	p.names.remove(name)
	if p.wants(name, p.sent(name)) {
		if p.delta {
			put(&p.fresh, name, true)
		}
		return
	}
	p.forget(name)
}

func (p *progress) forget(name string) {
	delete(p.fresh, name)
	delete(p.except, name)
	delete(p.acked, name)
	delete(p.parked, name)
	delete(p.suspects, name)
}

// widen subscribes to everything. If this is not the first request, only names
// were sent before.
func (p *progress) widen(first bool) {
	if p.wildcard || !wildcards(p.typeURL) {
		return
	}
	p.wildcard, p.owed = true, true
	if first {
		return
	}
	except := map[string]*snapshot.Resource{}
	for name := range p.names.all() {
		except[name] = p.sent(name)
	}
	p.set, p.except = p.empty, except
}

// narrow unsubscribes from everything but names.
func (p *progress) narrow() {
	if !p.wildcard {
		return
	}
	p.wildcard, p.owed = false, false
	for name := range p.unnamed() {
		p.forget(name)
	}
}

// unnamed are the names that there is something to say of and that are not
// subscribed to.
func (p *progress) unnamed() map[string]bool {
	out := p.refusals()
	for name := range maps.Keys(p.except) {
		out[name] = true
	}
	for name := range maps.Keys(p.acked) {
		out[name] = true
	}
	maps.DeleteFunc(out, func(name string, _ bool) bool { return p.names.has(name) })
	return out
}
