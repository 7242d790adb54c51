package keys_test

import "strings"

// policyRows make two rows of each policy: on a service, and on a route.
func policyRows() []row {
	var out []row
	for _, r := range policies() {
		onService, onRoute := r, r
		onService.key, onService.yaml = "service."+r.key, scripted+r.yaml+"\n"
		onRoute.key, onRoute.yaml = "service.routes."+r.key, scripted+"routes: [{"+r.yaml+"}]\n"
		out = append(out, onService, onRoute)
	}
	return out
}

// scripted is a service whose upstream does as a request tells it.
const scripted = "service: <name>\nhosts: [<host>]\nupstream: http://<script>\n"

// policies are rows whose YAML is the policy alone.
func policies() []row {
	reasons := []string{
		"5xx", "cancelled", "connect-failure", "deadline-exceeded", "envoy-ratelimited", "gateway-error", "http3-post-connect-failure",
		"internal", "refused-stream", "reset", "reset-before-request", "resource-exhausted", "retriable-4xx", "retriable-status-codes", "unavailable",
	}
	return append([]row{
		{
			key: "timeout", yaml: "timeout: 100ms",
			check: see(status, map[string]string{"GET / x-script:slow": "504"}),
		},
		{
			key: "idleTimeout", yaml: "idleTimeout: 100ms",
			check: see(status, map[string]string{"GET / x-script:slow": "504"}),
		},
		{
			key: "retry", yaml: "retry: {attempts: 2, on: [5xx]}",
			check: see(tries, map[string]string{"GET / x-script:503,500,200": "200 try 3", "GET / x-script:404,200": "404 try 1"}),
		},
		{
			key: "retry.attempts", yaml: "retry: {attempts: 2, on: [5xx]}",
			check: see(tries, map[string]string{"GET / x-script:503,503,200": "200 try 3", "GET / x-script:503": "503 try 3"}),
		},
		{
			key: "retry.on", yaml: "retry: {on: [retriable-4xx]}",
			check: see(tries, map[string]string{"GET / x-script:409,200": "200 try 2", "GET / x-script:503,200": "503 try 1"}),
		},
		{
			key: "retry.on", form: "every reason", yaml: "retry: {on: [" + strings.Join(reasons, ", ") + "], statuses: [418]}",
			check: route("route.retry_policy.retry_on", strings.Join(reasons, ",")),
		},
		{
			key: "retry.perTryTimeout", yaml: "retry: {on: [gateway-error], perTryTimeout: 100ms}",
			check: see(tries, map[string]string{"GET / x-script:slow,200": "200 try 2"}),
		},
		{
			key: "retry.backoff", yaml: "retry: {on: [5xx], backoff: {base: 7ms, max: 9ms}}",
			check: every(
				route("route.retry_policy.retry_back_off.base_interval", "0.007s"),
				route("route.retry_policy.retry_back_off.max_interval", "0.009s"),
				see(tries, map[string]string{"GET / x-script:503,200": "200 try 2"}),
			),
		},
		{
			key: "retry.backoff.base", yaml: "retry: {on: [5xx], backoff: {base: 7ms}}", instead: "8ms",
			check: route("route.retry_policy.retry_back_off.base_interval", "0.007s"),
		},
		{
			key: "retry.backoff.max", yaml: "retry: {on: [5xx], backoff: {base: 7ms, max: 9ms}}",
			check: route("route.retry_policy.retry_back_off.max_interval", "0.009s"),
		},
		{
			key: "retry.statuses", yaml: "retry: {statuses: [418, 500]}",
			check: see(tries, map[string]string{"GET / x-script:418,200": "200 try 2", "GET / x-script:503,200": "503 try 1"}),
		},
		{
			key: "websocket", yaml: "websocket: false",
			check: upgrade(403),
		},
		{
			key: "websocket", form: "true", yaml: "websocket: true", instead: "false",
			check: upgrade(101),
		},
	}, headerPolicies()...)
}

func headerPolicies() []row {
	return []row{
		{
			key: "requestHeaders", yaml: "requestHeaders: {set: {x-team: shop}, remove: [x-debug]}",
			check: every(
				see(header("Seen-X-Team"), map[string]string{"GET /": "shop"}),
				see(header("Seen-X-Debug"), map[string]string{"GET / x-debug:1": ""}),
			),
		},
		{
			key: "requestHeaders.set", yaml: "requestHeaders: {set: {x-team: 'shop %REQ(x-who)%'}}",
			check: see(header("Seen-X-Team"), map[string]string{"GET / x-team:client x-who:me": "shop me"}),
		},
		{
			key: "requestHeaders.add", yaml: "requestHeaders: {add: {x-team: shop}}",
			check: see(header("Seen-X-Team"), map[string]string{"GET / x-team:client": "client shop"}),
		},
		{
			key: "requestHeaders.remove", yaml: "requestHeaders: {remove: [X-Debug]}",
			check: see(header("Seen-X-Debug"), map[string]string{"GET / x-debug:1": ""}),
		},
		{
			key: "responseHeaders", yaml: "responseHeaders: {set: {x-team: shop}, remove: [x-had]}",
			check: every(
				see(header("X-Team"), map[string]string{"GET /": "shop"}),
				see(header("X-Had"), map[string]string{"GET /": ""}),
			),
		},
		{
			key: "responseHeaders.set", yaml: "responseHeaders: {set: {x-had: shop}}",
			check: see(header("X-Had"), map[string]string{"GET /": "shop"}),
		},
		{
			key: "responseHeaders.add", yaml: "responseHeaders: {add: {x-had: shop}}",
			check: see(header("X-Had"), map[string]string{"GET /": "upstream shop"}),
		},
		{
			key: "responseHeaders.remove", yaml: "responseHeaders: {remove: [x-had]}",
			check: see(header("X-Had"), map[string]string{"GET /": ""}),
		},
	}
}
