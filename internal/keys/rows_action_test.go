package keys_test

// does is a service with one route that answers by itself, or changes what it
// sends on.
func does(route string) string { return echo + "routes: [{" + route + "}]\n" }

func actionRows() []row {
	out := []row{
		{
			key: "service.routes.redirect", form: "https", yaml: does("redirect: https"),
			check: every(
				see(location, map[string]string{"GET /x?a=1": "https://<host>/x?a=1"}),
				see(status, map[string]string{"GET /": "301"}),
			),
		},
		{
			key: "service.routes.redirect", yaml: does("redirect: {host: other.test, path: /new}"),
			check: see(location, map[string]string{"GET /x": "http://other.test/new"}),
		},
		{
			key: "service.routes.redirect.scheme", yaml: does("redirect: {scheme: https, host: other.test}"),
			check: see(location, map[string]string{"GET /x": "https://other.test/x"}),
		},
		{
			key: "service.routes.redirect.scheme", form: "http", yaml: does("redirect: {scheme: http, host: other.test}"), instead: "https",
			check: see(location, map[string]string{"GET /x": "http://other.test/x"}),
		},
		{
			key: "service.routes.redirect.host", yaml: does("redirect: {scheme: https, host: other.test}"),
			check: see(location, map[string]string{"GET /x": "https://other.test/x"}),
		},
		{
			key: "service.routes.redirect.port", yaml: does("redirect: {scheme: https, port: 8443}"),
			check: see(location, map[string]string{"GET /x": "https://<host>:8443/x"}),
		},
		{
			key: "service.routes.redirect.path", yaml: does("redirect: {scheme: https, path: /new}"),
			check: see(location, map[string]string{"GET /x/y?a=1": "https://<host>/new?a=1"}),
		},
		{
			key: "service.routes.redirect.prefix", yaml: does("prefix: /old, redirect: {scheme: https, prefix: /new}"),
			check: see(location, map[string]string{"GET /old/x": "https://<host>/new/x"}),
		},
		{
			key: "service.routes.redirect.stripQuery", yaml: does("redirect: {scheme: https, stripQuery: true}"),
			check: see(location, map[string]string{"GET /x?a=1": "https://<host>/x"}),
		},
		{
			key: "service.routes.respond", yaml: does("respond: {status: 410, body: gone}"),
			check: every(see(status, map[string]string{"GET /": "410"}), see(content, map[string]string{"GET /": "text/plain gone"})),
		},
		{
			key: "service.routes.respond.status", yaml: does("respond: {status: 410}"), instead: "200",
			check: see(status, map[string]string{"GET /": "410"}),
		},
		{
			key: "service.routes.respond.body", yaml: does("respond: {status: 200, body: 'here, 100%'}"),
			check: see(content, map[string]string{"GET /": "text/plain here, 100%"}),
		},
		{
			key: "service.routes.respond.contentType", yaml: does("respond: {status: 200, body: '{}', contentType: application/json}"),
			check: see(content, map[string]string{"GET /": "application/json {}"}),
		},
	}
	for code, instead := range map[string]string{"301": "302", "302": "301", "303": "301", "307": "301", "308": "301"} {
		out = append(out, row{
			key: "service.routes.redirect.code", form: code, yaml: does("redirect: {scheme: https, code: " + code + "}"), instead: instead,
			check: see(status, map[string]string{"GET /": code}),
		})
	}
	return out
}

func rewriteRows() []row {
	users := `regex: {pattern: "^/users/([0-9]+)$", with: "/u\\1"}`
	return []row{
		{
			key: "service.routes.rewrite", yaml: does("prefix: /old, rewrite: /new"),
			check: see(path, map[string]string{"GET /old/x?a=1": "/new/x?a=1"}),
		},
		{
			key: "service.routes.rewrite", form: "mapping", yaml: does("prefix: /old, rewrite: {prefix: /new, host: other.test}"),
			check: every(see(path, map[string]string{"GET /old/x": "/new/x"}), see(host, map[string]string{"GET /old": "other.test"})),
		},
		{
			key: "service.routes.rewrite.prefix", yaml: does("prefix: /old, rewrite: {prefix: /new}"),
			check: see(path, map[string]string{"GET /old": "/new", "GET /old/x": "/new/x"}),
		},
		{
			key: "service.routes.rewrite.path", yaml: does("prefix: /old, rewrite: {path: /new}"),
			check: see(path, map[string]string{"GET /old/x?a=1": "/new?a=1"}),
		},
		{
			key: "service.routes.rewrite.regex", yaml: does("rewrite: {" + users + "}"),
			check: see(path, map[string]string{"GET /users/7": "/u7", "GET /users/x": "/users/x"}),
		},
		{
			key: "service.routes.rewrite.regex.pattern", yaml: does("rewrite: {" + users + "}"), instead: "'^/(other)$'",
			check: see(path, map[string]string{"GET /users/7": "/u7"}),
		},
		{
			key: "service.routes.rewrite.regex.with", yaml: does("rewrite: {" + users + "}"), instead: "/other",
			check: see(path, map[string]string{"GET /users/7": "/u7"}),
		},
		{
			key: "service.routes.rewrite.host", yaml: does("rewrite: {host: other.test}"),
			check: see(host, map[string]string{"GET /": "other.test"}),
		},
		{
			key: "service.routes.rewrite.host", form: "auto", yaml: to("http://<a-name>") + "routes: [{rewrite: {host: auto}}]\n",
			check: see(host, map[string]string{"GET /": "localhost"}),
		},
	}
}
