package translator_test

import (
	"testing"
	"time"

	"dragoman/model"
	"dragoman/translator"
)

// What a translator remembers of a service counts as long as that and whatever
// it sends to are the same; what has not changed is the very same message.
func TestTranslatorRemembers(t *testing.T) {
	to := model.Route{Match: prefix("/"), Action: &model.Forward{To: []model.Target{{Service: "b", Weight: 1}}, WebSocket: true}}
	cfg := config(service("a", nil, to), service("b", &model.Upstream{Endpoints: []model.Endpoint{{Host: "10.0.0.1", Port: 80}}, ConnectTimeout: time.Second}))
	memory := translator.New(translator.Options{})
	next := func() translator.Resources {
		t.Helper()
		all, problems := memory.Translate(cfg)
		got := all.Resources()
		want, wanted := translator.Translate(cfg, translator.Options{})
		if len(problems)+len(wanted) > 0 {
			t.Fatal(problems, wanted)
		}
		if string(encode(t, got)) != string(encode(t, want)) {
			t.Errorf("with memory it is %s, want %s", encode(t, got), encode(t, want))
		}
		return got
	}
	first := next()
	if again := next(); again.Clusters[0] != first.Clusters[0] || again.Endpoints[0] != first.Endpoints[0] {
		t.Error("what is the same was translated again")
	}
	b := *cfg.Services.Get("b")
	u := *b.Upstream
	u.Protocol, u.TLS = model.HTTPAuto, true
	b.Upstream = &u
	cfg.Services = cfg.Services.Put(&b)
	if after := next(); after.Clusters[0] == first.Clusters[0] {
		t.Error("what is new was not translated")
	}
}

// A listener goes from one table to scopes and back with the number of its
// hosts. Steps give what a start from nothing gives.
func TestTranslatorChangesTheFormOfRoutes(t *testing.T) {
	o := translator.Options{ScopedRoutesAbove: new(2)}
	memory := translator.New(o)
	respond := func(name string, hosts ...string) *model.Service {
		s := service(name, nil, model.Route{Match: prefix("/"), Action: &model.Respond{Status: 200, Body: name}})
		s.Hosts = hosts
		return s
	}
	pinned := &model.Listener{Name: "http", Address: "127.0.0.1", RouteDiscovery: model.RoutesInOneTable}
	for i, step := range []struct {
		services []*model.Service
		listener *model.Listener // another one
		scopes   int
	}{
		{services: []*model.Service{respond("a", "a.test", "b.test"), respond("w", "*.test", "*")}},
		{services: []*model.Service{respond("a", "a.test", "b.test"), respond("c", "c.test"), respond("w", "*.test", "*")}, scopes: 4},
		{services: []*model.Service{respond("a", "a.test", "b.test"), respond("c", "c.test", "a.test")}, scopes: 4},
		{services: []*model.Service{respond("a", "d.test", "b.test"), respond("c", "c.test")}, scopes: 4},
		{services: []*model.Service{respond("a", "d.test", "b.test"), respond("c", "c.test")}, listener: pinned},
		{services: []*model.Service{respond("a", "d.test", "b.test"), respond("c", "c.test", "e.test", "*")}, scopes: 5},
		{services: []*model.Service{respond("c", "c.test", "*")}},
		{},
	} {
		cfg := config(step.services...)
		if step.listener != nil {
			cfg.Listeners["http"] = step.listener
		}
		all, problems := memory.Translate(cfg)
		got := all.Resources()
		want, wanted := translator.Translate(cfg, o)
		if len(problems)+len(wanted) > 0 {
			t.Fatal(problems, wanted)
		}
		if string(encode(t, got)) != string(encode(t, want)) {
			t.Errorf("step %d: with memory it is %s, want %s", i, encode(t, got), encode(t, want))
		}
		if n := len(got.ScopedRoutes); n != step.scopes {
			t.Errorf("step %d: %d scopes, want %d", i, n, step.scopes)
		}
	}
}

// Routes that were dropped are made again when another service comes to their
// host, or the form of a listener's routes changes.
func TestTranslatorMakesAgainWhatItDropped(t *testing.T) {
	o := translator.Options{ScopedRoutesAbove: new(1)}
	memory := translator.New(o)
	at := func(name, path string, hosts ...string) *model.Service {
		s := service(name, nil, model.Route{Match: prefix(path), Action: &model.Respond{Status: 200, Body: name}})
		s.Hosts = hosts
		return s
	}
	for i, services := range [][]*model.Service{
		{at("a", "/a", "a.test"), at("b", "/b", "b.test")},
		{at("a", "/a", "a.test"), at("b", "/b", "a.test", "b.test")},
		{at("a", "/a", "a.test"), at("b", "/c", "a.test", "b.test")},
		{at("a", "/a", "a.test"), at("b", "/c", "a.test")},
		{at("a", "/a", "a.test"), at("b", "/c", "b.test")},
	} {
		cfg := config(services...)
		got, problems := memory.Translate(cfg)
		want, wanted := translator.Translate(cfg, o)
		if len(problems)+len(wanted) > 0 {
			t.Fatal(problems, wanted)
		}
		if got, want := encode(t, got.Resources()), encode(t, want); string(got) != string(want) {
			t.Errorf("step %d: with memory it is %s, want %s", i, got, want)
		}
	}
}
