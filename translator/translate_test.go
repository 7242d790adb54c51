package translator_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"dragoman/diag"
	"dragoman/model"
	"dragoman/translator"
)

// everything is a model with each kind of thing in it, in random order.
func everything(random *rand.Rand) *model.Config {
	shop := service("shop", &model.Upstream{
		Protocol: model.HTTPAuto, TLS: true, Discovery: model.StrictDNS, ConnectTimeout: time.Second,
		Endpoints: []model.Endpoint{
			{Host: "a.test", Port: 443, Weight: 2}, {Host: "b.test", Port: 443}, {Host: "a.test", Port: 444},
		},
	},
		model.Route{Match: prefix("/"), Action: &model.Forward{
			To: []model.Target{{Service: "cart", Weight: 1}, {Service: "shop", Weight: 2}}, WebSocket: true,
		}},
		model.Route{Match: exact("/a"), Action: &model.Respond{Status: 200, Body: "x", ContentType: "text/html"}},
		model.Route{Match: prefix("/b"), Action: &model.Redirect{Scheme: "https", Code: 301}},
	)
	shop.Hosts = []string{"*", "shop.test"}
	cart := service("cart", &model.Upstream{
		ConnectTimeout: time.Second,
		Endpoints:      []model.Endpoint{{Host: "10.0.0.2", Port: 80}, {Host: "10.0.0.1", Port: 80}},
	},
		model.Route{Match: prefix("/cart"), Action: to("cart")},
		model.Route{Match: prefix("/cart"), Action: to("cart"), Priority: 1},
	)
	for _, s := range []*model.Service{shop, cart} {
		shuffle(random, s.Routes)
		shuffle(random, s.Upstream.Endpoints)
	}
	cfg := config(shop, cart)
	cfg.Listeners["http"].AccessLog = &model.AccessLog{Format: model.LogJSON}
	cfg.Listeners["bare"] = &model.Listener{Name: "bare", Address: "::", Port: 80}
	cfg.Runtimes = map[string]*model.Runtime{"base": {Name: "base", Values: map[string]any{"a": "b", "c": map[string]any{"d": true, "e": 1.5}}}}
	return cfg
}

func shuffle[E any](random *rand.Rand, s []E) {
	random.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}

// encode is the exact bytes of all resources.
func encode(t *testing.T, r translator.Resources) []byte {
	t.Helper()
	var out bytes.Buffer
	add := func(m proto.Message) {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
		out.WriteByte('\n')
	}
	for _, m := range r.Clusters {
		add(m)
	}
	for _, m := range r.Endpoints {
		add(m)
	}
	for _, m := range r.Listeners {
		add(m)
	}
	for _, m := range r.Routes {
		add(m)
	}
	for _, m := range r.ScopedRoutes {
		add(m)
	}
	for _, m := range r.Runtimes {
		add(m)
	}
	return out.Bytes()
}

func translate(t *testing.T, cfg *model.Config) translator.Resources {
	t.Helper()
	out, problems := translator.Translate(cfg, translator.Options{})
	if len(problems) > 0 {
		t.Fatalf("Translate: %+v", problems)
	}
	return out
}

func TestOrderMeansNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	want := encode(t, translate(t, everything(random)))
	for range 50 {
		cfg := everything(random)
		first, second := encode(t, translate(t, cfg)), encode(t, translate(t, cfg))
		if !bytes.Equal(first, second) {
			t.Fatal("translating one model twice gives different bytes")
		}
		if !bytes.Equal(first, want) {
			t.Fatal("another order of routes and endpoints gives different bytes")
		}
	}
}

func TestPlacesInFilesMeanNothing(t *testing.T) {
	moved := everything(rand.New(rand.NewPCG(1, 2)))
	for i, s := range slices.Collect(moved.Services.All()) {
		s.Origin = model.Origin{File: "secret.yaml", Line: i + 1}
		for j := range s.Routes {
			s.Routes[j].Origin = model.Origin{File: "secret.yaml", Line: j + 7}
		}
	}
	moved.Listeners["http"].Origin = model.Origin{File: "secret.yaml", Line: 1}
	got := encode(t, translate(t, moved))
	if !bytes.Equal(got, encode(t, translate(t, everything(rand.New(rand.NewPCG(1, 2)))))) {
		t.Error("an object moved within a file gives different bytes")
	}
}

func TestListenersDependOnThemselves(t *testing.T) {
	alone := config()
	alone.Listeners = everything(rand.New(rand.NewPCG(1, 2))).Listeners
	for i, l := range translate(t, everything(rand.New(rand.NewPCG(1, 2)))).Listeners {
		if got := translate(t, alone).Listeners[i]; !proto.Equal(l, got) {
			t.Errorf("listener %s changes with the services behind it", l.GetName())
		}
	}
}

func TestResourcesAreSorted(t *testing.T) {
	r := translate(t, everything(rand.New(rand.NewPCG(1, 2))))
	got := map[string][]string{}
	for _, c := range r.Clusters {
		got["clusters"] = append(got["clusters"], c.GetName())
	}
	for _, e := range r.Endpoints {
		got["endpoints"] = append(got["endpoints"], e.GetClusterName())
	}
	for _, l := range r.Listeners {
		got["listeners"] = append(got["listeners"], l.GetName())
	}
	for _, c := range r.Routes {
		hosts := []string{c.GetName()}
		for _, h := range c.GetVirtualHosts() {
			hosts = append(hosts, h.GetName())
		}
		got["routes"] = append(got["routes"], strings.Join(hosts, " "))
	}
	want := map[string][]string{
		"clusters":  {"cart", "shop"},
		"endpoints": {"cart"},
		"listeners": {"bare", "http"},
		"routes":    {"bare", "http * shop.test"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestProblemsNameTheirObject(t *testing.T) {
	route := func(m model.Match, a model.Action) *model.Config {
		s := service("cart", nil, model.Route{Origin: model.Origin{File: "cart.yaml", Line: 7, Col: 3}, Match: m, Action: a})
		return config(s)
	}
	ok := &model.Respond{Status: 200}
	path := func(kind model.PathKind, value string) model.Match {
		return model.Match{Path: model.PathMatch{Kind: kind, Value: value}}
	}
	backoff := to("cart")
	backoff.Retry = &model.Retry{Backoff: &model.Backoff{Base: time.Second, Max: time.Millisecond}}
	backoffZero := to("cart")
	backoffZero.Retry = &model.Retry{Backoff: &model.Backoff{}}
	header := to("cart")
	header.RequestHeaders = &model.HeaderChanges{Set: []model.Header{{Name: "x", Value: "a\nb"}}}
	query := prefix("/")
	query.Query = []model.ValueMatch{{Name: "q", Kind: model.ValueRegex, Value: "a.b", Not: true}}
	refresh := config(service("cart", &model.Upstream{
		Discovery: model.LogicalDNS, Endpoints: []model.Endpoint{{Host: "a.test", Port: 80}}, ConnectTimeout: time.Second,
		DNS: model.DNS{Refresh: time.Nanosecond},
	}))
	refresh.Services.Get("cart").Origin = model.Origin{File: "cart.yaml", Line: 7, Col: 3}
	port := config()
	port.Listeners["http"] = &model.Listener{Name: "http", Origin: model.Origin{File: "cart.yaml", Line: 7, Col: 3}, Address: "::", Port: 70000}
	host := config(service("cart", nil, model.Route{Match: prefix("/"), Action: ok}))
	host.Services.Get("cart").Origin = model.Origin{File: "cart.yaml", Line: 7, Col: 3}
	host.Services.Get("cart").Hosts = []string{"a\nb"}
	values := config()
	values.Runtimes = map[string]*model.Runtime{"base": {
		Name: "base", Origin: model.Origin{File: "cart.yaml", Line: 7, Col: 3}, Values: map[string]any{"a": time.Second},
	}}
	tests := []struct {
		name string
		cfg  *model.Config
		code diag.Code
		msg  string
	}{
		{"status", route(prefix("/"), &model.Respond{Status: 99}), diag.Rejected, "a route of service cart"},
		{"separated prefix", route(prefix("/a?b"), ok), diag.Rejected, "PathSeparatedPrefix"},
		{"header value", route(prefix("/"), header), diag.Rejected, "RequestHeadersToAdd"},
		{"back-off", route(prefix("/"), backoff), diag.BadValue, "at most 1ms between tries, and at least 1s"},
		{"back-off of nothing", route(prefix("/"), backoffZero), diag.Rejected, "RetryBackOff"},
		{"body", route(prefix("/"), &model.Respond{Status: 200, Body: strings.Repeat("x", 65537)}), diag.BadValue, "65537 bytes"},
		{"regex", route(path(model.PathRegex, "("), ok), diag.BadRegex, "missing closing )"},
		{"huge regex", route(path(model.PathRegex, strings.Repeat("a", 20_000)), ok), diag.BadRegex, "too large"},
		{"wide regex", route(path(model.PathRegex, `\\\x{100}`), ok), diag.BadRegex, "compares bytes"},
		{"negated query regex", route(query, ok), diag.NotYet, `query parameter "q"`},
		{"cluster", refresh, diag.Rejected, "service cart"},
		{"listener", port, diag.Rejected, "listener http"},
		{"host", host, diag.Rejected, "service cart"},
		{"runtime", values, diag.Rejected, "runtime base"},
	}
	for _, tt := range tests {
		_, got := translator.Translate(tt.cfg, translator.Options{})
		if len(got) == 0 {
			t.Errorf("%s: no problem", tt.name)
			continue
		}
		p := got[0]
		if p.Severity != diag.Error || p.Code != tt.code || !strings.Contains(p.Msg, tt.msg) {
			t.Errorf("%s: %v %v %q, want %v with %q", tt.name, p.Severity, p.Code, p.Msg, tt.code, tt.msg)
		}
		if p.File != "cart.yaml" || p.Line != 7 || p.Col != 3 || p.Width < 1 {
			t.Errorf("%s: at %s:%d:%d, width %d; want cart.yaml:7:3", tt.name, p.File, p.Line, p.Col, p.Width)
		}
	}
}
