package translator_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// A writer makes configurations at random, of every key and of values that are
// odd and should still be right. What the loader refuses all the same is no
// loss: that file is held back, as in a server.
type writer struct {
	*rand.Rand

	listeners []listenAt
	services  []string
	upstreams []string // services with one
}

// A listenAt is where a listener may listen.
type listenAt struct {
	address string
	port    int
}

type object = map[string]any

// oneOf chooses one of some values.
func oneOf[T any](w *writer, values ...T) T { return values[w.IntN(len(values))] }

// some makes from 1 to most values.
func some[T any](w *writer, most int, one func() T) []T {
	out := []T{one()}
	for range w.IntN(most) {
		out = append(out, one())
	}
	return out
}

// maybe sets a key with a chance of one in n.
func (w *writer) maybe(n int, o object, key string, value func() any) {
	if w.IntN(n) == 0 {
		o[key] = value()
	}
}

// choice gives a function that chooses one of some values.
func choice[T any](w *writer, values ...T) func() any {
	return func() any { return oneOf(w, values...) }
}

// configuration is a set of documents, one for each file.
func (w *writer) configuration(services int) []object {
	var out []object
	for i, at := range w.listeners {
		out = append(out, w.listener(i, at))
	}
	for i := range services {
		name := oneOf(w, "a", "0", "long-name_with.all-of_it") + oneOf(w, "", ".", "_", "-") + fmt.Sprint(i)
		w.services = append(w.services, name)
		if w.IntN(6) > 0 {
			w.upstreams = append(w.upstreams, name)
		}
	}
	for i := range services {
		out = append(out, w.service(i))
	}
	for i := range w.IntN(3) {
		out = append(out, object{"runtime": fmt.Sprint("layer.", i), "values": w.values(3)})
	}
	return out
}

func (w *writer) listener(i int, at listenAt) object {
	o := object{
		"listener": fmt.Sprintf("%s%d", oneOf(w, "http", "a.b_c-d", "0"), i),
		"address":  at.address,
		"port":     at.port,
		"default":  i == 0,
	}
	w.maybe(3, o, "trustedHops", choice(w, 0, 1, 1000))
	w.maybe(2, o, "accessLog", w.accessLog)
	w.maybe(2, o, "routeDiscovery", choice(w, "auto", "rds", "srds"))
	return o
}

func (w *writer) accessLog() any {
	if w.IntN(3) == 0 {
		return oneOf(w, "off", "text", "json")
	}
	o := object{"format": oneOf(w, "text", "json", w.format()+"%DURATION%", w.format()+"\n%PROTOCOL%\n\n")}
	w.maybe(2, o, "path", choice(w, "/dev/null", "/dev/stderr"))
	if w.IntN(2) == 0 {
		filter := object{}
		w.maybe(2, filter, "status", func() any {
			return some(w, 4, func() any { return oneOf[any](w, 100, 404, "5xx", "100-599", "200-200") })
		})
		w.maybe(2, filter, "minDuration", w.duration)
		w.maybe(2, filter, "runtime", choice(w, "log.sample", "ü", "a/b%", strings.Repeat("k", 300)))
		if len(filter) > 0 {
			o["filter"] = filter
		}
	}
	return o
}

// values are those of a runtime, to a depth.
func (w *writer) values(depth int) object {
	o := object{}
	for range w.IntN(5) {
		o[oneOf(w, "a", "a.b", "ü", " ", ".", "numerator", "upstream.healthy_panic_threshold", "x\n")] = w.value(depth)
	}
	return o
}

func (w *writer) value(depth int) any {
	if depth > 0 && w.IntN(4) == 0 {
		return w.values(depth - 1)
	}
	return oneOf[any](w, 0, -1, 1<<53, 1e300, 0.1, true, false, "", "ü", "50%", "true", "12", strings.Repeat("v", 5000))
}

func (w *writer) service(i int) object {
	name := w.services[i]
	o := object{"service": name}
	sends := false
	for _, u := range w.upstreams {
		sends = sends || u == name
	}
	if sends {
		o["upstream"] = w.upstream()
	}
	if sends && w.IntN(8) == 0 {
		return o // a backend
	}
	hosts := map[string]bool{}
	for range 1 + w.IntN(3) {
		hosts[w.host(i)] = true
	}
	o["hosts"] = slices.Collect(maps.Keys(hosts))
	if w.IntN(2) == 0 || !sends {
		o["routes"] = some(w, oneOf(w, 3, 10, 40), func() any { return w.route(sends) })
	}
	if sends && o["routes"] == nil {
		w.policies(3, o)
	}
	w.maybe(3, o, "responseHeaders", w.headerChanges)
	return o
}

// host is one that hardly another service has: equal routes on one host are a
// conflict.
func (w *writer) host(i int) string {
	if w.IntN(20) == 0 {
		return oneOf(w, "*", "*.com", "*.a")
	}
	label := oneOf(w, "a", "A-b", "_x", "xn--bcher-kva", "1", strings.Repeat("l", 63), strings.Repeat("M", 80))
	return oneOf(w,
		fmt.Sprintf("%s.s%d", label, i), fmt.Sprintf("*.s%d", i), fmt.Sprintf("*.%s.S%d.com", label, i), fmt.Sprintf("s%d", i),
		fmt.Sprintf("*.%s.s%d", label, i), fmt.Sprintf("10.0.0.%d", i), fmt.Sprintf("%ss%d", strings.Repeat("n.", 120), i),
	)
}

func (w *writer) upstream() any {
	scheme := oneOf(w, "http", "https", "h2c", "grpc", "grpcs")
	if w.IntN(4) == 0 {
		return scheme + "://" + w.server(true) + oneOf(w, "", "/", ":1", ":65535")
	}
	number, names := oneOf(w, 1, 1, 2, 5, 300), w.IntN(2) == 0
	var endpoints []any
	for i := range number {
		url := fmt.Sprintf("%s://%s:%d", scheme, w.server(names), 1000+i)
		if w.IntN(2) == 0 {
			endpoints = append(endpoints, url)
			continue
		}
		endpoints = append(endpoints, object{"url": url, "weight": oneOf(w, 1, 2, 1_000_000)})
	}
	o := object{"endpoints": endpoints}
	if names {
		endpoints[0] = scheme + "://a.b.c"
		w.maybe(4, o, "discovery", choice(w, "auto", "strict-dns"))
		w.maybe(2, o, "dns", func() any {
			dns := object{"family": oneOf(w, "v4", "v6", "auto", "all")}
			w.maybe(2, dns, "refresh", w.duration)
			w.maybe(2, dns, "respectTtl", choice(w, true, false))
			return dns
		})
	}
	w.maybe(3, o, "connectTimeout", w.duration)
	w.maybe(2, o, "loadBalancing", choice(w, "round-robin", "least-request", "random", "ring-hash", "maglev"))
	return o
}

// server is where an endpoint is, by address or, often, by name.
func (w *writer) server(names bool) string {
	if names && w.IntN(3) > 0 {
		return oneOf(w, "localhost", "cart", "CART.example.com", "_srv.a_b", "a.invalid.", "x--y.1a", "1.2.3.x",
			strings.Repeat("l", 63)+".invalid", strings.Repeat("n.", 126)+"n")
	}
	return oneOf(w, fmt.Sprintf("10.%d.%d.%d", w.IntN(256), w.IntN(256), w.IntN(256)),
		"0.0.0.0", "255.255.255.255", "127.0.0.1", "[::1]", "[::]", fmt.Sprintf("[2001:DB8::%x]", w.IntN(1<<16)), "[::ffff:10.1.2.3]")
}
