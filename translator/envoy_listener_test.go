package translator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dragoman/internal/envoytest"
	"dragoman/model"
	"dragoman/translator"
)

// every exposes a service on all listeners.
func every(cfg *model.Config, s *model.Service) {
	s.Listeners = nil
	for name := range cfg.Listeners {
		s.Listeners = append(s.Listeners, name)
	}
	cfg.Services = cfg.Services.Put(s)
}

// on is the proxy at another of its listeners.
func (p proxy) on(t *testing.T, listener string) proxy {
	t.Helper()
	return proxy{Envoy: p.Envoy, addr: p.Listener(t, listener)}
}

func TestEnvoyLogsAccess(t *testing.T) { inEachMode(t, envoyLogsAccess) }

func envoyLogsAccess(t *testing.T, run runner) {
	t.Helper()
	dir := t.TempDir()
	custom := func(f model.LogFilter) model.AccessLog {
		return model.AccessLog{Format: model.LogCustom, Custom: "%REQ(:PATH)% %RESPONSE_CODE%", Filter: f}
	}
	logs := map[string]model.AccessLog{
		"all":      custom(model.LogFilter{}),
		"ended":    {Format: model.LogCustom, Custom: "%REQ(:PATH)% %RESPONSE_CODE%\n"},
		"errors":   custom(model.LogFilter{Statuses: []model.StatusRange{{From: 500, To: 599}}}),
		"some":     custom(model.LogFilter{Statuses: []model.StatusRange{{From: 404, To: 404}, {From: 502, To: 504}}}),
		"slow":     custom(model.LogFilter{MinDuration: 50 * time.Millisecond}),
		"slow-ok":  custom(model.LogFilter{MinDuration: 50 * time.Millisecond, Statuses: []model.StatusRange{{From: 200, To: 299}}}),
		"sampled":  custom(model.LogFilter{RuntimeKey: "log.unset"}),
		"silenced": custom(model.LogFilter{RuntimeKey: "log.never"}),
	}
	cfg := config()
	cfg.Runtimes = map[string]*model.Runtime{"base": {Name: "base", Values: map[string]any{"log": map[string]any{"never": int64(0)}}}}
	for name, log := range logs {
		log.Path = filepath.Join(dir, name)
		cfg.Listeners[name] = &model.Listener{Name: name, Address: "127.0.0.1", AccessLog: &log}
	}
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Handler: http.HandlerFunc(
		func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	)})
	slow := &model.Forward{To: []model.Target{{Service: "silent"}}, Timeout: 100 * time.Millisecond}
	every(cfg, service("silent", upstream(t, up.Addr), model.Route{Match: exact("/slow"), Action: slow}))
	answers := service("answers", nil)
	for _, code := range []uint32{200, 404, 500, 503} {
		answers.Routes = append(answers.Routes, model.Route{Match: exact(fmt.Sprintf("/%d", code)), Action: &model.Respond{Status: code}})
	}
	answers.Hosts = []string{"*"}
	every(cfg, answers)
	p := run(t, cfg, translator.Options{})
	for name := range logs {
		for _, path := range []string{"/200", "/404", "/500", "/503", "/slow"} {
			p.on(t, name).ask(t, path, envoytest.Request{})
		}
	}
	everything := "/200 200\n/404 404\n/500 500\n/503 503\n/slow 504\n"
	for name, want := range map[string]string{
		"all": everything, "ended": everything, "sampled": everything,
		"errors": "/500 500\n/503 503\n/slow 504\n",
		"some":   "/404 404\n/503 503\n/slow 504\n",
		"slow":   "/slow 504\n",
	} {
		envoytest.Eventually(t, 10*time.Second, "the log of "+name, func() error {
			got, err := os.ReadFile(filepath.Join(dir, name))
			if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
				return fmt.Errorf("%w (-want +got)\n%s", err, diff)
			}
			return nil
		})
	}
	// All logs are written together, and the others have been.
	for _, name := range []string{"slow-ok", "silenced"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || len(got) > 0 {
			t.Errorf("the log of %s has %q, %v; want nothing", name, got, err)
		}
	}
}

func TestEnvoyLogsToStdout(t *testing.T) { inEachMode(t, envoyLogsToStdout) }

func envoyLogsToStdout(t *testing.T, run runner) {
	t.Helper()
	cfg := config()
	cfg.Listeners["text"] = &model.Listener{Name: "text", Address: "127.0.0.1", AccessLog: &model.AccessLog{}}
	cfg.Listeners["json"] = &model.Listener{Name: "json", Address: "127.0.0.1", AccessLog: &model.AccessLog{Format: model.LogJSON}}
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{})
	action := to("cart")
	action.PathRewrite = model.PathRewrite{Kind: model.RewritePath, With: "/rewritten"}
	every(cfg, service("cart", upstream(t, up.Addr),
		model.Route{Match: exact("/named"), Name: "checkout", Action: action},
		model.Route{Match: exact("/plain"), Action: action},
	))
	p := run(t, cfg, translator.Options{})
	p.on(t, "text").ask(t, "/named", envoytest.Request{})
	p.on(t, "json").ask(t, "/named?a=1", envoytest.Request{Method: "POST", Host: "shop.test", Body: "12345", Header: http.Header{"User-Agent": {"test"}}})
	p.on(t, "json").ask(t, "/plain", envoytest.Request{})
	var lines []string
	envoytest.Eventually(t, 10*time.Second, "three lines", func() error {
		lines = strings.Split(strings.TrimSpace(p.Stdout()), "\n")
		if len(lines) != 3 {
			return fmt.Errorf("there are %q", lines)
		}
		return nil
	})
	found := make(map[string]map[string]any)
	for _, line := range lines {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) != nil {
			if !strings.Contains(line, `"GET /named HTTP/1.1" 200`) {
				t.Errorf("the text is %s", line)
			}
			continue
		}
		found[fmt.Sprint(entry["route"])] = entry
	}
	if found["cart"] == nil {
		t.Errorf("no line of the route without a name, which goes by its service's: %q", lines)
	}
	got := found["checkout"]
	for _, varies := range []string{"time", "durationMs", "upstreamMs", "requestId", "forwardedFor", "client", "bytesSent"} {
		if got[varies] == nil {
			t.Errorf("%s is missing: %v", varies, got)
		}
		delete(got, varies)
	}
	want := map[string]any{
		"method": "POST", "host": "shop.test", "path": "/named?a=1", "protocol": "HTTP/1.1", "status": 200.0,
		"statusDetails": "via_upstream", "flags": "-", "bytesReceived": 5.0, "attempts": 1.0, "userAgent": "test",
		"route": "checkout", "service": "cart", "upstream": up.Addr, "transportFailure": nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the JSON line (-want +got)\n%s", diff)
	}
}

func TestEnvoyTrustsHops(t *testing.T) { inEachMode(t, envoyTrustsHops) }

func envoyTrustsHops(t *testing.T, run runner) {
	t.Helper()
	cfg := config()
	for name, hops := range map[string]uint32{"none": 0, "one": 1, "two": 2} {
		cfg.Listeners[name] = &model.Listener{Name: name, Address: "127.0.0.1", TrustedHops: hops}
	}
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{})
	every(cfg, service("echo", upstream(t, up.Addr), model.Route{Match: prefix("/"), Action: to("echo")}))
	p := run(t, cfg, translator.Options{})
	forged := http.Header{"X-Forwarded-For": {"198.51.100.1, 198.51.100.2, 198.51.100.3"}}
	for name, want := range map[string]string{"none": "127.0.0.1", "one": "198.51.100.3", "two": "198.51.100.2"} {
		got := p.on(t, name).ask(t, "/", envoytest.Request{Header: forged}).Echo.Header.Get("X-Envoy-External-Address")
		if got != want {
			t.Errorf("with %s trusted, the client is %q, want %q", name, got, want)
		}
	}
}

func TestEnvoyGuardsItsEdge(t *testing.T) { inEachMode(t, envoyGuardsItsEdge) }

func envoyGuardsItsEdge(t *testing.T, run runner) {
	t.Helper()
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{})
	cfg := config(service("echo", upstream(t, up.Addr), model.Route{Match: prefix("/"), Action: to("echo")}))
	cfg.Listeners["idle"] = &model.Listener{Name: "idle", Address: "127.0.0.1"}
	p := run(t, cfg, translator.Options{})
	for _, tt := range []struct {
		path   string
		header string
		status int
		want   string // the path that arrives, or the place to go
	}{
		{"/a/../b", "", 200, "/b"},
		{"/a//b", "", 200, "/a/b"},
		{"/a%2Fb", "", 307, "/a/b"},
		{"/a", "x_user", 400, ""},
	} {
		client := p.askRaw(t, "any", tt.path)
		if tt.header != "" {
			client = p.ask(t, tt.path, envoytest.Request{Header: http.Header{tt.header: {"root"}}})
		}
		if got := client.Echo.Path + client.Header.Get("Location"); client.Status != tt.status || got != tt.want {
			t.Errorf("%s %s: %d %q, want %d %q", tt.path, tt.header, client.Status, got, tt.status, tt.want)
		}
	}
	if got := p.on(t, "idle").ask(t, "/", envoytest.Request{}); got.Status != http.StatusNotFound {
		t.Errorf("a listener without services: %d %s, want 404", got.Status, got.Body)
	}
}
