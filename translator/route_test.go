package translator_test

import (
	"strings"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"dragoman/model"
)

// routeOf is the Envoy route of one route of a service named cart, which has
// an HTTP/1.1 upstream.
func routeOf(t *testing.T, r model.Route) *routev3.Route {
	t.Helper()
	cart := service("cart", &model.Upstream{
		Endpoints: []model.Endpoint{{Host: "10.0.0.1", Port: 80}}, ConnectTimeout: time.Second,
	}, r)
	other := service("other", &model.Upstream{
		Endpoints: []model.Endpoint{{Host: "10.0.0.1", Port: 443}}, ConnectTimeout: time.Second, TLS: true, Protocol: model.HTTPAuto,
	})
	return translate(t, config(cart, other)).Routes[0].GetVirtualHosts()[0].GetRoutes()[0]
}

// compare says how a message differs from its JSON.
func compare(t *testing.T, want string, got proto.Message) string {
	t.Helper()
	expected := got.ProtoReflect().New().Interface()
	if err := protojson.Unmarshal([]byte(want), expected); err != nil {
		t.Fatal(err)
	}
	return cmp.Diff(expected, got, protocmp.Transform())
}

func TestMatch(t *testing.T) {
	root := model.PathMatch{Kind: model.PathPrefix, Value: "/"}
	tests := []struct {
		name  string
		match model.Match
		want  string
	}{
		{"exact", exact("/a/"), `{"path": "/a/"}`},
		{"prefix", prefix("/a"), `{"pathSeparatedPrefix": "/a"}`},
		{"prefix with a slash", prefix("/a/"), `{"prefix": "/a/"}`},
		{"regex", model.Match{Path: model.PathMatch{Kind: model.PathRegex, Value: "/.*"}}, `{"safeRegex": {"regex": "/.*"}}`},
		{
			"method",
			model.Match{Path: root, Methods: []string{"GET"}},
			`{"prefix": "/", "headers": [{"name": ":method", "stringMatch": {"exact": "GET"}}]}`,
		},
		{
			"methods and a header",
			model.Match{
				Path: root, Methods: []string{"GET", "M-SEARCH"},
				Headers: []model.ValueMatch{{Name: "a", Kind: model.ValuePrefix, Value: "x", IgnoreCase: true, Not: true}},
			},
			`{"prefix": "/", "headers": [
				{"name": ":method", "stringMatch": {"safeRegex": {"regex": "GET|M-SEARCH"}}},
				{"name": "a", "stringMatch": {"prefix": "x", "ignoreCase": true}, "invertMatch": true, "treatMissingHeaderAsEmpty": true}
			]}`,
		},
		{
			"regex without case",
			model.Match{Path: root, Headers: []model.ValueMatch{
				{Name: "a", Kind: model.ValueRegex, Value: "x|y", IgnoreCase: true},
			}},
			`{"prefix": "/", "headers": [{"name": "a", "stringMatch": {"safeRegex": {"regex": "(?i:x|y)"}}}]}`,
		},
		{
			"query",
			model.Match{Path: root, Query: []model.ValueMatch{
				{Name: "a", Kind: model.ValuePresent},
				{Name: "b", Kind: model.ValueSuffix, Value: "x"},
				{Name: "c.", Kind: model.ValueExact, Value: "1+1", Not: true},
			}},
			`{"prefix": "/",
				"queryParameters": [{"name": "a", "presentMatch": true}, {"name": "b", "stringMatch": {"suffix": "x"}}],
				"headers": [{"name": ":path", "invertMatch": true, "stringMatch": {"safeRegex": {"regex": "[^?]*\\?(?:.*&)?c\\.=1\\+1(?:&.*)?"}}}]
			}`,
		},
	}
	for _, tt := range tests {
		got := routeOf(t, model.Route{Match: tt.match, Action: &model.Respond{Status: 200}})
		if diff := compare(t, tt.want, got.GetMatch()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, diff)
		}
	}
}

func TestPathRewrite(t *testing.T) {
	for _, tt := range []struct{ from, to, want string }{
		{"/", "/", "/"},
		{"/", "/new", "/new/"},
		{"/", "/new/", "/new/"},
		{"/cart", "/new", "/new"},
		{"/cart/", "/new", "/new/"},
		{"/cart/", "/", "/"},
		{"/cart", "/", "^/cart/* -> /"},
		{"/cart", "/new/", "^/cart/* -> /new/"},
		{"/a.b", `/\/`, `^/a\.b/* -> /\\/`},
	} {
		forward := to("cart")
		forward.PathRewrite = model.PathRewrite{Kind: model.RewritePrefix, With: tt.to}
		redirect := &model.Redirect{PathKind: model.RewritePrefix, Path: tt.to, Code: 301}
		f := routeOf(t, model.Route{Match: prefix(tt.from), Action: forward}).GetRoute()
		if got := change(f.GetPrefixRewrite(), f.GetRegexRewrite()); got != tt.want {
			t.Errorf("forward of %s to %s: %s, want %s", tt.from, tt.to, got, tt.want)
		}
		r := routeOf(t, model.Route{Match: prefix(tt.from), Action: redirect}).GetRedirect()
		if got := change(r.GetPrefixRewrite(), r.GetRegexRewrite()); got != tt.want {
			t.Errorf("redirect of %s to %s: %s, want %s", tt.from, tt.to, got, tt.want)
		}
	}
}

// change is a rewrite as text: PREFIX, or PATTERN -> SUBSTITUTION.
func change(prefix string, regex *matcherv3.RegexMatchAndSubstitute) string {
	if regex == nil {
		return prefix
	}
	return prefix + regex.GetPattern().GetRegex() + " -> " + regex.GetSubstitution()
}

func TestRoute(t *testing.T) {
	tests := []struct {
		name  string
		route model.Route
		want  string
	}{
		{"forward", model.Route{Match: prefix("/"), Action: to("cart")}, `{
			"name": "cart", "match": {"prefix": "/"},
			"metadata": {"filterMetadata": {"dragoman": {"service": "cart"}}},
			"route": {"cluster": "cart", "timeout": "15s", "upgradeConfigs": [{"upgradeType": "websocket", "enabled": false}]}
		}`},
		{"everything", model.Route{
			Name: "checkout", Match: prefix("/"), ResponseHeaders: &model.HeaderChanges{
				Set: []model.Header{{Name: "s", Value: "1"}}, Remove: []string{"r"},
			},
			Action: &model.Forward{
				To:             []model.Target{{Service: "cart", Weight: 1}, {Service: "other"}},
				PathRewrite:    model.PathRewrite{Kind: model.RewritePath, With: `/a\1`},
				HostRewrite:    model.HostRewrite{Name: "h.test"},
				IdleTimeout:    new(time.Duration),
				RequestHeaders: &model.HeaderChanges{Set: []model.Header{{Name: "s", Value: ""}}, Add: []model.Header{{Name: "a", Value: "%PROTOCOL%"}}},
				Retry: &model.Retry{
					Attempts: 0, On: []string{"5xx", "reset"}, Statuses: []uint32{409, 418},
					PerTryTimeout: time.Second, Backoff: &model.Backoff{Base: time.Second},
				},
			},
		}, `{
			"name": "checkout", "match": {"prefix": "/"},
			"metadata": {"filterMetadata": {"dragoman": {"service": "cart"}}},
			"responseHeadersToAdd": [{"header": {"key": "s", "value": "1"}, "appendAction": "OVERWRITE_IF_EXISTS_OR_ADD"}],
			"responseHeadersToRemove": ["r"],
			"requestHeadersToAdd": [
				{"header": {"key": "s"}, "appendAction": "OVERWRITE_IF_EXISTS_OR_ADD", "keepEmptyValue": true},
				{"header": {"key": "a", "value": "%PROTOCOL%"}, "appendAction": "APPEND_IF_EXISTS_OR_ADD"}
			],
			"route": {
				"weightedClusters": {"clusters": [{"name": "cart", "weight": 1}, {"name": "other", "weight": 0}]},
				"timeout": "0s", "idleTimeout": "0s", "hostRewriteLiteral": "h.test",
				"regexRewrite": {"pattern": {"regex": "^.*$"}, "substitution": "/a\\\\1"},
				"retryPolicy": {
					"retryOn": "5xx,reset,retriable-status-codes", "numRetries": 0, "retriableStatusCodes": [409, 418],
					"perTryTimeout": "1s", "retryBackOff": {"baseInterval": "1s"}
				},
				"upgradeConfigs": [{"upgradeType": "websocket", "enabled": false}]
			}
		}`},
		{"redirect", model.Route{Match: prefix("/"), Action: &model.Redirect{
			Scheme: "https", Host: "h.test", Port: 8443, PathKind: model.RewritePath, Path: "/p", Code: 303, StripQuery: true,
		}}, `{
			"name": "cart", "match": {"prefix": "/"}, "metadata": {"filterMetadata": {"dragoman": {"service": "cart"}}},
			"redirect": {"httpsRedirect": true, "hostRedirect": "h.test", "portRedirect": 8443, "pathRedirect": "/p", "responseCode": "SEE_OTHER", "stripQuery": true}
		}`},
		{"respond", model.Route{
			Match:           prefix("/"),
			Action:          &model.Respond{Status: 200, Body: "{}", ContentType: "a/50%"},
			ResponseHeaders: &model.HeaderChanges{Add: []model.Header{{Name: "a", Value: "1"}}},
		}, `{
			"name": "cart", "match": {"prefix": "/"}, "metadata": {"filterMetadata": {"dragoman": {"service": "cart"}}},
			"directResponse": {"status": 200, "body": {"inlineString": "{}"}},
			"responseHeadersToAdd": [
				{"header": {"key": "content-type", "value": "a/50%%"}, "appendAction": "OVERWRITE_IF_EXISTS_OR_ADD"},
				{"header": {"key": "a", "value": "1"}, "appendAction": "APPEND_IF_EXISTS_OR_ADD"}
			]
		}`},
	}
	for _, tt := range tests {
		if diff := compare(t, tt.want, routeOf(t, tt.route)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, diff)
		}
	}
}

// Only a WebSocket to an upstream that chooses its protocol by ALPN needs help.
func TestWebSocketsAskForHTTP1(t *testing.T) {
	cart, other := model.Target{Service: "cart"}, model.Target{Service: "other"}
	for _, tt := range []struct {
		name  string
		f     model.Forward
		route bool
		share string
	}{
		{"off", model.Forward{To: []model.Target{other}}, false, ""},
		{"to HTTP/1.1", model.Forward{To: []model.Target{cart}, WebSocket: true}, false, ""},
		{"to what ALPN chooses", model.Forward{To: []model.Target{other}, WebSocket: true}, true, ""},
		{"to both", model.Forward{To: []model.Target{cart, {Service: "other", Weight: 1}}, WebSocket: true}, false, "other"},
		{"to both, off", model.Forward{To: []model.Target{cart, {Service: "other", Weight: 1}}}, false, ""},
	} {
		got := routeOf(t, model.Route{Match: prefix("/"), Action: &tt.f})
		var shares []string
		for _, c := range got.GetRoute().GetWeightedClusters().GetClusters() {
			if len(c.GetTypedPerFilterConfig()) > 0 {
				shares = append(shares, c.GetName())
			}
		}
		if onRoute := len(got.GetTypedPerFilterConfig()) > 0; onRoute != tt.route || strings.Join(shares, " ") != tt.share {
			t.Errorf("%s: on the route %t, on shares %q; want %t, %q", tt.name, onRoute, shares, tt.route, tt.share)
		}
	}
}

func TestRegexSize(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		limit   uint32 // asked of Envoy
	}{
		{"/users/[^/]+/orders/[0-9]+(/.*)?", 0},
		{"/" + strings.Repeat("a", 60), 0},
		{"/" + strings.Repeat("a", 99), 10000},
		{"/[a-z0-9-]{3,30}", 10000},
	} {
		got := routeOf(t, model.Route{
			Match:  model.Match{Path: model.PathMatch{Kind: model.PathRegex, Value: tt.pattern}},
			Action: &model.Respond{Status: 200},
		}).GetMatch().GetSafeRegex()
		//nolint:staticcheck // deprecated, and yet needed: see regex.go
		if limit := got.GetGoogleRe2().GetMaxProgramSize().GetValue(); got.GetRegex() != tt.pattern || limit != tt.limit {
			t.Errorf("%s: asks for a limit of %d, want %d", tt.pattern, limit, tt.limit)
		}
	}
}
