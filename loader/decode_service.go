package loader

import (
	"fmt"
	"strings"

	"dragoman/diag"
)

// A service is a service document: what resolve needs to make a model.Service
// once it knows the other documents.
type service struct {
	hosts     []name // lower case
	listeners []name
	upstream  *upstream // nil when there is none
	routes    []route
	policies  policies
	proxyless *spot // the key, nil if it is not
}

// backend says that a service only takes what other services send to it.
func (s *service) backend() bool { return len(s.hosts) == 0 }

func (d *decoder) service(v value) *service {
	s := &service{
		hosts:     d.hosts(v.get("hosts")),
		listeners: d.names(v.get("listeners")),
		policies:  d.policies(v),
	}
	if u, ok := v.field("upstream"); ok {
		s.upstream = d.upstream(u.value)
	}
	if p, ok := v.field("proxyless"); ok && p.value.bool() {
		s.proxyless = new(spotOf(p.at))
	}
	routes, given := v.field("routes")
	switch {
	case given:
		s.routes = make([]route, 0, len(routes.value.items))
		for _, item := range routes.value.items {
			s.routes = append(s.routes, d.route(item))
		}
		if len(s.hosts) == 0 {
			s.hosts = []name{{"*", spotOf(routes.at)}}
		}
	case len(s.hosts) > 0 || s.proxyless != nil:
		all := everything()
		s.routes = []route{{at: implied(v), match: all, key: all.Key()}}
	}
	d.consistent(v, s)
	d.proxyless(v, s)
	return s
}

// implied is the place of the route of a service that gives none.
func implied(v value) spot {
	if hosts := v.get("hosts"); hosts.node != nil {
		return spotOf(hosts.node)
	}
	at, _ := v.field("proxyless")
	return spotOf(at.at)
}

// hosts are compared without case; Envoy wants them unique in lower case.
func (d *decoder) hosts(v value) []name {
	for i := range v.items {
		v.items[i].text = strings.ToLower(v.items[i].text)
	}
	return d.names(v)
}

// consistent reports what could have no effect, and what is missing.
func (d *decoder) consistent(v value, s *service) {
	for i, r := range s.routes {
		if s.upstream == nil && r.forwards() && len(r.to) == 0 { // so that there are routes, the schema says
			d.problem(v.get("routes").items[i].node, diag.NoUpstream, fmt.Sprintf("requests go to %s, which has no upstream", v.get("service").text),
				"give the service an upstream, or the route a to, redirect or respond")
			break
		}
	}
	if !s.backend() {
		d.usefulPolicies(v, s)
		return
	}
	const hint = "give the service hosts or routes, or take the key out"
	if f, ok := v.field("listeners"); ok {
		d.problem(f.at, diag.NoEffect, `"listeners" means nothing for a service without hosts and routes`, hint)
	}
	if s.proxyless != nil {
		return
	}
	for _, at := range policyKeys(v) {
		d.problem(at, diag.NoEffect, quoted(at)+" means nothing for a service without hosts and routes", hint)
	}
	if s.upstream == nil {
		d.problem(v.get("service").node, diag.NoUpstream, "a service without hosts and routes needs an upstream", "write upstream: http://HOST:PORT")
	}
}

// usefulPolicies reports policies of a service that none of its routes obeys.
func (d *decoder) usefulPolicies(v value, s *service) {
	for _, r := range s.routes {
		if r.forwards() {
			return
		}
	}
	for _, at := range policyKeys(v) {
		if at.Value != "responseHeaders" {
			d.problem(at, diag.NoEffect, quoted(at)+" means nothing where every route answers by itself", "take it out")
		}
	}
}
