package schema_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dragoman/schema"
)

// A mistake is a document that somebody may write, and the words they get.
type mistake struct{ name, kind, give, want string }

func (m mistake) run(t *testing.T) {
	t.Helper()
	t.Run(m.name, func(t *testing.T) {
		got := strings.TrimSuffix(lines(schema.Validate(m.kind, decode(t, m.give))), "\n")
		if diff := cmp.Diff(m.want, got); diff != "" {
			t.Errorf("Validate(%s, %s) (-want +got):\n%s", m.kind, m.give, diff)
		}
	})
}

func TestFindingsAboutKeys(t *testing.T) {
	for _, m := range []mistake{
		{
			"a required key misspelt is one finding", "service",
			"{service: a, upstreem: http://a}",
			`/upstreem (key): unknown key "upstreem" in a service, did you mean "upstream"? [unknown-key]`,
		},
		{
			"a nested key misspelt", "service",
			"{service: a, upstream: {endpoints: [{url: http://a, wieght: 1}]}}",
			`/upstream/endpoints/0/wieght (key): unknown key "wieght" in an endpoint, did you mean "weight"? [unknown-key]`,
		},
		{
			"another way to write the key", "service",
			"{service: a, upstream: {end_points: [http://a]}}",
			`/upstream/end_points (key): unknown key "end_points" in an upstream, did you mean "endpoints"? [unknown-key]`,
		},
		{
			"a key that is there already", "service",
			"{service: a, upstream: http://a, upstreams: http://b}",
			`/upstreams (key): unknown key "upstreams" in a service, did you mean "upstream"? [unknown-key]`,
		},
		{
			"a key like no other", "listener",
			"{listener: a, port: 1, socket: 1}",
			`/socket (key): unknown key "socket" in a listener, the keys are listener, address, port, default, groups, tls, accessLog, trustedHops, routeDiscovery [unknown-key]`,
		},
		{
			"a key of another place", "service",
			"{service: a, upstream: http://a, loadBalancing: random}",
			`/loadBalancing (key): unknown key "loadBalancing" in a service, it belongs under upstream [unknown-key]`,
		},
		{
			"a key of another place, misspelt", "service",
			"{service: a, upstream: http://a, conectTimeout: 5s}",
			`/conectTimeout (key): unknown key "conectTimeout" in a service, did you mean "connectTimeout"? It belongs under upstream [unknown-key]`,
		},
		{
			"a number for a URL", "service", "{service: a, upstream: 17}",
			`/upstream: expected a URL such as http://cart:8080 (or https, h2c, grpc, grpcs), a list or a mapping, got a number, such as http://cart:8080 [wrong-type]`,
		},
		{
			"a key of the top", "service",
			"{service: a, upstream: http://a, routes: [{hosts: [a.com]}]}",
			`/routes/0/hosts (key): unknown key "hosts" in a route, it belongs at the top of the document [unknown-key]`,
		},
		{
			"a key of another kind", "service",
			"{service: a, upstream: http://a, trustedHops: 1}",
			`/trustedHops (key): unknown key "trustedHops" in a service, it belongs in a listener document [unknown-key]`,
		},
		{
			"a key that is not there yet", "service",
			"{service: a, upstream: {endpoints: [http://a], healthcheck: {path: /}}}",
			`/upstream/healthcheck (key): "healthcheck" is not supported yet [not-yet]`,
		},
		{
			"a key that is not there yet, misspelt", "service",
			"{service: a, upstream: {endpoints: [http://a], helthCheck: {path: /}}}",
			`/upstream/helthCheck (key): unknown key "helthCheck" in an upstream, did you mean "healthCheck"? It is not supported yet [unknown-key]`,
		},
		{
			"an unknown key in a mapping without a name of its own", "service",
			"{service: a, upstream: http://a, retry: {jitter: 2}}",
			`/retry/jitter (key): unknown key "jitter" in "retry", the keys are attempts, on, perTryTimeout, backoff, statuses [unknown-key]`,
		},
		{
			"another proxy's word for a missing key", "service", "{service: a, proxy_pass: http://a}",
			`/proxy_pass (key): unknown key "proxy_pass" in a service, did you mean "upstream"? [unknown-key]`,
		},
		{
			"another proxy's word for a key of a listener", "listener", "{listener: a, port: 443, ssl_certificate: a.pem}",
			`/ssl_certificate (key): unknown key "ssl_certificate" in a listener, did you mean "tls"? [unknown-key]`,
		},
		{
			"another proxy's word for a key that comes later", "listener", "{listener: a, port: 443, quic: true}",
			`/quic (key): unknown key "quic" in a listener, did you mean "http3"? It is not supported yet [unknown-key]`,
		},
		{
			"other proxies' words for which one key would not do", "service", "{service: a, upstream: {host: a, port: 80}}",
			`/upstream/host (key): unknown key "host" in an upstream, write endpoints: [http://HOST:PORT] [unknown-key]
/upstream/port (key): unknown key "port" in an upstream, write endpoints: [http://HOST:PORT] [unknown-key]`,
		},
		{
			"a missing key", "listener", "{listener: a}",
			`/: missing key "port" in a listener, such as port: 10000 [missing-key]`,
		},
		{
			"a missing key below another", "service",
			`{service: a, upstream: http://a, routes: [{rewrite: {regex: {pattern: a}}}]}`,
			`/routes/0/rewrite/regex (key): missing key "with" in "regex", such as with: "/accounts/\\1" [missing-key]`,
		},
		{
			"one of several keys is missing", "service",
			`{service: a, upstream: http://a, routes: [{headers: {x-a: {not: true}}}]}`,
			`/routes/0/headers/x-a (key): missing "exact", "prefix", "suffix", "contains", "regex" or "present" in "x-a" [missing-key]`,
		},
		{
			"one of several keys is misspelt", "service",
			`{service: a, upstream: http://a, routes: [{headers: {x-a: {exactly: b, prefx: c}}}]}`,
			`/routes/0/headers/x-a/exactly (key): unknown key "exactly" in "x-a", did you mean "exact"? [unknown-key]
/routes/0/headers/x-a/prefx (key): unknown key "prefx" in "x-a", did you mean "prefix"? [unknown-key]`,
		},
		{
			"keys that exclude each other", "service", "{service: a, upstream: http://a, routes: [{prefix: /, path: /, regex: a}]}",
			`/routes/0/path (key): "prefix" and "path" exclude each other, keep one of them [no-effect]
/routes/0/regex (key): "path" and "regex" exclude each other, keep one of them [no-effect]`,
		},
		{
			"two answers", "service", "{service: a, upstream: http://a, routes: [{redirect: https, respond: {status: 200}, to: b, rewrite: /}]}",
			`/routes/0/respond (key): "redirect" and "respond" exclude each other, keep one of them [no-effect]
/routes/0/rewrite (key): "redirect" and "rewrite" exclude each other, keep one of them [no-effect]
/routes/0/to (key): "redirect" and "to" exclude each other, keep one of them [no-effect]`,
		},
		{
			"a key that needs another", "service", "{service: a, upstream: http://a, routes: [{respond: {status: 200, contentType: a/b}}]}",
			`/routes/0/respond/contentType (key): "contentType" means nothing without "body", add it or take this out [no-effect]`,
		},
		{
			"a kind that is not there yet", "envoy", "{envoy: a}",
			`/envoy (key): "envoy" documents are not supported yet [not-yet]`,
		},
		{
			"a kind that does not exist", "servce", "{servce: a}",
			`/: no kind "servce", did you mean "service"? [unknown-kind]`,
		},
	} {
		m.run(t)
	}
}
