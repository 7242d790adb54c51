package keys_test

import (
	"fmt"
	"strings"
)

// everywhere is a service that answers any host on the row's own listener.
const everywhere = "---\nservice: <name>\nlisteners: [<name>]\nhosts: [<host>]\nupstream: http://<a>\n"

func listenerRows() []row {
	main := "listener: main\naddress: 127.0.0.1\nport: <port-main>\n"
	spare := "listener: spare\naddress: 127.0.0.1\nport: <port-spare>\n"
	return []row{
		{ // the listener that all rows are asked at
			key:     "listener.default",
			yaml:    main + "default: true\n---\n" + spare + "---\n" + echo,
			ignored: main + "---\n" + spare + "default: true\n---\n" + echo,
			check:   see(status, map[string]string{"@127.0.0.1:<port-main> GET /": "200"}),
		},
		{
			key: "listener.listener", yaml: ownListener, instead: "other-name",
			check: listening(),
		},
		{
			key: "listener.address", yaml: ownListener,
			check: listening(),
		},
		{
			key: "listener.port", yaml: ownListener + everywhere, instead: "<port-other>",
			check: every(listening(), see(status, map[string]string{"@127.0.0.1:<port> GET /": "200"})),
		},
		{
			key: "listener.routeDiscovery", form: "srds", yaml: ownListener + "routeDiscovery: srds\n" + everywhere, instead: "rds",
			check: every(scoped(func(*site) bool { return true }), see(status, map[string]string{"@127.0.0.1:<port> GET /": "200"})),
		},
		{
			key: "listener.routeDiscovery", form: "rds", yaml: ownListener + "routeDiscovery: rds\n" + everywhere, instead: "srds",
			check: every(scoped(func(*site) bool { return false }), see(status, map[string]string{"@127.0.0.1:<port> GET /": "200"})),
		},
		{
			key: "listener.routeDiscovery", form: "auto", yaml: ownListener + "routeDiscovery: auto\n" + everywhere, instead: "srds",
			check: every(scoped(func(s *site) bool { return s.scopesAbove == 0 }), see(status, map[string]string{"@127.0.0.1:<port> GET /": "200"})),
		},
		{
			key: "listener.trustedHops", yaml: ownListener + "trustedHops: 2\n" + everywhere,
			check: func(p *probe) error {
				reply := p.ask("@127.0.0.1:<port> GET / x-forwarded-for:192.0.2.1,192.0.2.2,192.0.2.3")
				if got := reply.Echo.Header.Get("X-Envoy-External-Address"); got != "192.0.2.2" {
					return fmt.Errorf("the client is %q, want 192.0.2.2", got)
				}
				return nil
			},
		},
	}
}

// scoped looks for routes that are of the row's host alone.
func scoped(want func(*site) bool) check {
	return func(p *probe) error {
		dump := string(p.envoy.ConfigDump(p.t, "resource=dynamic_route_configs"))
		if got := strings.Contains(dump, p.of(`"<name>/<host>"`)); got != want(p.site) {
			return fmt.Errorf("routes of %s: %t, want %t", p.of("<name>/<host>"), got, want(p.site))
		}
		return nil
	}
}

func runtimeRows() []row {
	layer := "runtime: <name>\nvalues: {<name>: {deep: 7}}\n"
	return []row{
		{
			key: "runtime.runtime", yaml: layer, instead: "other-layer",
			check: runtimeValue("<name>.deep", "7"),
		},
		{
			key: "runtime.values", yaml: layer, instead: "{<name>: {deep: 8}}",
			check: runtimeValue("<name>.deep", "7"),
		},
	}
}
