package schema_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dragoman/internal/golden"
	"dragoman/schema"
)

func TestExplain(t *testing.T) {
	for field, want := range map[string]string{
		"service.retry.on": `
service.retry.on: list of reasons

What is a reason to try again, in Envoy's words.

Any of: 5xx, gateway-error, reset, reset-before-request, connect-failure, envoy-ratelimited, retriable-4xx, refused-stream, retriable-status-codes, http3-post-connect-failure, cancelled, deadline-exceeded, internal, resource-exhausted, unavailable

Default: connect-failure, refused-stream and reset-before-request: no upstream has seen the request; nothing when statuses is given

Examples:
  [connect-failure, reset]
`,
		"listener.accessLog": `
listener.accessLog: off, text, json or mapping

What is logged about each request: off, text, json, or a mapping that says more.

Default: off

Examples:
  json
  {path: /var/log/envoy/access.log, filter: {status: [5xx]}}

Keys:
  format  text, json or format string
  path    absolute path
  filter  mapping
`,
		"service.upstream.endpoints[3]": `
service.upstream.endpoints: list of endpoints

The servers, or names of servers.

Examples:
  [http://10.0.0.1:8080, {url: http://10.0.0.2:8080, weight: 3}]

Keys:
  url     URL, required
  weight  whole number

Not supported yet: zone, priority, health
`,
		"service.routes[2].headers.x-beta.present": `
service.routes.headers.x-beta.present: true or false

It is there, whatever its value. With not: true it is absent.

Examples:
  true
`,
		"runtime.values.some.key": `
runtime.values.some.key: text, number, true or false or mapping of names to values

A text, a number, true or false, or a mapping of these: Envoy's runtime has no lists.

Examples:
  5
  true
  blue
`,
	} {
		got, err := schema.Explain(field)
		if err != nil {
			t.Errorf("Explain(%s): %v", field, err)
		}
		if diff := cmp.Diff(want[1:], got); diff != "" {
			t.Errorf("Explain(%s) (-want +got):\n%s", field, diff)
		}
	}
}

func TestExplainWhatThereIsNot(t *testing.T) {
	for field, want := range map[string]string{
		"":                             `no kind "", the kinds are group, listener, runtime, service`,
		"servise":                      `no kind "servise", did you mean "service"?`,
		"envoy.resources":              `"envoy" documents are not supported yet`,
		"routes[0].to":                 `fields begin with their kind, did you mean "service.routes[0].to"?`,
		"service.routes.retyr":         `no field "retyr" in service.routes, did you mean "retry"?`,
		"service..hosts":               `no field "" in service, the keys are service, hosts, listeners, upstream, routes, proxyless, timeout, idleTimeout, retry, requestHeaders, responseHeaders, websocket`,
		"service.timeout.max":          `service.timeout is a duration and has no keys`,
		"service.hosts.name":           `service.hosts is a list of hosts and has no keys`,
		"service.upstream.healthCheck": `service.upstream.healthCheck is not supported yet`,
		"service.routes.headers.a.b":   `no field "b" in service.routes.headers.a, the keys are exact, prefix, suffix, contains, regex, present, not, ignoreCase`,
	} {
		if got, err := schema.Explain(field); err == nil || err.Error() != want {
			t.Errorf("Explain(%q) = %q, %v, want the error %s", field, got, err, want)
		}
	}
}

func TestReference(t *testing.T) {
	golden.Text(t, "../docs/reference.md", schema.Reference())
}
