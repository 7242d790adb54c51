package keys_test

import "fmt"

// to is a service with an upstream.
func to(upstream string) string {
	return "service: <name>\nhosts: [<host>]\nupstream: " + upstream + "\n"
}

// named is a service with an upstream of one endpoint that is a name, with more keys.
func named(keys string) string {
	return to("{endpoints: ['http://<a-name>'], " + keys + "}")
}

func upstreamRows() []row {
	return []row{
		{
			key: "service.upstream", yaml: to("http://<b>"), instead: "http://<a>",
			check: every(see(server, map[string]string{"GET /": "b"}), see(protocol, map[string]string{"GET /": "HTTP/1.1"})),
		},
		{
			key: "service.upstream", form: "list", yaml: to("['http://<a>', 'http://<b>']"), instead: "['http://<a>']",
			check: shares(map[string]int{"a": 3, "b": 3}),
		},
		{
			key: "service.upstream", form: "https", yaml: to("https://<tls-name>"), instead: "http://<tls-name>",
			check: see(secured, map[string]string{"GET /": "tls localhost h2"}),
		},
		{ // a certificate of another name
			key: "service.upstream", form: "https misnamed", yaml: to("https://<misnamed-name>"), instead: "https://<tls-name>",
			check: every(see(status, map[string]string{"GET /": "503"}), counted("ssl.fail_verify_san")),
		},
		{ // a certificate of an authority that is not among the system's
			key: "service.upstream", form: "https strange", yaml: to("https://<strange-name>"), instead: "https://<tls-name>",
			check: every(see(status, map[string]string{"GET /": "503"}), counted("ssl.fail_verify_error")),
		},
		{
			key: "service.upstream", form: "https without a port", yaml: to("https://localhost"), instead: "https://localhost:80",
			check: cluster("load_assignment.endpoints.0.lb_endpoints.0.endpoint.address.socket_address.port_value", "443"),
		},
		{
			key: "service.upstream", form: "h2c", yaml: to("h2c://<a>"), instead: "http://<a>",
			check: see(protocol, map[string]string{"GET /": "HTTP/2.0"}),
		},
		{
			key: "service.upstream", form: "grpc", yaml: to("grpc://<a>"), instead: "http://<a>",
			check: healthy("a"),
		},
		{
			key: "service.upstream", form: "grpcs", yaml: to("grpcs://<tls-name>"), instead: "grpc://<tls-name>",
			check: healthy("tls"),
		},
		{
			key: "service.upstream.connectTimeout", yaml: named("connectTimeout: 700ms"),
			check: cluster("connect_timeout", "0.700s"),
		},
		{
			key: "service.upstream.discovery", form: "auto", yaml: named("discovery: auto"), instead: "strict-dns",
			check: cluster("type", "LOGICAL_DNS"),
		},
		{
			key: "service.upstream.discovery", form: "logical-dns", yaml: named("discovery: logical-dns"), instead: "strict-dns",
			check: cluster("type", "LOGICAL_DNS"),
		},
		{
			key: "service.upstream.discovery", form: "strict-dns", yaml: named("discovery: strict-dns"),
			check: cluster("type", "STRICT_DNS"),
		},
		{
			key: "service.upstream.discovery", form: "eds", instead: "strict-dns",
			yaml:  to("{endpoints: ['http://<b>'], discovery: eds}"),
			check: every(cluster("type", "EDS"), see(server, map[string]string{"GET /": "b"})),
		},
		{
			key: "service.upstream.discovery", form: "auto of addresses", instead: "strict-dns",
			yaml:  to("{endpoints: ['http://<b>'], discovery: auto}"),
			check: cluster("type", "EDS"),
		},
		{
			key: "service.upstream.dns", yaml: named("dns: {family: v6, refresh: 7s}"),
			check: every(cluster("dns_lookup_family", "V6_ONLY"), cluster("dns_refresh_rate", "7s")),
		},
		{
			key: "service.upstream.dns.refresh", yaml: named("dns: {refresh: 7s}"),
			check: cluster("dns_refresh_rate", "7s"),
		},
		{
			key: "service.upstream.dns.respectTtl", yaml: named("dns: {respectTtl: true}"),
			check: cluster("respect_dns_ttl", "true"),
		},
		family("v4", "v6", "V4_ONLY", "four"),
		family("v6", "v4", "V6_ONLY", "six"),
		family("auto", "v4", "", "six"), // Envoy leaves out what is zero
		family("all", "v4", "ALL", "four", "six"),
	}
}

// family resolves a name that has addresses of both families. A machine
// without IPv6 has only what Envoy says of it.
func family(name, instead, lookup string, servers ...string) row {
	want := map[string]int{}
	for _, s := range servers {
		want[s] = 6 / len(servers)
	}
	return row{
		key: "service.upstream.dns.family", form: name, instead: instead,
		yaml: to("{endpoints: ['http://<families-name>'], discovery: strict-dns, dns: {family: " + name + "}}"),
		check: func(p *probe) error {
			if err := cluster("dns_lookup_family", lookup)(p); err != nil || !p.up.six {
				return err
			}
			return shares(want)(p)
		},
	}
}

func endpointRows() []row {
	both := "endpoints: ['http://<a>', 'http://<b>']"
	out := []row{
		{
			key: "service.upstream.endpoints", yaml: to("{" + both + "}"), instead: "['http://<a>']",
			check: shares(map[string]int{"a": 3, "b": 3}),
		},
		{
			key: "service.upstream.endpoints.url", yaml: to("{endpoints: [{url: 'http://<b>'}]}"), instead: "http://<a>",
			check: see(server, map[string]string{"GET /": "b"}),
		},
		{
			key: "service.upstream.endpoints.weight", yaml: to("{endpoints: [{url: 'http://<a>', weight: 3}, 'http://<b>']}"),
			check: shares(map[string]int{"a": 6, "b": 2}),
		},
		{
			key: "service.upstream.loadBalancing", form: "round-robin", yaml: to("{" + both + ", loadBalancing: round-robin}"), instead: "random",
			check: inTurn(20),
		},
	}
	for word, policy := range map[string]string{
		"least-request": "LEAST_REQUEST", "random": "RANDOM", "ring-hash": "RING_HASH", "maglev": "MAGLEV",
	} {
		out = append(out, row{
			key: "service.upstream.loadBalancing", form: word, yaml: to("{" + both + ", loadBalancing: " + word + "}"),
			check: every(cluster("lb_policy", policy), see(status, map[string]string{"GET /": "200"})),
		})
	}
	return out
}

// inTurn asks two endpoints, neither of which may answer twice in a row.
func inTurn(times int) check {
	return func(p *probe) error {
		last := ""
		for i := range times {
			now := server(p.ask("GET /"))
			if now == last {
				return fmt.Errorf("request %d is answered by %s again", i+1, last)
			}
			last = now
		}
		return nil
	}
}

// counted wants one of the statistics of the row's cluster to have counted.
func counted(stat string) check {
	return func(p *probe) error {
		name := p.of("cluster.<name>.") + stat
		if p.envoy.Stats(p.t, name)[name] == 0 {
			return fmt.Errorf("%s is 0", name)
		}
		return nil
	}
}
