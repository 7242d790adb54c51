package translator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dragoman/internal/envoytest"
	"dragoman/model"
	"dragoman/translator"
)

// hosted gives the i-th case of a table a host of its own, so that all cases
// run on one Envoy.
func hosted(i int, routes ...model.Route) *model.Service {
	out := service(fmt.Sprintf("case%d", i), nil, routes...)
	out.Hosts = []string{host(i)}
	return out
}

func host(i int) string { return fmt.Sprintf("case%d.test", i) }

func TestEnvoyRewrites(t *testing.T) { inEachMode(t, envoyRewrites) }

func envoyRewrites(t *testing.T, run runner) {
	t.Helper()
	regex := model.Match{Path: model.PathMatch{Kind: model.PathRegex, Value: "/users/[0-9]+(/.*)?"}}
	long := "/" + strings.Repeat("long/", 60) + "end"
	prefixTo := func(with string) model.PathRewrite {
		return model.PathRewrite{Kind: model.RewritePrefix, With: with}
	}
	pathTo := func(with string) model.PathRewrite { return model.PathRewrite{Kind: model.RewritePath, With: with} }
	tests := []struct {
		match   model.Match
		rewrite model.PathRewrite
		want    map[string]string // from what is asked to what arrives
	}{
		{prefix("/cart"), model.PathRewrite{}, map[string]string{"/cart": "/cart", "/cart/x?a=1": "/cart/x?a=1"}},
		{prefix("/cart"), prefixTo("/"), map[string]string{
			"/cart": "/", "/cart?a=1": "/?a=1", "/cart/": "/", "/cart/x": "/x", "/cart/x/?a=/cart": "/x/?a=/cart", "/cart/cart": "/cart",
		}},
		{prefix("/cart"), prefixTo("/new"), map[string]string{
			"/cart": "/new", "/cart?a=1": "/new?a=1", "/cart/": "/new/", "/cart/x": "/new/x",
		}},
		{prefix("/cart"), prefixTo("/new/"), map[string]string{
			"/cart": "/new/", "/cart/": "/new/", "/cart/x?a=1": "/new/x?a=1",
		}},
		{prefix("/a.b"), prefixTo(`/\1/`), map[string]string{"/a.b/x": `/\1/x`}},
		{prefix("/cart/"), prefixTo("/new"), map[string]string{"/cart/": "/new/", "/cart/x": "/new/x"}},
		{prefix("/cart/"), prefixTo("/new/"), map[string]string{"/cart/x?a=1": "/new/x?a=1"}},
		{prefix("/cart/"), prefixTo("/"), map[string]string{"/cart/": "/", "/cart/x": "/x"}},
		{prefix("/"), prefixTo("/new"), map[string]string{"/": "/new/", "/x": "/new/x", "/x?a=1": "/new/x?a=1"}},
		{prefix("/"), prefixTo("/"), map[string]string{"/": "/", "/x?a=1": "/x?a=1"}},
		{prefix(long), prefixTo("/"), map[string]string{long + "/x": "/x"}},
		{prefix("/cart"), pathTo("/one"), map[string]string{"/cart": "/one", "/cart/x/y?a=1": "/one?a=1"}},
		{exact("/cart"), pathTo(`/a\1%20%25`), map[string]string{"/cart?a=1": `/a\1%20%25?a=1`}},
		{regex, pathTo("/one"), map[string]string{"/users/7/x?a=1": "/one?a=1"}},
		{
			regex,
			model.PathRewrite{Kind: model.RewriteRegex, Pattern: "^/users/([0-9]+)(/.*)?$", With: `/u\2/\1`},
			map[string]string{"/users/7/x?a=1": "/u/x/7?a=1", "/users/7": "/u/7"},
		},
	}
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{})
	cfg := config(service("echo", upstream(t, up.Addr)))
	for i, tt := range tests {
		action := to("echo")
		action.PathRewrite = tt.rewrite
		s := hosted(i, model.Route{Match: tt.match, Action: action})
		cfg.Services = cfg.Services.Put(s)
	}
	p := run(t, cfg, translator.Options{})
	for i, tt := range tests {
		for path, want := range tt.want {
			got := p.askRaw(t, host(i), path)
			if got.Echo.Path != want {
				t.Errorf("%+v rewritten by %+v: %s arrives as %q (%d), want %q", tt.match.Path, tt.rewrite, path, got.Echo.Path, got.Status, want)
			}
		}
	}
}

func TestEnvoyRedirects(t *testing.T) { inEachMode(t, envoyRedirects) }

func envoyRedirects(t *testing.T, run runner) {
	t.Helper()
	tests := []struct {
		match    model.Match
		redirect model.Redirect
		path     string
		code     int
		want     string
	}{
		{prefix("/"), model.Redirect{Scheme: "https", Code: 301}, "/x?a=1", 301, "https://HOST/x?a=1"},
		{prefix("/"), model.Redirect{Scheme: "https", Host: "b.test", Port: 8443, Code: 308}, "/x", 308, "https://b.test:8443/x"},
		{prefix("/"), model.Redirect{Scheme: "ftp", Code: 302}, "/x", 302, "ftp://HOST/x"},
		{prefix("/"), model.Redirect{Host: "b.test", Code: 303, StripQuery: true}, "/x?a=1", 303, "http://b.test/x"},
		{prefix("/"), model.Redirect{Host: "b.test", Code: 307}, "/x?a=1", 307, "http://b.test/x?a=1"},
		{prefix("/old"), model.Redirect{PathKind: model.RewritePath, Path: "/one", Code: 302}, "/old/x?a=1", 302, "http://HOST/one?a=1"},
		{prefix("/old"), model.Redirect{PathKind: model.RewritePath, Path: `/\1%20`, Code: 302}, "/old", 302, `http://HOST/\1%20`},
		{prefix("/old"), model.Redirect{PathKind: model.RewritePrefix, Path: "/new", Code: 302}, "/old/x?a=1", 302, "http://HOST/new/x?a=1"},
		{prefix("/old"), model.Redirect{PathKind: model.RewritePrefix, Path: "/new", Code: 302}, "/old", 302, "http://HOST/new"},
		{prefix("/old"), model.Redirect{PathKind: model.RewritePrefix, Path: "/", Code: 302}, "/old/x?a=1", 302, "http://HOST/x?a=1"},
		{prefix("/old"), model.Redirect{PathKind: model.RewritePrefix, Path: "/", Code: 302}, "/old", 302, "http://HOST/"},
		{prefix("/"), model.Redirect{PathKind: model.RewritePrefix, Path: "/new", Code: 302}, "/x?a=1", 302, "http://HOST/new/x?a=1"},
		{prefix("/"), model.Redirect{PathKind: model.RewritePrefix, Path: "/new", Code: 302, StripQuery: true}, "/x?a=1", 302, "http://HOST/new/x"},
	}
	cfg := config()
	for i, tt := range tests {
		s := hosted(i, model.Route{Match: tt.match, Action: &tt.redirect})
		cfg.Services = cfg.Services.Put(s)
	}
	p := run(t, cfg, translator.Options{})
	for i, tt := range tests {
		got := p.ask(t, tt.path, envoytest.Request{Host: host(i)})
		want := strings.ReplaceAll(tt.want, "HOST", host(i))
		if location := got.Header.Get("Location"); got.Status != tt.code || location != want {
			t.Errorf("%+v %+v: %s gives %d %s, want %d %s", tt.match.Path, tt.redirect, tt.path, got.Status, location, tt.code, want)
		}
	}
}

func TestEnvoyResponds(t *testing.T) { inEachMode(t, envoyResponds) }

func envoyResponds(t *testing.T, run runner) {
	t.Helper()
	tests := []struct {
		respond model.Respond
		want    string // status, type, body
	}{
		{model.Respond{Status: 200, Body: "ok"}, "200 text/plain ok"},
		{model.Respond{Status: 418, Body: `{"a":"50%"}`, ContentType: "application/json"}, `418 application/json {"a":"50%"}`},
		{model.Respond{Status: 200, Body: "x", ContentType: "text/x; q=50%"}, "200 text/x; q=50% x"},
		{model.Respond{Status: 204}, "204  "},
		{model.Respond{Status: 503, Body: strings.Repeat("x", 64<<10)}, "503 text/plain " + strings.Repeat("x", 64<<10)},
	}
	cfg := config()
	for i, tt := range tests {
		s := hosted(i, model.Route{Match: prefix("/"), Action: &tt.respond})
		cfg.Services = cfg.Services.Put(s)
	}
	p := run(t, cfg, translator.Options{})
	for i, tt := range tests {
		r := p.ask(t, "/", envoytest.Request{Host: host(i)})
		got := fmt.Sprintf("%d %s %s", r.Status, r.Header.Get("Content-Type"), r.Body)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%d %s: (-want +got)\n%s", tt.respond.Status, tt.respond.ContentType, diff)
		}
	}
}

func TestEnvoyChangesHeaders(t *testing.T) { inEachMode(t, envoyChangesHeaders) }

func envoyChangesHeaders(t *testing.T, run runner) {
	t.Helper()
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			w.Header()["X-Set"] = []string{"upstream"}
			w.Header()["X-Add"] = []string{"upstream"}
			w.Header()["X-Gone"] = []string{"upstream"}
			for name, values := range r.Header {
				w.Header()["Seen-"+name] = values
			}
		},
	)})
	changes := &model.HeaderChanges{
		Set:    []model.Header{{Name: "x-set", Value: "100%% %REQ(X-Who)%"}, {Name: "x-void", Value: ""}},
		Add:    []model.Header{{Name: "x-add", Value: "ours"}, {Name: "x-unknown", Value: "%REQ(X-Nobody)%"}},
		Remove: []string{"x-gone"},
	}
	action := to("up")
	action.RequestHeaders = changes
	p := run(t, config(service("up", upstream(t, up.Addr), model.Route{
		Match: prefix("/"), Action: action, ResponseHeaders: changes,
	})), translator.Options{})
	sent := http.Header{"X-Who": {"me"}, "X-Set": {"client"}, "X-Add": {"client"}, "X-Gone": {"client"}}
	got := p.ask(t, "/", envoytest.Request{Header: sent}).Header
	for name, want := range map[string][]string{
		"X-Set": {"100% me"}, "X-Add": {"upstream", "ours"}, "X-Gone": nil, "X-Void": {""}, "X-Unknown": nil,
		"Seen-X-Set": {"100% me"}, "Seen-X-Add": {"client", "ours"}, "Seen-X-Gone": nil, "Seen-X-Void": {""}, "Seen-X-Unknown": nil,
	} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// Envoy refuses large expressions, and all routes with them. Which are large is
// guessed from Go's compiler: around the limit no guess may be too low.
func TestEnvoyTakesExpressions(t *testing.T) { inEachMode(t, envoyTakesExpressions) }

func envoyTakesExpressions(t *testing.T, run runner) {
	t.Helper()
	patterns := []string{
		"(a*)*", "(?:)", ".{0,30}", "[a-cx-z0-35-9_.~-]{8}", "(?i:[a-cx-z0-35-9_.~-]{9})", "(foo|foobar|foobaz){5}", "((((a))))+",
		`\p{L}+`, "[^a-c0-3]{20}", "(a{1,3}){1,9}", "a?b?c?d?e?f?", "é{30}", `\Qa.b\E`, `[\x00-\xff]`, "(|a|)*", `\bfoo\b`,
	}
	for n := 60; n <= 110; n++ {
		patterns = append(patterns, strings.Repeat("a", n), strings.Repeat("[ac]", n/2), strings.Repeat("a*", n/2), fmt.Sprintf("[a-z0-9-]{3,%d}", n/2))
	}
	all := service("all", nil)
	all.Hosts, all.Listeners = []string{"*"}, []string{"http"}
	for _, p := range patterns {
		all.Routes = append(all.Routes, model.Route{
			Match:  model.Match{Path: model.PathMatch{Kind: model.PathRegex, Value: "/" + p}},
			Action: &model.Respond{Status: 200, Body: "taken"},
		})
	}
	p := run(t, config(all), translator.Options{})
	if got := p.ask(t, "/"+strings.Repeat("a", 110), envoytest.Request{}); got.Body != "taken" {
		t.Errorf("an expression of 110 letters: %d %s", got.Status, got.Body)
	}
}
