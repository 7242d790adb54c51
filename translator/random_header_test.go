package translator_test

import "strings"

func (w *writer) headerChanges() any {
	o := object{}
	headers := func() any {
		h := object{}
		for range 1 + w.IntN(4) {
			h[w.headerName()] = w.format()
		}
		return h
	}
	w.maybe(2, o, "set", headers)
	w.maybe(2, o, "add", headers)
	w.maybe(2, o, "remove", func() any { return some(w, 4, func() any { return w.headerName() }) })
	if len(o) == 0 {
		o["set"] = headers()
	}
	return o
}

func (w *writer) headerName() string {
	return oneOf(w, "x-a", "X-B", "x_c", "x-d", "X-D", "0", "~", "a!#$%&'*+.^_`|~b", "content-type", "content-length", "Transfer-Encoding", "connection", "set-cookie",
		"x-envoy-retry-on", "x-forwarded-for", "upgrade", "te", "cookie", "authorization", strings.Repeat("n", 900))
}

// format is a value in Envoy's format, of texts and operators, which take what
// their parameters are, and sometimes what they are not.
func (w *writer) format() string {
	var b strings.Builder
	for range w.IntN(4) {
		if w.IntN(2) == 0 {
			b.WriteString(oneOf(w, "a", " ", "%%", "100%%", "%%%%", "ü", "日本", "\t", "\"", `\`, "{}", ",", "$1", "\x01", strings.Repeat("v", 4000)))
			continue
		}
		b.WriteString("%" + w.operator() + "%")
	}
	return b.String()
}

// operator is one of Envoy's, and seldom with what it does not take.
func (w *writer) operator() string {
	if w.IntN(100) > 0 {
		return oneOf(w, "DURATION", "PROTOCOL", "HOSTNAME", "UPSTREAM_HOST", "RESPONSE_FLAGS", "ROUTE_NAME", "TRACE_ID", "UNIQUE_ID", "LOCAL_REPLY_BODY", "STREAM_ID",
			"DOWNSTREAM_REMOTE_PORT", "DOWNSTREAM_PEER_SUBJECT", "UPSTREAM_TLS_VERSION", "GRPC_STATUS_NUMBER", "GRPC_STATUS", "GRPC_STATUS(SNAKE_STRING)", "GRPC_STATUS()",
			"REQ(x)", "REQ(X-A?:path):5", "REQ(a%b)", "RESP(:status)", "TRAILER(grpc-status):0", "REQUEST_HEADER(a):999999999", "RESPONSE_HEADER(a)", "RESPONSE_TRAILER(a)",
			"STREAM_INFO_REQ(a)", "QUERY_PARAM(ü)", "QUERY_PARAM( ):1", "ENVIRONMENT(A B)", "DYNAMIC_METADATA(a)", "DYNAMIC_METADATA(a:b:c%):5",
			"CLUSTER_METADATA(a:b)", "UPSTREAM_METADATA(a:b:c)", "METADATA(ROUTE:a:b):3", "METADATA(VIRTUAL_HOST)", "METADATA(LISTENER_FILTER_CHAIN:)",
			"FILTER_STATE(a)", "FILTER_STATE(a:PLAIN):5", "FILTER_STATE(a b:FIELD:c)", "UPSTREAM_FILTER_STATE(%:TYPED)",
			"COMMON_DURATION(US_RX_BEG:DS_TX_END:ms)", "COMMON_DURATION(a:b)", "COMMON_DURATION(a:b:ns)", "PATH", "PATH(NQ:ORIG)", "PATH(:)", "PATH(WQ):3",
			"QUERY_PARAMS(ORIG):5", "QUERY_PARAMS()", "REQUESTED_SERVER_NAME(HOST_FIRST:ORIG)", "REQUESTED_SERVER_NAME", "RESPONSE_CODE_DETAILS(x)",
			"START_TIME", "START_TIME(%Y-%m-%dT%H:%M:%E3S%z)", "START_TIME(%s.%3f)", "START_TIME(%%Y%5f%f%0f)", "START_TIME_LOCAL(%Q%J%Ez%-d%_H%10Y)", "EMIT_TIME(ü)", "EMIT_TIME_LOCAL()",
			"DOWNSTREAM_PEER_CERT_V_END(%b)", "UPSTREAM_PEER_CERT_V_START", "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(x)")
	}
	name := oneOf(w, "CLUSTER_METADATA", "COMMON_DURATION", "DYNAMIC_METADATA", "FILTER_STATE", "METADATA", "REQ", "TRAILER", "START_TIME", "EMIT_TIME", "PATH", "NONE", "UPSTREAM_HOST")
	parameter := oneOf(w, "", "()", "(x)", "(a?b?c)", "(a:b)", "(a:b:c)", "(ROUTE:a:b)", "(a b)", "(key:FOO)", "(%n)", "(%En)", "(%-n)", "(%%n)", "(%", "(ü)", "(a/b)", "((", "(:)")
	return name + parameter + oneOf(w, "", "", ":5", ":99999999999999999999999")
}
