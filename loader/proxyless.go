package loader

import (
	"fmt"
	"slices"

	"dragoman/diag"
	"dragoman/model"
)

// proxyless checks what a proxyless service asks of gRPC clients. What they
// would refuse, or would send elsewhere than Envoy does, is an error; what they
// leave out although requests arrive all the same is a warning.
func (d *decoder) proxyless(v value, s *service) {
	if s.proxyless == nil {
		return
	}
	d.byEnvoyAlone(v, s.policies.retry)
	for i, item := range v.get("routes").items {
		r := &s.routes[i]
		if !r.match.TakesRPCs() {
			continue
		}
		if !r.forwards() {
			d.file.warn(item.node, diag.EnvoyAlone, "gRPC clients without a proxy cannot be answered by a route: the RPCs that it takes fail there",
				"give it a path or a method that no RPC has if that is not what you mean")
			continue
		}
		d.sameRequest(item, r)
		d.byEnvoyAlone(item, r.policies.retry)
	}
}

// sameRequest refuses what makes a client's request another one than Envoy's.
func (d *decoder) sameRequest(item value, r *route) {
	if f, ok := item.field("rewrite"); ok && r.rewrite.path.Kind != model.KeepPath {
		d.problem(f.at, diag.Proxyless, "gRPC clients without a proxy do not rewrite paths, and this service is proxyless", "take the rewrite or proxyless out")
	}
	for _, f := range item.get("headers").fields {
		if f.value.get("not").bool() && !f.value.has("present") {
			d.problem(f.at, diag.Proxyless,
				"gRPC clients without a proxy take a header that is not there as one that does not match, not as another value, and this service is proxyless",
				"write what the header must be, or not: true with present: true")
		}
	}
}

// byEnvoyAlone warns of policies of a service or a route that gRPC clients
// leave out.
func (d *decoder) byEnvoyAlone(v value, retry *model.Retry) {
	for _, f := range v.fields {
		switch f.key {
		case "requestHeaders", "responseHeaders", "idleTimeout":
			d.envoyAlone(f)
		case "rewrite":
			if host, ok := f.value.field("host"); ok {
				d.envoyAlone(host)
			}
		case "retry":
			d.retryByEnvoyAlone(f, retry)
		}
	}
}

// retryByEnvoyAlone warns of parts of a policy, or of all of it where no reason
// is one of gRPC's.
func (d *decoder) retryByEnvoyAlone(f field, retry *model.Retry) {
	if !slices.ContainsFunc(retry.On, model.IsRPCStatus) {
		d.envoyAlone(f)
		return
	}
	for _, key := range []string{"perTryTimeout", "statuses"} {
		if part, ok := f.value.field(key); ok {
			d.envoyAlone(part)
		}
	}
}

func (d *decoder) envoyAlone(f field) {
	hint := "gRPC clients without a proxy leave it out"
	if f.key == "retry" {
		hint += ": they retry on: [cancelled, deadline-exceeded, internal, resource-exhausted, unavailable]"
	}
	d.file.warn(f.at, diag.EnvoyAlone, quoted(f.at)+" is for requests through Envoy", hint)
}

// proxyless returns the documents of proxyless services in the order of their
// names.
func (k *linker) proxyless() []*document {
	return slices.Collect(k.proxied.all())
}

// whyNoRPCs says what keeps gRPC clients from an upstream, or nothing.
func (u *upstream) whyNoRPCs() (why, hint string) {
	switch {
	case u.scheme == "grpcs" || u.scheme == "https":
		return "is spoken to over TLS", "write grpc://: gRPC clients bring credentials of their own"
	case u.model.Protocol != model.HTTP2:
		return "does not speak HTTP/2", "write grpc://ADDRESS:PORT"
	case u.model.Discovery != model.Addresses:
		return "is found by DNS", "write IP addresses for its endpoints"
	case u.model.LoadBalancing == model.Random || u.model.LoadBalancing == model.Maglev:
		return "has a loadBalancing that gRPC clients do not have", "write round-robin, least-request or ring-hash"
	}
	return "", ""
}

// proxylessTargets checks the upstreams that gRPC clients would connect to.
func (k *linker) proxylessTargets(d *document) {
	if d.service.proxyless == nil {
		return
	}
	for _, n := range d.rpcTargets() {
		k.proxylessTarget(d, n, k.scope.services.get(n.text))
	}
}

// rpcTargets are the services that RPCs of a service may go to, each once.
func (d *document) rpcTargets() []name {
	var out []name
	for i := range d.service.routes {
		r := &d.service.routes[i]
		if !r.forwards() || !r.match.TakesRPCs() {
			continue
		}
		for _, t := range r.targets(d) {
			if !slices.ContainsFunc(out, func(n name) bool { return n.text == t.service.text }) {
				out = append(out, t.service)
			}
		}
	}
	return out
}

func (k *linker) proxylessTarget(d *document, n name, other *document) {
	why, hint := other.service.upstream.whyNoRPCs()
	if why == "" {
		return
	}
	at := n.at
	if other == d {
		at = *d.service.proxyless
	}
	c := k.conflict(d, at, diag.Proxyless,
		fmt.Sprintf("%s is proxyless, and the upstream of %s %s", d.name.text, n.text, why), hint)
	if other != d {
		c.with(other.place(other.name.at, "it is defined here"))
	}
	if !k.isChanged(d.file) {
		c.blamed([]string{other.file.path})
	}
}

// apiListeners finds listeners that have the name of a proxyless service: gRPC
// clients ask for theirs by the name of the service.
func (k *linker) apiListeners() {
	for _, d := range k.proxyless() {
		name := d.name.text
		if l := k.scope.listeners.get(name); l != nil {
			stays, goes := k.incumbent(d, l)
			k.conflict(goes, goes.name.at, diag.DuplicateName,
				fmt.Sprintf("the service %s is proxyless, which makes it a listener too, and there is a listener named %s", name, name), "give one of them another name").
				with(stays.place(stays.name.at, "the other is here"))
		}
		if name == implicitListener && k.listensByItself() {
			c := k.conflict(d, d.name.at, diag.DuplicateName,
				fmt.Sprintf("the service %s is proxyless, which makes it a listener too, and without any listener document there is one named %s already", name, name),
				"write a listener document, or give the service another name")
			if changed := k.set.changed(); !k.isChanged(d.file) && len(changed) > 0 {
				c.blamed(changed)
			}
		}
	}
}

// listensByItself says that the listener that no document describes serves.
func (k *linker) listensByItself() bool {
	return k.scope.fallback == implicitListener && k.scope.listeners.empty() && k.exposes()
}

// unevenRPCs warns of weights that gRPC clients leave out.
func (k *linker) unevenRPCs() diag.Problems {
	var out diag.Problems
	for _, d := range k.proxyless() {
		for _, t := range d.rpcTargets() {
			if k.scope.services.get(t.text).service.upstream.uneven() {
				w := d.file.at(*d.service.proxyless, diag.EnvoyAlone,
					fmt.Sprintf("the weights of the endpoints of %s are for requests through Envoy", t.text),
					"gRPC clients without a proxy heed them with loadBalancing: ring-hash alone")
				w.Severity = diag.Warning
				out = append(out, w)
			}
		}
	}
	return out
}

// uneven says that endpoints of one upstream have different weights which gRPC
// clients do not heed.
func (u *upstream) uneven() bool {
	return u.model.LoadBalancing != model.RingHash && slices.ContainsFunc(u.model.Endpoints, func(e model.Endpoint) bool {
		return max(1, e.Weight) != max(1, u.model.Endpoints[0].Weight)
	})
}
