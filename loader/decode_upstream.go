package loader

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"dragoman/diag"
	"dragoman/model"
)

// An upstream is the upstream of a service document: all of a model.Upstream,
// and the scheme, from which routes take their defaults.
type upstream struct {
	scheme string
	model  *model.Upstream
}

// grpc says that a request may take as long as it likes.
func (u *upstream) grpc() bool { return u.scheme == "grpc" || u.scheme == "grpcs" }

// web says that the upstream may well speak websockets.
func (u *upstream) web() bool { return u.scheme == "http" || u.scheme == "https" }

// defaultConnectTimeout is that of format.md, and Envoy's own.
const defaultConnectTimeout = 5 * time.Second

func (d *decoder) upstream(v value) *upstream {
	u := &upstream{model: &model.Upstream{ConnectTimeout: defaultConnectTimeout}}
	d.endpoints(u, v)
	if len(u.model.Endpoints) == 0 {
		return u // reported
	}
	u.model.Protocol, u.model.TLS = protocol(u.scheme)
	d.discovery(u.model, v.get("discovery"))
	if dns, ok := v.field("dns"); ok {
		if u.model.Discovery == model.Addresses {
			d.problem(dns.at, diag.NoEffect, `"dns" means nothing where every endpoint is an address`, "take it out")
		}
		u.model.DNS = d.dns(dns.value)
	}
	if t := v.get("connectTimeout"); t.node != nil {
		u.model.ConnectTimeout = d.duration(t)
	}
	u.model.LoadBalancing = loadBalancing(v.get("loadBalancing").text)
	return u
}

// endpoints reads a URL, a list, or an object's endpoints.
func (d *decoder) endpoints(u *upstream, v value) {
	items := v.items
	switch v.kind {
	case text:
		items = []value{v}
	case object:
		items = v.get("endpoints").items
	case null, boolean, number, list:
	}
	seen, sum := map[model.Endpoint]value{}, uint64(0)
	u.model.Endpoints = make([]model.Endpoint, 0, len(items))
	for _, item := range items {
		url, weight := item, uint32(0)
		if item.kind == object {
			url, weight = item.get("url"), uint32(item.get("weight").integer())
		}
		scheme, e, err := parseURL(url.text)
		if err != nil {
			d.problem(url.node, diag.BadUpstream, err.msg, err.hint)
			continue
		}
		if u.scheme != "" && scheme != u.scheme {
			d.problem(url.node, diag.BadUpstream, fmt.Sprintf("one upstream has one scheme, and this has %s and %s", u.scheme, scheme), "make it two services")
		}
		if first, twice := seen[e]; twice {
			d.problem(url.node, diag.DuplicateKey, "this endpoint is listed twice", "give it a weight instead").
				relate(d.file.path, first.node, "first here")
		}
		seen[e] = url
		u.scheme, e.Weight = scheme, weight
		sum += uint64(max(1, weight))
		u.model.Endpoints = append(u.model.Endpoints, e)
	}
	if sum > math.MaxUint32 {
		d.problem(v.node, diag.BadValue, fmt.Sprintf("the weights of the endpoints add up to %d, and %d is the limit", sum, uint32(math.MaxUint32)), "make them smaller in proportion")
	}
}

// discovery decides how addresses are found. A word that says so is checked
// against the endpoints.
func (d *decoder) discovery(u *model.Upstream, v value) {
	var names []string
	for _, e := range u.Endpoints {
		if _, err := netip.ParseAddr(e.Host); err != nil {
			names = append(names, e.Host)
		}
	}
	switch {
	case v.text == "eds" && len(names) > 0:
		d.problem(v.node, diag.BadUpstream, fmt.Sprintf("eds is for IP addresses, and %s is a name", names[0]),
			"write strict-dns, or take discovery out")
	case v.text == "logical-dns" && len(u.Endpoints) > 1:
		d.problem(v.node, diag.BadUpstream, "logical-dns is for one endpoint", "write strict-dns, or take discovery out")
	case v.text == "logical-dns":
		u.Discovery = model.LogicalDNS
	case v.text == "strict-dns":
		u.Discovery = model.StrictDNS
	case len(names) == 0:
		u.Discovery = model.Addresses
	case len(u.Endpoints) == 1:
		u.Discovery = model.LogicalDNS
	default:
		u.Discovery = model.StrictDNS
	}
}

func (d *decoder) dns(v value) model.DNS {
	out := model.DNS{RespectTTL: v.get("respectTtl").bool()}
	switch v.get("family").text {
	case "v6":
		out.Family = model.V6
	case "auto":
		out.Family = model.AnyFamily
	case "all":
		out.Family = model.AllFamilies
	}
	if r := v.get("refresh"); r.node != nil {
		if out.Refresh = d.duration(r); out.Refresh == time.Millisecond {
			d.problem(r.node, diag.BadValue, "the least refresh that Envoy takes is above 1ms", "write 2ms or more")
		}
	}
	return out
}

func loadBalancing(word string) model.LoadBalancing {
	switch word {
	case "least-request":
		return model.LeastRequest
	case "random":
		return model.Random
	case "ring-hash":
		return model.RingHash
	case "maglev":
		return model.Maglev
	}
	return model.RoundRobin
}

func protocol(scheme string) (p model.Protocol, tls bool) {
	switch scheme {
	case "http":
		return model.HTTP1, false
	case "https":
		return model.HTTPAuto, true
	case "h2c", "grpc":
		return model.HTTP2, false
	case "grpcs":
		return model.HTTP2, true
	}
	panic("loader: impossible scheme " + scheme)
}

// portOf is the port that a scheme has by itself, and 0 for no scheme of ours.
func portOf(scheme string) uint32 {
	switch scheme {
	case "http", "h2c", "grpc":
		return 80
	case "https", "grpcs":
		return 443
	}
	return 0
}

// A urlError says what is wrong with the URL of an endpoint.
type urlError struct{ msg, hint string }

var (
	dnsName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$`)
	number4 = regexp.MustCompile(`^[0-9.]+$`)
)

// parseURL reads scheme://host[:port], and refuses what a URL may have beyond:
// an upstream is a set of servers, not a place on them.
func parseURL(s string) (string, model.Endpoint, *urlError) {
	var e model.Endpoint
	scheme, rest, ok := strings.Cut(s, "://")
	if e.Port = portOf(scheme); !ok || e.Port == 0 {
		return "", e, &urlError{fmt.Sprintf("%q is not a URL with one of the schemes http, https, h2c, grpc, grpcs", s), "write http://HOST:PORT"}
	}
	rest = strings.TrimSuffix(rest, "/")
	if strings.ContainsAny(rest, "/?#@") {
		return "", e, &urlError{fmt.Sprintf("an upstream is %s://HOST:PORT, with nothing else", scheme), "a path goes into rewrite on the route"}
	}
	host, port := rest, ""
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ']') {
		host, port = rest[:i], rest[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", e, &urlError{fmt.Sprintf("%q is not a port", port), "a port is a number from 1 to 65535"}
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		e.Port = uint32(n)
	}
	if strings.Contains(host, "$") {
		return "", e, &urlError{fmt.Sprintf("%q looks like a variable that was not filled in", host), "Dragoman fills in none"}
	}
	if e.Host, ok = hostOf(host); !ok {
		return "", e, &urlError{fmt.Sprintf("%q is neither a host name nor an address", host), "an IPv6 address stands in brackets: [::1]"}
	}
	return scheme, e, nil
}

// hostOf checks a host and takes the brackets off.
func hostOf(s string) (string, bool) {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		return a.String(), ok && err == nil && a.Is6() && a.Zone() == ""
	}
	if number4.MatchString(s) {
		a, err := netip.ParseAddr(s)
		return s, err == nil && a.Is4()
	}
	return strings.ToLower(s), len(s) <= 253 && dnsName.MatchString(s)
}
