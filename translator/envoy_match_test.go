package translator_test

import (
	"net/http"
	"strings"
	"testing"

	"dragoman/internal/envoytest"
	"dragoman/model"
	"dragoman/translator"
)

// A probe is a request and whether a match takes it. The rest is METHOD path
// with header lines after it, such as "GET /x?a=1 x-color:blue".
type probe map[string]bool

func TestEnvoyMatches(t *testing.T) { inEachMode(t, envoyMatches) }

func envoyMatches(t *testing.T, run runner) {
	t.Helper()
	root := model.PathMatch{Kind: model.PathPrefix, Value: "/"}
	header := func(v model.ValueMatch) model.Match {
		v.Name = "x-color"
		return model.Match{Path: root, Headers: []model.ValueMatch{v}}
	}
	query := func(v model.ValueMatch) model.Match {
		v.Name = "q"
		return model.Match{Path: root, Query: []model.ValueMatch{v}}
	}
	long := strings.Repeat("a", 500)
	tests := map[string]struct {
		match model.Match
		probe probe
	}{
		"prefix": {prefix("/cart"), probe{
			"GET /cart": true, "GET /cart/": true, "GET /cart/x": true, "GET /cart?a=/": true, "GET /cartoon": false, "GET /Cart": false, "GET /": false,
		}},
		"prefix with a slash": {prefix("/cart/"), probe{"GET /cart/": true, "GET /cart/x": true, "GET /cart": false}},
		"prefix /":            {prefix("/"), probe{"GET /": true, "GET /x/y?z": true}},
		"exact":               {exact("/cart"), probe{"GET /cart": true, "GET /cart?a=1": true, "GET /cart/": false, "GET /cart/x": false}},
		"regex": {model.Match{Path: model.PathMatch{Kind: model.PathRegex, Value: "/u/[0-9]+"}}, probe{
			"GET /u/1": true, "GET /u/12?a=b": true, "GET /u/": false, "GET /u/1/x": false, "GET /x/u/1": false,
		}},
		"one method": {model.Match{Path: root, Methods: []string{"PUT"}}, probe{"PUT /": true, "GET /": false, "PATCH /": false}},
		"methods": {model.Match{Path: root, Methods: []string{"GET", "POST"}}, probe{
			"GET /": true, "POST /": true, "PUT /": false, "HEAD /": false,
		}},

		"header exact": {header(model.ValueMatch{Kind: model.ValueExact, Value: "blue"}), probe{
			"GET / x-color:blue": true, "GET / X-Color:blue": true, "GET / x-color:Blue": false, "GET / x-color:blues": false, "GET /": false,
		}},
		"header exact, any case": {header(model.ValueMatch{Kind: model.ValueExact, Value: "blue", IgnoreCase: true}), probe{
			"GET / x-color:Blue": true, "GET / x-color:red": false,
		}},
		"header prefix": {header(model.ValueMatch{Kind: model.ValuePrefix, Value: "bl"}), probe{
			"GET / x-color:blue": true, "GET / x-color:ublue": false,
		}},
		"header suffix": {header(model.ValueMatch{Kind: model.ValueSuffix, Value: "ue"}), probe{
			"GET / x-color:blue": true, "GET / x-color:blues": false,
		}},
		"header contains": {header(model.ValueMatch{Kind: model.ValueContains, Value: "LU", IgnoreCase: true}), probe{
			"GET / x-color:blue": true, "GET / x-color:red": false,
		}},
		"header regex": {header(model.ValueMatch{Kind: model.ValueRegex, Value: "b.*|r"}), probe{
			"GET / x-color:blue": true, "GET / x-color:r": true, "GET / x-color:red": false, "GET / x-color:BLUE": false,
		}},
		"header regex, any case": {header(model.ValueMatch{Kind: model.ValueRegex, Value: "b.*|r", IgnoreCase: true}), probe{
			"GET / x-color:BLUE": true, "GET / x-color:R": true, "GET / x-color:red": false,
		}},
		"header present": {header(model.ValueMatch{Kind: model.ValuePresent}), probe{
			"GET / x-color:blue": true, "GET / x-color:": true, "GET /": false,
		}},
		"header absent": {header(model.ValueMatch{Kind: model.ValuePresent, Not: true}), probe{
			"GET / x-color:blue": false, "GET / x-color:": false, "GET /": true,
		}},
		"header not exact": {header(model.ValueMatch{Kind: model.ValueExact, Value: "blue", Not: true}), probe{
			"GET / x-color:blue": false, "GET / x-color:red": true, "GET / x-color:": true, "GET /": true,
		}},
		"header not prefix": {header(model.ValueMatch{Kind: model.ValuePrefix, Value: "bl", Not: true}), probe{
			"GET / x-color:blue": false, "GET / x-color:red": true, "GET /": true,
		}},
		"header not regex": {header(model.ValueMatch{Kind: model.ValueRegex, Value: "b.+", Not: true}), probe{
			"GET / x-color:blue": false, "GET / x-color:red": true, "GET /": true,
		}},
		"header not empty": {header(model.ValueMatch{Kind: model.ValueExact, Not: true}), probe{
			"GET / x-color:blue": true, "GET / x-color:": false, "GET /": false, // a missing header counts as empty
		}},

		"query exact": {query(model.ValueMatch{Kind: model.ValueExact, Value: "a b"}), probe{
			"GET /?q=a%20b": false, "GET /?q=a": false, "GET /": false, // Envoy compares what was sent
		}},
		"query exact, first of two": {query(model.ValueMatch{Kind: model.ValueExact, Value: "a"}), probe{
			"GET /?q=a": true, "GET /?x=1&q=a&y=2": true, "GET /?q=a&q=b": true, "GET /?q=b&q=a": false,
			"GET /?Q=a": false, "GET /?q": false, "GET /?xq=a": false,
		}},
		"query exact, any case": {query(model.ValueMatch{Kind: model.ValueExact, Value: "a", IgnoreCase: true}), probe{
			"GET /?q=A": true, "GET /?q=b": false,
		}},
		"query exact, empty": {query(model.ValueMatch{Kind: model.ValueExact}), probe{
			"GET /?q=": true, "GET /?q": true, "GET /?q=b": false, "GET /": false,
		}},
		"query prefix":   {query(model.ValueMatch{Kind: model.ValuePrefix, Value: "a"}), probe{"GET /?q=ab": true, "GET /?q=ba": false}},
		"query suffix":   {query(model.ValueMatch{Kind: model.ValueSuffix, Value: "a"}), probe{"GET /?q=ba": true, "GET /?q=ab": false}},
		"query contains": {query(model.ValueMatch{Kind: model.ValueContains, Value: "a"}), probe{"GET /?q=bab": true, "GET /?q=b": false}},
		"query regex":    {query(model.ValueMatch{Kind: model.ValueRegex, Value: "[0-9]+"}), probe{"GET /?q=12": true, "GET /?q=1a": false}},
		"query present": {query(model.ValueMatch{Kind: model.ValuePresent}), probe{
			"GET /?q": true, "GET /?q=1": true, "GET /?x=q": false, "GET /": false,
		}},
		"query absent": {query(model.ValueMatch{Kind: model.ValuePresent, Not: true}), probe{
			"GET /?q": false, "GET /?q=1": false, "GET /?x=1&q": false, "GET /?q&x": false, "GET /?qq=1&xq": true, "GET /?x=q": true,
			"GET /q": true, "GET /": true,
		}},
		"query not exact": {query(model.ValueMatch{Kind: model.ValueExact, Value: "a.", Not: true}), probe{
			"GET /?q=a.": false, "GET /?x=1&q=a.&y": false, "GET /?q=b&q=a.": false, "GET /?q=ab": true, "GET /?q=a.b": true,
			"GET /?q=A.": true, "GET /?q": true, "GET /?xq=a.": true, "GET /?x=?q=a.": true, "GET /": true,
		}},
		"query not exact, any case": {query(model.ValueMatch{Kind: model.ValueExact, Value: "a", Not: true, IgnoreCase: true}), probe{
			"GET /?q=A": false, "GET /?Q=a": true, "GET /?q=b": true,
		}},
		"query not empty": {query(model.ValueMatch{Kind: model.ValueExact, Not: true}), probe{
			"GET /?q=": false, "GET /?q": false, "GET /?q&x": false, "GET /?q=b": true, "GET /?qq": true, "GET /": true,
		}},
		"query not prefix": {query(model.ValueMatch{Kind: model.ValuePrefix, Value: "a", Not: true}), probe{
			"GET /?q=ab&x=1": false, "GET /?q=ba": true, "GET /?q=b&x=a": true, "GET /": true,
		}},
		"query not suffix": {query(model.ValueMatch{Kind: model.ValueSuffix, Value: "a", Not: true}), probe{
			"GET /?q=ba&x=1": false, "GET /?q=ab": true, "GET /?q=b&x=a": true, "GET /": true,
		}},
		"query not contains": {query(model.ValueMatch{Kind: model.ValueContains, Value: "a", Not: true}), probe{
			"GET /?q=bab": false, "GET /?q=b&x=a": true, "GET /": true,
		}},
		"query not what no value can be": {query(model.ValueMatch{Kind: model.ValueContains, Value: "a&b", Not: true}), probe{
			"GET /?q=a&b": true, "GET /": true,
		}},
		"query not long": {query(model.ValueMatch{Kind: model.ValueExact, Value: long, Not: true}), probe{
			"GET /?q=" + long: false, "GET /?q=a": true,
		}},
		"all must hold": {
			model.Match{
				Path: root, Methods: []string{"GET"},
				Headers: []model.ValueMatch{
					{Name: "a", Kind: model.ValueExact, Value: "1"},
					{Name: "b", Kind: model.ValueExact, Value: "2", Not: true},
				},
				Query: []model.ValueMatch{
					{Name: "c", Kind: model.ValuePresent}, {Name: "d", Kind: model.ValuePresent, Not: true},
				},
			},
			probe{
				"GET /?c a:1": true, "POST /?c a:1": false, "GET /?c a:2": false, "GET /?c a:1 b:2": false,
				"GET / a:1": false, "GET /?c&d a:1": false,
			},
		},
	}
	cfg, hosts := config(), make(map[string]string)
	for name, tt := range tests {
		i := len(hosts)
		hosts[name] = host(i)
		s := hosted(i, model.Route{Match: tt.match, Action: &model.Respond{Status: 200}})
		cfg.Services = cfg.Services.Put(s)
	}
	p := run(t, cfg, translator.Options{})
	for name, tt := range tests {
		for request, want := range tt.probe {
			if got := p.ask200(t, hosts[name], request); got != want {
				t.Errorf("%s: %s matches: %t, want %t", name, request, got, want)
			}
		}
	}
}

// ask200 sends a probe's request and tells whether it was taken.
func (p proxy) ask200(t *testing.T, host, request string) bool {
	t.Helper()
	parts := strings.Split(request, " ")
	header := make(http.Header)
	for _, line := range parts[2:] {
		name, value, _ := strings.Cut(line, ":")
		header[name] = []string{value}
	}
	reply := p.ask(t, parts[1], envoytest.Request{Method: parts[0], Host: host, Header: header})
	switch reply.Status {
	case http.StatusOK:
		return true
	case http.StatusNotFound:
		return false
	}
	t.Fatalf("%s gives %d %s", request, reply.Status, reply.Body)
	return false
}

func TestEnvoyChoosesRoutes(t *testing.T) { inEachMode(t, envoyChoosesRoutes) }

func envoyChoosesRoutes(t *testing.T, run runner) {
	t.Helper()
	respond := func(body string) model.Action { return &model.Respond{Status: 200, Body: body} }
	beta := prefix("/cart")
	beta.Headers = []model.ValueMatch{{Name: "x-beta", Kind: model.ValuePresent}}
	cfg := config(
		service("cart", nil,
			model.Route{Match: prefix("/cart"), Action: respond("cart")},
			model.Route{Match: beta, Action: respond("beta")},
			model.Route{Match: prefix("/cart/items"), Action: respond("items")},
		),
		service("front", nil,
			model.Route{Match: prefix("/"), Action: respond("front")},
			model.Route{Match: prefix("/cart/items/urgent"), Action: respond("urgent"), Priority: 0},
			model.Route{Match: model.Match{Path: model.PathMatch{Kind: model.PathRegex, Value: "/.*x"}}, Action: respond("never")},
			model.Route{Match: exact("/health"), Action: respond("low"), Priority: -1},
		),
		service("wild", nil, model.Route{Match: prefix("/"), Action: respond("wild")}),
		service("shop", nil, model.Route{Match: prefix("/"), Action: respond("shop")}),
	)
	cfg.Services.Get("wild").Hosts = []string{"*.test"}
	cfg.Services.Get("shop").Hosts = []string{"shop.test"}
	p := run(t, cfg, translator.Options{})
	for _, tt := range []struct{ host, request, want string }{
		{"any", "/cart/x", "cart"},
		{"any", "/cart/items/1", "items"},
		{"any", "/cart/items/urgent", "urgent"},
		{"any", "/other", "front"},
		{"any", "/cart", "beta"},
		{"any", "/box", "front"}, // a prefix comes before any expression
		{"any", "/health", "front"},
		{"shop.test", "/cart", "shop"},
		{"shop.test:10000", "/", "shop"},
		{"SHOP.test", "/", "shop"},
		{"a.shop.test", "/", "wild"},
	} {
		header := http.Header{}
		if tt.want == "beta" {
			header.Set("X-Beta", "1")
		}
		if got := p.ask(t, tt.request, envoytest.Request{Host: tt.host, Header: header}); got.Body != tt.want {
			t.Errorf("%s%s is answered by %q, want %q", tt.host, tt.request, got.Body, tt.want)
		}
	}
}
