package translator_test

import (
	"fmt"
	"strings"
)

// route is one route; sends says that it may go to its own service.
func (w *writer) route(sends bool) any {
	o := object{}
	switch w.IntN(4) {
	case 0:
		o["path"] = w.path()
	case 1:
		o["regex"] = w.regex()
	default:
		o["prefix"] = w.path()
	}
	w.maybe(5, o, "methods", func() any {
		return some(w, 5, func() any { return oneOf(w, "GET", "POST", "M-SEARCH", "A_B", "CONNECT", "X1") })
	})
	w.maybe(4, o, "headers", func() any { return w.matches(func() string { return w.headerName() }) })
	w.maybe(4, o, "query", func() any {
		return w.matches(func() string { return oneOf(w, "a", "A", "a b", "ü", "&", "=", "%41", "a[]", ".", "\n") })
	})
	w.maybe(3, o, "priority", choice(w, -1_000_000, -1, 0, 1, 1_000_000))
	w.maybe(4, o, "name", choice(w, "a", "ü %REQ(x)%", "{}", strings.Repeat("n", 200)))
	w.maybe(3, o, "responseHeaders", w.headerChanges)
	switch form := w.IntN(5); {
	case form == 0:
		o["redirect"] = w.redirect(o["regex"] == nil)
	case form == 1 || !sends && len(w.upstreams) == 0:
		o["respond"] = w.respond()
	default:
		if w.IntN(3) == 0 || !sends {
			o["to"] = w.targets()
		}
		w.maybe(3, o, "rewrite", func() any { return w.rewrite(o["regex"] == nil) })
		w.policies(5, o)
	}
	return o
}

func (w *writer) path() any {
	return oneOf(w, "/", "/a", "/a/", "//", "/ü", "/%2F", "/a b", "/a;b=1,2", "/*", "/{x}", "/.", "/a/../b", `/\`, "/'\"", "/a\tb",
		"/"+strings.Repeat("p", 2000), fmt.Sprint("/", w.IntN(1000)))
}

// regex is seldom wrong.
func (w *writer) regex() any {
	if w.IntN(40) == 0 {
		return oneOf(w, `\C`, "a**", `\`, "(", ")", "(?=a)", "[z-a]", "a{1001}", "(a{100}){100}", `\x{100}`, "[a-ž]", "(?Z)", `\pX`, "(?P<n>a)(?P<n>b)", "(?:.{1,50}/){1,50}", `\8`, "[[:nope:]]", "a{1000}b{1000}(c{999}d|e)")
	}
	var b strings.Builder
	for range 1 + w.IntN(4) {
		b.WriteString(oneOf(w,
			"/a", "/.*", "[^/]+", "(a|b)", "(?:x)", "(?i)A", "(?i:ß)", "(?s).", "(?U)a+", "(?m)^a$", `\d{1,3}`, "a{0,20}", "(a{5}){5}", "(?-s:.)", "(?is-U)x",
			`\pL`, `\p{Greek}`, `\PN`, `[^\pL\d]`, "[[:alpha:]]", "[[:word:]-]", "[[:^digit:]]", `\Q.*\E`, `\x41`, `\x{e9}`, `\x{0ff}`, `\101`, `\n`, `\A`, `\z`, `\b`, `\B`, "ü", "日本",
			"a*?", "a+?", "a{2,}?", "|", "()", "[]a]", "[^]a]", `[\]]`, `\.`, `\-`, `\/`, strings.Repeat("x", 500), "(x+x+)+y", "{", "a{,2}", "a{2", "]",
			"a{1000}", "\u2028", `[\w.]`, "(?i)k", "(?i)[k-s]", `\a\f\t\v`, "[a-c-e]", "[-a]", `[\x00-\xff]`, ".{0,900}", "(?:a|b|c|ab|bc)"))
	}
	return b.String() + oneOf(w, "", "", "(?P<n>y)", "(?<m>y)")
}

func (w *writer) matches(name func() string) any {
	o := object{}
	for range 1 + w.IntN(3) {
		value := oneOf(w, "a", "A", "ü", "a b", " a", "%", `\`, "&", "日本語", "\x01", "\n", strings.Repeat("v", 9000))
		if w.IntN(3) == 0 {
			o[name()] = oneOf(w, "", value)
			continue
		}
		m := object{}
		switch kind := oneOf(w, "exact", "prefix", "suffix", "contains", "regex", "present"); kind {
		case "present":
			m[kind] = true
		case "regex":
			m[kind] = w.regex()
		default:
			m[kind] = value
			w.maybe(3, m, "ignoreCase", choice(w, true, false))
		}
		w.maybe(3, m, "not", choice(w, true, false))
		o[name()] = m
	}
	return o
}

func (w *writer) redirect(prefix bool) any {
	o := object{}
	w.maybe(2, o, "scheme", choice(w, "http", "https"))
	w.maybe(2, o, "host", choice(w, "a", "A.example.com", "_a._b", "10.0.0.1", "a..b", strings.Repeat("h", 500)))
	w.maybe(3, o, "port", choice(w, 1, 80, 443, 65535))
	w.maybe(3, o, pathKey(w, prefix), w.newPath)
	w.maybe(2, o, "code", choice(w, 301, 302, 303, 307, 308))
	if len(o) == 0 {
		return "https"
	}
	w.maybe(3, o, "stripQuery", choice(w, true, false))
	if o["host"] == nil && o["scheme"] == nil {
		o["port"] = 8443
	}
	return o
}

// pathKey is prefix only where there is a prefix to replace.
func pathKey(w *writer, prefix bool) string {
	if prefix && w.IntN(2) == 0 {
		return "prefix"
	}
	return "path"
}

func (w *writer) newPath() any {
	return oneOf[any](w, w.path(), "/?a=b", "/#f", "/a?b#c", "/%", `/\1`, "/%REQ(x)%")
}

func (w *writer) respond() any {
	o := object{"status": oneOf(w, 200, 204, 299, 304, 418, 500, 599)}
	if w.IntN(2) == 0 {
		o["body"] = oneOf(w, "", "ok\n", "%REQ(x)% 100%", "日本", "\x00\x01", strings.Repeat("b", 16384), strings.Repeat("😀", 16384))
		w.maybe(2, o, "contentType", choice(w, "application/json", "text/html; charset=utf-8", "x/ü", "a/b;%", "a/b ;\tq", "%/%"))
	}
	return o
}

func (w *writer) targets() any {
	if len(w.upstreams) == 0 || w.IntN(100) == 0 {
		return oneOf(w, w.services...)
	}
	if w.IntN(2) == 0 {
		return oneOf(w, w.upstreams...)
	}
	o := object{oneOf(w, w.upstreams...): oneOf(w, 1, 99)}
	for range w.IntN(5) {
		o[oneOf(w, w.upstreams...)] = oneOf(w, 0, 1, 99, 1_000_000)
	}
	return o
}

// rewrite changes a prefix only where there is one.
func (w *writer) rewrite(prefix bool) any {
	if prefix && w.IntN(4) == 0 {
		return w.newPath()
	}
	o := object{}
	w.maybe(2, o, "host", choice(w, "auto", "a", "A.b", "a:80", "a:99999", "[::1]", "[::1]:80", "_", "a..b"))
	switch w.IntN(3) {
	case 0:
		o[pathKey(w, prefix)] = w.newPath()
	case 1:
		o["regex"] = object{"pattern": w.regex(), "with": oneOf(w, "", "/", "/ü", `\0`, `/\0\\`, `\\1`, "/%", "$1", "\n", "a\x00b")}
	}
	if len(o) == 0 {
		o["host"] = "auto"
	}
	return o
}

// policies sets each with a chance of one in n.
func (w *writer) policies(n int, o object) {
	w.maybe(n, o, "timeout", w.duration)
	w.maybe(n, o, "idleTimeout", w.duration)
	w.maybe(n, o, "websocket", choice(w, true, false))
	w.maybe(n, o, "requestHeaders", w.headerChanges)
	w.maybe(n, o, "retry", func() any {
		r := object{"attempts": oneOf(w, 1, 2, 1000)}
		w.maybe(2, r, "on", func() any {
			return some(w, 4, func() any {
				return oneOf(w, "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "envoy-ratelimited", "retriable-4xx", "refused-stream",
					"http3-post-connect-failure", "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable")
			})
		})
		w.maybe(2, r, "statuses", func() any { return some(w, 4, func() any { return oneOf(w, 100, 404, 503, 599) }) })
		w.maybe(2, r, "perTryTimeout", w.duration)
		w.maybe(2, r, "backoff", func() any {
			b := object{"base": oneOf(w, "1ms", "25ms", "10000h")}
			w.maybe(2, b, "max", choice(w, "10000h"))
			return b
		})
		return r
	})
}

func (w *writer) duration() any {
	if w.IntN(40) == 0 {
		return oneOf(w, "0s", "10001h", "0.1ms", "99999999999h")
	}
	return oneOf(w, "1ms", "1.5ms", "0.001s", "2ms", "15s", "1m30s", "1h1m1s1ms", "10000h", "9999h59m", "0.5h", "1.0000001s")
}
