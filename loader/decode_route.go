package loader

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"dragoman/diag"
	"dragoman/model"
)

// A route is one route of a service document.
type route struct {
	at       spot
	name     string
	priority int
	match    model.Match
	key      string   // match.Key()
	to       []target // empty: the service itself
	redirect *model.Redirect
	respond  *model.Respond
	rewrite  *rewrite // nil when there is none
	policies policies
}

type rewrite struct {
	path model.PathRewrite
	host model.HostRewrite
}

type target struct {
	service name
	weight  uint32
}

func (r *route) forwards() bool { return r.redirect == nil && r.respond == nil }

// everything is the match of a service that gives no routes.
func everything() model.Match {
	return model.Match{Path: model.PathMatch{Kind: model.PathPrefix, Value: "/"}}
}

func (d *decoder) route(v value) route {
	r := route{
		at:       spotOf(v.node),
		name:     v.get("name").text,
		priority: int(v.get("priority").integer()),
		match:    d.match(v),
		policies: d.policies(v),
	}
	r.key = r.match.Key()
	for _, f := range v.fields {
		switch f.key {
		case "to":
			r.to = d.targets(f.value)
		case "redirect":
			r.redirect = d.redirect(f.value, r.match.Path)
		case "respond":
			r.respond = d.respond(f.value)
		case "rewrite":
			r.rewrite = d.rewrite(f.value, r.match.Path)
		}
	}
	if !r.forwards() {
		for _, at := range policyKeys(v) {
			if at.Value != "responseHeaders" {
				d.problem(at, diag.NoEffect, quoted(at)+" means nothing on a route that answers by itself", "take it out")
			}
		}
	}
	return r
}

func (d *decoder) match(v value) model.Match {
	m := everything()
	switch {
	case v.has("path"):
		m.Path = model.PathMatch{Kind: model.PathExact, Value: v.get("path").text}
		d.literalPath(v.get("path"))
	case v.has("prefix"):
		m.Path.Value = v.get("prefix").text
		d.literalPath(v.get("prefix"))
	case v.has("regex"):
		m.Path = model.PathMatch{Kind: model.PathRegex, Value: d.regex(v.get("regex"))}
		d.pathRegex(v.get("regex"))
	}
	for _, item := range v.get("methods").items {
		m.Methods = append(m.Methods, item.text)
	}
	slices.Sort(m.Methods)
	m.Methods = slices.Compact(m.Methods)
	m.Headers = d.valueMatches(v.get("headers"), strings.ToLower)
	m.Query = d.valueMatches(v.get("query"), strings.Clone)
	for _, f := range v.get("headers").fields {
		if strings.EqualFold(f.key, "host") {
			d.problem(f.at, diag.BadHeader, "routes do not look at the Host header", "use the service's hosts")
		}
	}
	return m
}

// regex checks a regular expression. Envoy's RE2 and Go's have one syntax.
func (d *decoder) regex(v value) string {
	if _, err := regexp.Compile(v.text); err != nil {
		msg := err.Error()
		if parse, ok := err.(*syntax.Error); ok { //nolint:errorlint // Compile returns it unwrapped
			msg = parse.Code.String() + ": " + parse.Expr
		}
		d.problem(v.node, diag.BadRegex, fmt.Sprintf("%q is not a regular expression: %s", v.text, msg), "the syntax is RE2's, without look-ahead and back-references")
	}
	return v.text
}

// targets reads a service name, or a map of service to weight.
func (d *decoder) targets(v value) []target {
	if v.kind == text {
		return []target{{service: nameOf(v), weight: 1}}
	}
	var out []target
	var sum int64
	for _, f := range v.fields {
		w := f.value.integer()
		sum += w
		out = append(out, target{service: name{f.key, spotOf(f.at)}, weight: uint32(w)})
	}
	if sum == 0 || sum > 1<<32-1 {
		d.problem(v.node, diag.BadValue, fmt.Sprintf("the weights of a route add up to %d", sum), "give at least one service a weight above 0")
	}
	slices.SortFunc(out, func(a, b target) int { return strings.Compare(a.service.text, b.service.text) })
	return out
}

func (d *decoder) respond(v value) *model.Respond {
	return &model.Respond{
		Status:      uint32(v.get("status").integer()),
		Body:        v.get("body").text,
		ContentType: v.get("contentType").text,
	}
}

func (d *decoder) redirect(v value, match model.PathMatch) *model.Redirect {
	if v.kind == text { // https
		return &model.Redirect{Scheme: v.text, Code: 301}
	}
	r := &model.Redirect{
		Scheme:     v.get("scheme").text,
		Host:       strings.ToLower(v.get("host").text),
		Port:       uint32(v.get("port").integer()),
		Code:       301,
		StripQuery: v.get("stripQuery").bool(),
	}
	if c := v.get("code"); c.node != nil {
		r.Code = uint32(c.integer())
	}
	if p, ok := v.field("path"); ok {
		r.PathKind, r.Path = model.RewritePath, p.value.text
		d.literalDollar(p.value, "leave path out to keep the request's")
	}
	if p, ok := v.field("prefix"); ok {
		r.PathKind, r.Path = d.prefixRewrite(p, match)
	}
	if v.has("scheme") || v.has("host") || v.has("port") || r.PathKind != model.KeepPath {
		return r
	}
	d.problem(v.node, diag.BadRewrite, "this redirect leads to where it came from", "give it a scheme, host, port, path or prefix")
	return r
}
