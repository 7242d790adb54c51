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
		got, problems := memory.Translate(cfg)
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
