package loader

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"dragoman/diag"
	"dragoman/model"
)

// policies are what a service or a route says of each policy; nil is nothing.
type policies struct {
	timeout         *time.Duration
	idleTimeout     *time.Duration
	retry           *model.Retry
	requestHeaders  *model.HeaderChanges
	responseHeaders *model.HeaderChanges
	websocket       *bool
}

func (d *decoder) policies(v value) policies {
	var p policies
	for _, f := range v.fields {
		switch f.key {
		case "timeout":
			p.timeout = d.maybe(f.value)
		case "idleTimeout":
			p.idleTimeout = d.maybe(f.value)
		case "retry":
			p.retry = d.retry(f.value)
		case "requestHeaders":
			p.requestHeaders = d.headerChanges(f.value)
		case "responseHeaders":
			p.responseHeaders = d.headerChanges(f.value)
		case "websocket":
			p.websocket = new(f.value.bool())
		}
	}
	return p
}

// policyKeys are the keys of those policies that an object has.
func policyKeys(v value) []*yaml.Node {
	var out []*yaml.Node
	for _, f := range v.fields {
		switch f.key {
		case "timeout", "idleTimeout", "retry", "requestHeaders", "responseHeaders", "websocket":
			out = append(out, f.at)
		}
	}
	return out
}

// or fills what p leaves open from q. A policy wins whole, key by key.
func (p policies) or(q policies) policies {
	return policies{
		timeout:         cmp.Or(p.timeout, q.timeout),
		idleTimeout:     cmp.Or(p.idleTimeout, q.idleTimeout),
		retry:           cmp.Or(p.retry, q.retry),
		requestHeaders:  cmp.Or(p.requestHeaders, q.requestHeaders),
		responseHeaders: cmp.Or(p.responseHeaders, q.responseHeaders),
		websocket:       cmp.Or(p.websocket, q.websocket),
	}
}

// safeRetries are the failures in which no upstream has seen the request, so
// that trying again can do no harm. They are the default of retry.on.
func safeRetries() []string {
	return []string{"connect-failure", "refused-stream", "reset-before-request"}
}

func (d *decoder) retry(v value) *model.Retry {
	r := &model.Retry{Attempts: 1}
	if n := v.get("attempts"); n.node != nil {
		r.Attempts = uint32(n.integer())
	}
	for _, w := range d.names(v.get("on")) {
		r.On = append(r.On, w.text)
	}
	for _, s := range v.get("statuses").items {
		r.Statuses = append(r.Statuses, uint32(s.integer()))
	}
	if r.On == nil && r.Statuses == nil {
		r.On = safeRetries()
	}
	if slices.Contains(r.On, "retriable-status-codes") && r.Statuses == nil {
		d.problem(v.get("on").node, diag.NoEffect, "retriable-status-codes means nothing without statuses", "write statuses: [503]")
	}
	slices.Sort(r.On)
	slices.Sort(r.Statuses)
	r.Statuses = slices.Compact(r.Statuses)
	if t := v.get("perTryTimeout"); t.node != nil {
		r.PerTryTimeout = d.duration(t)
	}
	r.Backoff = d.backoff(v.get("backoff"))
	return r
}

func (d *decoder) backoff(v value) *model.Backoff {
	if v.node == nil {
		return nil
	}
	b := &model.Backoff{Base: d.duration(v.get("base"))}
	if m := v.get("max"); m.node != nil {
		if b.Max = d.duration(m); b.Max < b.Base {
			d.problem(m.node, diag.BadValue, "the max of a backoff must not be below its base", "")
		}
	}
	return b
}

func (d *decoder) headerChanges(v value) *model.HeaderChanges {
	h := &model.HeaderChanges{Set: d.headers(v.get("set")), Add: d.headers(v.get("add"))}
	for _, n := range v.get("remove").items {
		if d.changeable(n.node, n.text) {
			h.Remove = append(h.Remove, strings.ToLower(n.text))
		}
	}
	slices.Sort(h.Remove)
	h.Remove = slices.Compact(h.Remove)
	return h
}

func (d *decoder) headers(v value) []model.Header {
	if len(v.fields) == 0 {
		return nil
	}
	var seen keys
	out := make([]model.Header, 0, len(v.fields))
	for _, f := range v.fields {
		name := strings.ToLower(f.key)
		if first := seen.add(name, f.at); first != nil {
			d.problem(f.at, diag.DuplicateKey, fmt.Sprintf("the header %s stands here twice", name), "header names do not heed case").
				relate(d.file.path, first, "first here")
			continue
		}
		d.changeable(f.at, f.key)
		d.format(f.value)
		d.literalDollar(f.value, "Envoy's operators are such as %REQ(x-user)% and %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")
		out = append(out, model.Header{Name: name, Value: f.value.text})
	}
	slices.SortFunc(out, func(a, b model.Header) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// changeable refuses headers that Envoy lets nobody change.
func (d *decoder) changeable(n *yaml.Node, header string) bool {
	switch {
	case strings.EqualFold(header, "host"):
		d.problem(n, diag.BadHeader, "the Host header is not changed here", "write rewrite: {host: NAME} on the route")
	case strings.HasPrefix(header, ":"):
		d.problem(n, diag.BadHeader, fmt.Sprintf("%s cannot be changed here", header), "use rewrite for the path and the host")
	default:
		return true
	}
	return false
}
