package keys_test

// only is a service with one route that answers 201.
func only(match string) string {
	return "service: <name>\nhosts: [<host>]\nroutes: [{" + match + ", respond: {status: 201}}]\n"
}

func matchRows() []row {
	return []row{
		{
			key: "service.routes.prefix", yaml: only("prefix: /in"),
			check: see(status, map[string]string{"GET /in": "201", "GET /in/x": "201", "GET /inn": "404", "GET /": "404"}),
		},
		{
			key: "service.routes.path", yaml: only("path: /in"),
			check: see(status, map[string]string{"GET /in": "201", "GET /in?a=1": "201", "GET /in/x": "404"}),
		},
		{
			key: "service.routes.regex", yaml: only(`regex: "/users/[0-9]+"`),
			check: see(status, map[string]string{"GET /users/7": "201", "GET /users/x": "404", "GET /users/7/x": "404"}),
		},
		{
			key: "service.routes.methods", yaml: only("methods: [PUT, DELETE]"),
			check: see(status, map[string]string{"PUT /": "201", "DELETE /": "201", "GET /": "404"}),
		},
		{
			key: "service.routes.headers", yaml: only("headers: {x-color: blue}"),
			check: see(status, map[string]string{"GET / x-color:blue": "201", "GET / x-color:red": "404", "GET /": "404"}),
		},
		{
			key: "service.routes.query", yaml: only("query: {color: blue}"),
			check: see(status, map[string]string{"GET /?color=blue": "201", "GET /?color=red": "404", "GET /": "404"}),
		},
	}
}

// valueRows compare a header and a query parameter in the same ways.
func valueRows() []row {
	tests := []struct {
		key   string
		match string
		takes []string
		not   []string
	}{
		{"exact", "exact: blue", []string{"blue"}, []string{"blues"}},
		{"prefix", "prefix: bl", []string{"blue"}, []string{"abl"}},
		{"suffix", "suffix: ue", []string{"blue"}, []string{"blues"}},
		{"contains", "contains: lu", []string{"blue"}, []string{"red"}},
		{"regex", "regex: 'b.+'", []string{"blue"}, []string{"a-blue", "b"}},
		{"present", "present: true", []string{"blue", "red"}, nil},
		{"not", "exact: blue, not: true", []string{"red"}, []string{"blue"}},
		{"ignoreCase", "exact: blue, ignoreCase: true", []string{"Blue", "BLUE"}, []string{"red"}},
	}
	var out []row
	for _, tt := range tests {
		headers, query := map[string]string{}, map[string]string{}
		if tt.key != "not" { // what is not there is not blue
			headers["GET /"], query["GET /"] = "404", "404"
		}
		for _, v := range tt.takes {
			headers["GET / x-color:"+v], query["GET /?color="+v] = "201", "201"
		}
		for _, v := range tt.not {
			headers["GET / x-color:"+v], query["GET /?color="+v] = "404", "404"
		}
		out = append(out,
			row{key: "service.routes.headers." + tt.key, yaml: only("headers: {x-color: {" + tt.match + "}}"), check: see(status, headers)},
			row{key: "service.routes.query." + tt.key, yaml: only("query: {color: {" + tt.match + "}}"), check: see(status, query)},
		)
	}
	return out
}
