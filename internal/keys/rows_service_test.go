package keys_test

// echo begins a service whose upstream sends back what it has seen.
const echo = "service: <name>\nhosts: [<host>]\nupstream: http://<a>\n"

// a listener of the row's own.
const ownListener = "listener: <name>\naddress: 127.0.0.1\nport: <port>\n"

func serviceRows() []row {
	return []row{
		{
			key: "service.service", yaml: echo, instead: "other-name",
			check: cluster("name", "<name>"),
		},
		{
			key: "service.hosts",
			yaml: ownListener + "---\n" + `
service: <name>
hosts: [<host>, "*.<host>"]
listeners: [<name>]
routes: [{respond: {status: 201}}]
`,
			check: see(status, map[string]string{
				"@127.0.0.1:<port> GET /":                   "201",
				"@127.0.0.1:<port> GET / host:x.<host>":     "201",
				"@127.0.0.1:<port> GET / host:X.<host>:80":  "201",
				"@127.0.0.1:<port> GET / host:other.test":   "404",
				"@127.0.0.1:<port> GET / host:other<host>":  "404",
				"@127.0.0.1:<port> GET / host:<host>.other": "404",
			}),
		},
		{
			key: "service.hosts", form: "of every name", instead: "[other.test]",
			yaml: ownListener + "---\n" + `
service: <name>
hosts: ["*"]
listeners: [<name>]
routes: [{respond: {status: 201}}]
`,
			check: see(status, map[string]string{"@127.0.0.1:<port> GET /": "201"}),
		},
		{
			key:  "service.listeners",
			yaml: ownListener + "---\n" + echo + "listeners: [<name>]\n",
			check: see(status, map[string]string{
				"@127.0.0.1:<port> GET /": "200",
				"GET /":                   "404",
			}),
		},
		{
			key: "service.listeners", form: "several", instead: "[<name>]",
			yaml: ownListener + "---\nlistener: <name>-b\naddress: 127.0.0.1\nport: <port-b>\n---\n" + echo + "listeners: [<name>, <name>-b]\n",
			check: see(status, map[string]string{
				"@127.0.0.1:<port> GET /":   "200",
				"@127.0.0.1:<port-b> GET /": "200",
			}),
		},
		{
			key:   "service.routes",
			yaml:  echo + "routes: [{prefix: /in}, {path: /alone}]\n",
			check: see(status, map[string]string{"GET /in": "200", "GET /alone": "200", "GET /out": "404"}),
		},
		{
			key: "service.proxyless", yaml: "service: <name>\nupstream: grpc://<a>\nproxyless: true\n",
			check: withoutProxy("a"),
		},
		{
			key: "service.routes.to",
			yaml: echo + "routes: [{to: <name>-b}]\n" +
				"---\nservice: <name>-b\nupstream: http://<b>\n",
			check: see(server, map[string]string{"GET /": "b"}),
		},
		{
			key: "service.routes.to", form: "weights", instead: "{<name>: 1, <name>-b: 0}",
			yaml: echo + "routes: [{to: {<name>: 0, <name>-b: 100}}]\n" +
				"---\nservice: <name>-b\nupstream: http://<b>\n",
			check: every(
				see(server, map[string]string{"GET /": "b"}),
				route("route.weighted_clusters.clusters.1.weight", "100"),
			),
		},
		{
			key:   "service.routes.priority",
			yaml:  echo + "routes: [{path: /x, respond: {status: 201}}, {prefix: /, priority: 1, respond: {status: 202}}]\n",
			check: see(status, map[string]string{"GET /x": "202"}),
		},
		{
			key:   "service.routes.name",
			yaml:  echo + "routes: [{name: checkout, responseHeaders: {set: {x-route: '%ROUTE_NAME%'}}}]\n",
			check: see(header("X-Route"), map[string]string{"GET /": "checkout"}),
		},
	}
}
