package schema_test

import (
	"strings"
	"testing"
)

func TestFindingsAboutValues(t *testing.T) {
	for _, m := range []mistake{
		{
			"quotes around a number", "listener", `{listener: a, port: "80"}`,
			`/port: expected a whole number, got a string, remove the quotes: 80 [wrong-type]`,
		},
		{
			"a number without quotes", "service",
			"{service: a, upstream: http://a, routes: [{query: {v: 2}}]}",
			`/routes/0/query/v: expected a string, got a number, put it in quotes [wrong-type]`,
		},
		{
			"a truth without quotes", "service",
			"{service: a, upstream: http://a, requestHeaders: {set: {x-debug: true}}}",
			`/requestHeaders/set/x-debug: expected a string, got true, put it in quotes [wrong-type]`,
		},
		{
			"a duration without a unit", "service", "{service: a, upstream: http://a, timeout: 5}",
			`/timeout: expected a duration such as 5s, 250ms or 1m30s, got a number, did you mean 5s? [wrong-type]`,
		},
		{
			"a duration with a unit of its own", "service", `{service: a, upstream: http://a, timeout: 5 Seconds}`,
			`/timeout: expected a duration such as 5s, 250ms or 1m30s, got "5 Seconds", did you mean "5s"? [bad-value]`,
		},
		{
			"a duration of zero", "service", `{service: a, upstream: {endpoints: [http://a], connectTimeout: 0s}}`,
			`/upstream/connectTimeout: expected a duration greater than zero, got "0s" [bad-value]`,
		},
		{
			"no duration at all", "service", `{service: a, upstream: {endpoints: [http://a], connectTimeout: soon}}`,
			`/upstream/connectTimeout: expected a duration such as 5s, 250ms or 1m30s, got "soon" [bad-value]`,
		},
		{
			"yes", "listener", `{listener: a, port: 1, default: "yes"}`,
			`/default: expected true or false, got a string, use true [wrong-type]`,
		},
		{
			"off", "service", `{service: a, upstream: http://a, websocket: "Off"}`,
			`/websocket: expected true or false, got a string, use false [wrong-type]`,
		},
		{
			"an off that was read as false", "listener", `{listener: a, port: 1, accessLog: false}`,
			`/accessLog: expected "off", "text", "json" or a mapping, got false, write "off", with quotes [wrong-type]`,
		},
		{
			"a value in the place of a list", "service", "{service: a, upstream: http://a, hosts: a.com}",
			`/hosts: expected a list, got a string, make it a list: [a.com] [wrong-type]`,
		},
		{
			"a number in the place of a list", "service", "{service: a, upstream: http://a, retry: {statuses: 503}}",
			`/retry/statuses: expected a list, got a number, make it a list: [503] [wrong-type]`,
		},
		{
			"a mapping in the place of a list", "service", "{service: a, upstream: http://a, routes: {prefix: /}}",
			`/routes (key): expected a list, got a mapping, begin each item with a dash [wrong-type]`,
		},
		{
			"a list in the place of a mapping", "service", "{service: a, upstream: http://a, retry: [attempts: 2]}",
			`/retry (key): expected a mapping, got a list, write keys without dashes before them, such as {attempts: 2, on: [connect-failure]} [wrong-type]`,
		},
		{
			"a number in the place of a mapping", "service", "{service: a, upstream: http://a, retry: 3}",
			`/retry: expected a mapping, got a number, such as {attempts: 2, on: [connect-failure]} [wrong-type]`,
		},
		{
			"a list in a list", "service", "{service: a, upstream: http://a, hosts: [[a.com]]}",
			`/hosts/0: expected a host such as example.com, *.example.com or *, without a scheme, port or path, got a list, such as example.com [wrong-type]`,
		},
		{
			"a number for a truth", "listener", `{listener: a, port: 1, default: 1}`,
			`/default: expected true or false, got a number, use true [wrong-type]`,
		},
		{
			"quotes around a status", "listener", `{listener: a, port: 1, accessLog: {filter: {status: ["404"]}}}`,
			`/accessLog/filter/status/0: expected a status such as 404, 5xx or 200-299, got "404", remove the quotes: 404 [bad-value]`,
		},
		{
			"a fraction", "listener", "{listener: a, port: 80.5}",
			`/port: expected a whole number, got a number, such as 10000 [wrong-type]`,
		},
		{
			"an empty value", "service", "{service: a, upstream: }",
			`/upstream (key): the value is empty, check the indentation of the next lines [empty-value]`,
		},
		{
			"an empty item", "service", "{service: a, upstream: http://a, hosts: [~]}",
			`/hosts/0: the value is empty, check the indentation of the next lines [empty-value]`,
		},
		{
			"an empty list", "service", "{service: a, upstream: http://a, hosts: []}",
			`/hosts (key): the list is empty, such as [shop.example.com] [empty-value]`,
		},
		{
			"an empty mapping", "service", "{service: a, upstream: http://a, retry: {}}",
			`/retry (key): the mapping is empty, such as {attempts: 2, on: [connect-failure]} [empty-value]`,
		},
		{
			"an empty text", "service", `{service: a, upstream: http://a, routes: [{regex: ""}]}`,
			`/routes/0/regex: the text is empty [empty-value]`,
		},
		{
			"no document", "service", "~",
			`/: the value is empty, check the indentation of the next lines [empty-value]`,
		},
		{
			"a list as document", "service", "[service: a]",
			`/: expected a mapping, got a list, write keys without dashes before them, such as {service: cart, hosts: [shop.example.com], upstream: http://cart:8080} [wrong-type]`,
		},
		{
			"a word that is not one of some", "service",
			"{service: a, upstream: {endpoints: [http://a], loadBalancing: roundrobin}}",
			`/upstream/loadBalancing: "roundrobin" is not one of "round-robin", "least-request", "random", "ring-hash", "maglev", did you mean "round-robin"? [bad-value]`,
		},
		{
			"a number that is not one of some", "service",
			"{service: a, upstream: http://a, routes: [{redirect: {path: /, code: 304}}]}",
			`/routes/0/redirect/code: 304 is not one of 301, 302, 303, 307, 308 [bad-value]`,
		},
		{
			"a word that is not the one", "service",
			"{service: a, upstream: http://a, routes: [{redirect: http}]}",
			`/routes/0/redirect: expected "https", got "http", write a mapping, such as {host: www.example.com, path: /new, code: 308} [bad-value]`,
		},
		{
			"another proxy's word", "service", "{service: a, upstream: {endpoints: [http://a], loadBalancing: least_conn}, timeout: none}",
			`/timeout: expected a duration such as 5s, 250ms or 1m30s, got "none", did you mean "0s"? [bad-value]
/upstream/loadBalancing: "least_conn" is not one of "round-robin", "least-request", "random", "ring-hash", "maglev", did you mean "least-request"? [bad-value]`,
		},
		{
			"another proxy's catch-all", "service", "{service: a, hosts: [_, .example.com], upstream: http://a}",
			`/hosts/0: expected a host, or * for every one, got "_", did you mean "*"? [bad-value]
/hosts/1: expected a host such as example.com, *.example.com or *, without a scheme, port or path, got ".example.com", did you mean "*.example.com"? [bad-value]`,
		},
		{
			"a scheme that is another one's upgrade", "service", "{service: a, upstream: 'ws://a:80'}",
			`/upstream: expected a URL such as http://cart:8080 (or https, h2c, grpc, grpcs), got "ws://a:80", did you mean "http://a:80"? [bad-value]`,
		},
		{
			"several URLs in one text", "service", "{service: a, upstream: 'http://a:80, http://b:80'}",
			`/upstream: expected a URL such as http://cart:8080 (or https, h2c, grpc, grpcs), got "http://a:80, http://b:80", several are written as a list: [http://a:80, http://b:80] [bad-value]`,
		},
		{
			"a URL for a name", "service", "{service: a, upstream: http://a, routes: [{to: 'http://b:80'}]}",
			`/routes/0/to: expected a name of at most 63 lower-case letters, digits, '-', '_' and '.' that begins and ends with a letter or digit, got "http://b:80", a URL is the upstream of a service: write that service's name here [bad-value]`,
		},
		{
			"a variable", "service", "{service: a, upstream: '${UPSTREAM}'}",
			`/upstream: expected a URL such as http://cart:8080 (or https, h2c, grpc, grpcs), got "${UPSTREAM}", this looks like a variable that was not filled in, and Dragoman fills in none [bad-value]`,
		},
		{
			"percentages", "service", "{service: a, upstream: http://a, routes: [{to: {a: 90%, b: 10 %}}]}",
			`/routes/0/to/a: expected a whole number, got a string, did you mean 90? [wrong-type]
/routes/0/to/b: expected a whole number, got a string, did you mean 10? [wrong-type]`,
		},
		{
			"a list in a text", "service", "{service: a, upstream: http://a, routes: [{methods: 'GET,POST'}]}",
			`/routes/0/methods: expected a list, got a string, make it a list: [GET, POST] [wrong-type]`,
		},
		{
			"days", "service", "{service: a, upstream: http://a, timeout: 2d}",
			`/timeout: expected a duration such as 5s, 250ms or 1m30s, got "2d", did you mean "48h"? [bad-value]`,
		},
		{
			"a form that is not there yet", "service",
			"{service: a, upstream: {endpoints: [http://a], loadBalancing: {policy: random}}}",
			`/upstream/loadBalancing (key): a mapping as "loadBalancing" is not supported yet, such as least-request [not-yet]`,
		},
		{
			"a scheme that is not there yet", "service", "{service: a, upstream: [http://a, unix:/run/a.sock]}",
			`/upstream/1: the scheme "unix" is not supported yet [not-yet]`,
		},
		{
			"a scheme misspelt", "service", "{service: a, upstream: htps://a}",
			`/upstream: expected a URL such as http://cart:8080 (or https, h2c, grpc, grpcs), got "htps://a", did you mean "https"? [bad-value]`,
		},
		{
			"no scheme", "service", "{service: a, upstream: 'cart:8080'}",
			`/upstream: expected a URL such as http://cart:8080 (or https, h2c, grpc, grpcs), got "cart:8080", did you mean "http://cart:8080"? [bad-value]`,
		},
		{
			"a method in lower case", "service", "{service: a, upstream: http://a, routes: [{methods: [get]}]}",
			`/routes/0/methods/0: expected a method in upper case such as GET, got "get", did you mean "GET"? [bad-value]`,
		},
		{
			"a path without its slash", "service", "{service: a, upstream: http://a, routes: [{prefix: cart}]}",
			`/routes/0/prefix: expected a path that begins with / and has no ? or #, got "cart", did you mean "/cart"? [bad-value]`,
		},
		{
			"a host with scheme and path", "service", "{service: a, upstream: http://a, hosts: ['https://a.com/x']}",
			`/hosts/0: expected a host such as example.com, *.example.com or *, without a scheme, port or path, got "https://a.com/x", did you mean "a.com"? [bad-value]`,
		},
		{
			"a host with a port", "service", "{service: a, upstream: http://a, hosts: ['a.com:80']}",
			`/hosts/0: expected a host such as example.com, *.example.com or *, without a scheme, port or path, got "a.com:80", did you mean "a.com"? [bad-value]`,
		},
		{
			"a name with capitals and a space", "service", "{service: My Cart, upstream: http://a}",
			`/service: expected a name of at most 63 lower-case letters, digits, '-', '_' and '.' that begins and ends with a letter or digit, got "My Cart", did you mean "my-cart"? [bad-value]`,
		},
		{
			"a key that is no header name", "service", "{service: a, upstream: http://a, requestHeaders: {set: {x a: b}}}",
			`/requestHeaders/set/x a (key): expected a header name such as x-user, got "x a", did you mean "x-a"? [bad-value]`,
		},
		{
			"an access log format without operators", "listener", "{listener: a, port: 1, accessLog: {format: jsn}}",
			`/accessLog/format: expected text, json, or a format string with operators such as %REQ(:path)%, got "jsn" [bad-value]`,
		},
		{
			"out of range", "listener", "{listener: a, port: 99999}",
			`/port: expected a number from 1 to 65535, got 99999 [bad-value]`,
		},
		{
			"out of a list's range", "listener", "{listener: a, port: 1, accessLog: {filter: {status: [404, 5xx, 99, 200]}}}",
			`/accessLog/filter/status/2: expected a number from 100 to 599, got 99 [bad-value]`,
		},
		{
			"too long", "service", "{service: a, upstream: http://a, routes: [{respond: {status: 200, body: " + strings.Repeat("a", 16385) + "}}]}",
			`/routes/0/respond/body: the text is longer than 16384 characters [bad-value]`,
		},
		{
			"a value of runtime that is empty", "runtime", "{runtime: a, values: {b: {c: ~}}}",
			`/values/b/c (key): the value is empty, check the indentation of the next lines [empty-value]`,
		},
		{
			"the tenth item comes after the second", "service",
			"{service: a, upstream: http://a, hosts: [1, 2, a, a, a, a, a, a, a, a, 3]}",
			`/hosts/0: expected a string, got a number, put it in quotes [wrong-type]
/hosts/1: expected a string, got a number, put it in quotes [wrong-type]
/hosts/10: expected a string, got a number, put it in quotes [wrong-type]`,
		},
	} {
		m.run(t)
	}
}
