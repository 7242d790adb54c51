package translator_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"dragoman/internal/envoytest"
	"dragoman/model"
	"dragoman/translator"
)

// under serves an upstream at /NAME, WebSockets too.
func under(name string, u *model.Upstream) *model.Service {
	action := to(name)
	action.WebSocket = true
	return service(name, u, model.Route{Match: prefix("/" + name), Action: action})
}

// at is an upstream's address by another name for loopback.
func at(t *testing.T, host string, up *envoytest.Upstream) string {
	t.Helper()
	_, port, err := net.SplitHostPort(up.Addr)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort(host, port)
}

// merged is an upstream with the endpoints of several, under TLS.
func merged(d model.Discovery, all ...*model.Upstream) *model.Upstream {
	out := *all[0]
	out.Discovery, out.TLS, out.Protocol, out.Endpoints = d, true, model.HTTPAuto, nil
	for _, u := range all {
		out.Endpoints = append(out.Endpoints, u.Endpoints...)
	}
	return &out
}

func trust(t *testing.T, ca *envoytest.CA) translator.Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(path, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return translator.Options{SystemRoots: path}
}

func TestEnvoySpeaksTLS(t *testing.T) { inEachMode(t, envoySpeaksTLS) }

func envoySpeaksTLS(t *testing.T, run runner) {
	t.Helper()
	ca := envoytest.NewCA(t)
	tlsUpstream := func(names ...string) *envoytest.Upstream {
		cert := ca.Issue(t, names...)
		return envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: names[0], TLS: &cert})
	}
	named, addressed, other := tlsUpstream("localhost"), tlsUpstream("127.0.0.1"), tlsUpstream("other.test")
	wild, a, b := tlsUpstream("*.localhost"), tlsUpstream("a.localhost"), tlsUpstream("b.localhost")
	strangeCert := envoytest.NewCA(t).Issue(t, "localhost")
	stranger := envoytest.NewUpstream(t, envoytest.UpstreamOptions{TLS: &strangeCert})

	one := func(addr string) *model.Upstream {
		u := upstream(t, addr)
		return merged(u.Discovery, u)
	}
	http2 := one(at(t, "localhost", named))
	http2.Protocol = model.HTTP2
	tests := []struct {
		name     string
		upstream *model.Upstream
		sni      string // of the upstream that answers; none is a refused certificate
		alpn     string
		fails    string // the statistic that counts why a certificate is refused
	}{
		{"name", one(at(t, "localhost", named)), "localhost", "h2", ""},
		{"http2", http2, "localhost", "h2", ""},
		{"address", one(addressed.Addr), "", "h2", ""},
		{"wildcard", one(at(t, "x.localhost", wild)), "x.localhost", "h2", ""},
		{"wrong-name", one(at(t, "localhost", other)), "", "", "fail_verify_san"},
		{"wrong-address", one(named.Addr), "", "", "fail_verify_san"},
		{"stranger", one(at(t, "localhost", stranger)), "", "", "fail_verify_error"},
		{"names", merged(model.StrictDNS, upstream(t, at(t, "a.localhost", a)), upstream(t, at(t, "b.localhost", b))), "?.localhost", "h2", ""},
		// Each has a certificate of the upstream's, but not its own.
		{"names-crossed", merged(model.StrictDNS, upstream(t, at(t, "a.localhost", b)), upstream(t, at(t, "b.localhost", a))), "", "", "fail_verify_san"},
		{"addresses", merged(model.Addresses, upstream(t, addressed.Addr), upstream(t, at(t, "127.0.0.1", addressed))), "", "h2", ""},
	}
	services := make([]*model.Service, 0, len(tests))
	for _, tt := range tests {
		services = append(services, under(tt.name, tt.upstream))
	}
	p := run(t, config(services...), trust(t, ca))
	for _, tt := range tests {
		for range 4 { // both endpoints of two
			got := p.ask(t, "/"+tt.name, envoytest.Request{})
			if tt.fails != "" {
				if got.Status != http.StatusServiceUnavailable {
					t.Errorf("%s: %d %s, want a refused certificate", tt.name, got.Status, got.Body)
				}
				continue
			}
			sni := got.Echo.SNI
			if strings.HasPrefix(tt.sni, "?") && len(sni) > 0 {
				sni = "?" + sni[1:]
			}
			if got.Status != http.StatusOK || sni != tt.sni || got.Echo.ALPN != tt.alpn {
				t.Errorf("%s: %d, SNI %q, ALPN %q; want SNI %q, ALPN %q: %s", tt.name, got.Status, sni, got.Echo.ALPN, tt.sni, tt.alpn, got.Body)
			}
		}
		stat := "cluster." + tt.name + ".ssl." + tt.fails
		if tt.fails != "" && p.Stats(t, stat)[stat] == 0 {
			t.Errorf("%s: %s is 0", tt.name, stat)
		}
	}
}

func TestEnvoyCarriesWebSockets(t *testing.T) { inEachMode(t, envoyCarriesWebSockets) }

func envoyCarriesWebSockets(t *testing.T, run runner) {
	t.Helper()
	ca := envoytest.NewCA(t)
	cert := ca.Issue(t, "localhost")
	plain := envoytest.NewUpstream(t, envoytest.UpstreamOptions{})
	secure := envoytest.NewUpstream(t, envoytest.UpstreamOptions{TLS: &cert})
	https := upstream(t, at(t, "localhost", secure))
	https.TLS, https.Protocol = true, model.HTTPAuto
	grpcs := upstream(t, at(t, "localhost", secure))
	grpcs.TLS, grpcs.Protocol = true, model.HTTP2

	split := &model.Forward{WebSocket: true, To: []model.Target{{Service: "grpcs"}, {Service: "https", Weight: 1}}}
	cfg := config(
		under("http", upstream(t, plain.Addr)), under("https", https), under("grpcs", grpcs),
		service("split", nil, model.Route{Match: prefix("/split"), Action: split}),
		service("off", upstream(t, plain.Addr), model.Route{Match: prefix("/off"), Action: to("off")}),
	)
	// HTTP/2 carries a WebSocket if the upstream knows RFC 8441, as our own listeners do.
	h2c := upstream(t, plain.Addr)
	h2c.Protocol = model.HTTP2
	cfg.Services = cfg.Services.Put(under("h2c", h2c))
	port := envoytest.FreePort(t)
	h2c.Endpoints[0].Port = uint32(port)
	cfg.Listeners["inner"] = &model.Listener{Name: "inner", Address: "127.0.0.1", Port: uint32(port)}
	inner := service("inner", nil, model.Route{Match: prefix("/"), Action: &model.Forward{
		To: []model.Target{{Service: "http"}}, WebSocket: true,
	}})
	inner.Listeners = []string{"inner"}
	cfg.Services = cfg.Services.Put(inner)

	p := run(t, cfg, trust(t, ca))
	for _, tt := range []struct {
		path string
		want int
	}{{"/http", 101}, {"/https", 101}, {"/split", 101}, {"/h2c", 101}, {"/off", 403}} {
		// What is no WebSocket keeps its protocol, before and after.
		before := p.ask(t, tt.path, envoytest.Request{}).Echo
		if got := p.upgrade(t, tt.path); got != tt.want {
			t.Errorf("a WebSocket of %s gives %d, want %d", tt.path, got, tt.want)
		}
		after := p.ask(t, tt.path, envoytest.Request{}).Echo
		if before.Proto != after.Proto || before.ALPN != after.ALPN {
			t.Errorf("%s: %s %s before a WebSocket, %s %s after", tt.path, before.Proto, before.ALPN, after.Proto, after.ALPN)
		}
		if tt.path == "/https" && after.ALPN != "h2" {
			t.Errorf("requests to %s speak %q, want h2", tt.path, after.ALPN)
		}
	}
}

func TestEnvoyCarriesGRPC(t *testing.T) { inEachMode(t, envoyCarriesGRPC) }

func envoyCarriesGRPC(t *testing.T, run runner) {
	t.Helper()
	ca := envoytest.NewCA(t)
	cert := ca.Issue(t, "localhost")
	plain := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "plain"})
	secure := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "secure", TLS: &cert})
	grpcUp := upstream(t, plain.Addr)
	grpcUp.Protocol = model.HTTP2
	grpcsUp := upstream(t, at(t, "localhost", secure))
	grpcsUp.TLS, grpcsUp.Protocol = true, model.HTTP2
	plainService := service("plain", grpcUp, model.Route{Match: prefix("/grpc.health.v1.Health"), Action: to("plain")})
	secureService := service("secure", grpcsUp, model.Route{Match: prefix("/grpc.health.v1.Health"), Action: to("secure")})
	plainService.Hosts, secureService.Hosts = []string{"plain"}, []string{"secure"}
	p := run(t, config(plainService, secureService), trust(t, ca))
	for _, name := range []string{"plain", "secure"} {
		conn, err := grpc.NewClient(p.addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(name))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		got, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: name})
		if err != nil || got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("gRPC to %s: %v, %v", name, got, err)
		}
	}
}

func TestEnvoyFindsUpstreams(t *testing.T) { inEachMode(t, envoyFindsUpstreams) }

func envoyFindsUpstreams(t *testing.T, run runner) {
	t.Helper()
	a := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "a"})
	b := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "b"})
	both := func(d model.Discovery, host string) *model.Upstream {
		out := upstream(t, at(t, host, a))
		out.Discovery = d
		out.Endpoints = append(out.Endpoints, upstream(t, at(t, host, b)).Endpoints...)
		return out
	}
	weighted := both(model.Addresses, "127.0.0.1")
	weighted.Endpoints[0].Weight, weighted.Endpoints[1].Weight = 3, 1
	logical := upstream(t, at(t, "localhost", a))
	logical.DNS = model.DNS{Refresh: time.Minute, RespectTTL: true}
	services := []*model.Service{
		under("static", both(model.Addresses, "127.0.0.1")), under("weighted", weighted),
		under("logical", logical), under("strict", both(model.StrictDNS, "localhost")),
	}
	for policy := model.RoundRobin; policy <= model.Maglev; policy++ {
		u := both(model.Addresses, "127.0.0.1")
		u.LoadBalancing = policy
		services = append(services, under(fmt.Sprintf("policy%d", policy), u))
	}
	canary := &model.Forward{To: []model.Target{{Service: "logical", Weight: 1}, {Service: "only-b", Weight: 3}}}
	services = append(services, service("only-b", upstream(t, b.Addr)),
		service("canary", nil, model.Route{Match: prefix("/canary"), Action: canary}))
	auto := to("strict")
	auto.HostRewrite.Auto = true
	autoAddress := to("static")
	autoAddress.HostRewrite.Auto = true
	name := to("static")
	name.HostRewrite.Name = "www.example.com"
	services = append(services, service("hosts", nil,
		model.Route{Match: prefix("/host/auto"), Action: auto},
		model.Route{Match: prefix("/host/address"), Action: autoAddress},
		model.Route{Match: prefix("/host/name"), Action: name},
		model.Route{Match: prefix("/host/kept"), Action: to("static")},
	))
	p := run(t, config(services...), translator.Options{})

	count := func(path string, n int) string {
		seen := make(map[string]int)
		for range n {
			seen[p.ask(t, path, envoytest.Request{}).Echo.Upstream]++
		}
		return fmt.Sprintf("a%d b%d", seen["a"], seen["b"])
	}
	for path, want := range map[string]string{"/static": "a4 b4", "/strict": "a4 b4", "/logical": "a8 b0", "/weighted": "a6 b2", "/policy0": "a4 b4"} {
		if got := count(path, 8); got != want {
			t.Errorf("of 8 requests to %s: %s, want %s", path, got, want)
		}
	}
	if got := count("/canary", 200); strings.HasPrefix(got, "a0 ") || strings.HasSuffix(got, " b0") {
		t.Errorf("of 200 requests to a canary: %s", got)
	}
	for path, want := range map[string]string{
		"/host/auto": "localhost", "/host/address": "127.0.0.1", "/host/name": "www.example.com", "/host/kept": "kept.test",
	} {
		if got := p.ask(t, path, envoytest.Request{Host: "kept.test"}).Echo.Host; got != want {
			t.Errorf("%s arrives for host %q, want %q", path, got, want)
		}
	}
	for policy := model.RoundRobin; policy <= model.Maglev; policy++ {
		if got := p.ask(t, fmt.Sprintf("/policy%d", policy), envoytest.Request{}); got.Status != http.StatusOK {
			t.Errorf("load balancing %d: %d %s", policy, got.Status, got.Body)
		}
	}
}

func TestEnvoyFindsIPv6(t *testing.T) { inEachMode(t, envoyFindsIPv6) }

func envoyFindsIPv6(t *testing.T, run runner) {
	t.Helper()
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	} else {
		l.Close()
	}
	six := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "six", Address: "[::1]:0"})
	four := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "four", Address: at(t, "127.0.0.1", six)})
	family := func(f model.DNSFamily) *model.Upstream {
		out := upstream(t, at(t, "localhost", six))
		out.DNS.Family = f
		return out
	}
	address := under("address", upstream(t, six.Addr))
	address.Routes[0].Action.(*model.Forward).HostRewrite.Auto = true
	all := family(model.AllFamilies)
	all.Discovery = model.StrictDNS
	p := run(t, config(
		under("v4", family(model.V4)), under("v6", family(model.V6)), under("auto", family(model.AnyFamily)),
		under("all", all), address,
	), translator.Options{})
	for path, want := range map[string]string{"/v4": "four", "/v6": "six", "/auto": "six", "/address": "six"} {
		if got := p.ask(t, path, envoytest.Request{}); got.Echo.Upstream != want {
			t.Errorf("%s is answered by %q, want %q: %s", path, got.Echo.Upstream, want, got.Body)
		}
	}
	if got := p.ask(t, "/address", envoytest.Request{}).Echo.Host; got != "[::1]" {
		t.Errorf("the host of an address is %q, want [::1]", got)
	}
	before := [2]int{four.Seen(), six.Seen()}
	for range 4 {
		p.ask(t, "/all", envoytest.Request{})
	}
	if four.Seen() != before[0]+2 || six.Seen() != before[1]+2 {
		t.Errorf("of 4 requests to both families, %d came over IPv4 and %d over IPv6", four.Seen()-before[0], six.Seen()-before[1])
	}
}

func TestEnvoyRetriesAndTimesOut(t *testing.T) { inEachMode(t, envoyRetriesAndTimesOut) }

func envoyRetriesAndTimesOut(t *testing.T, run runner) {
	t.Helper()
	var broken atomic.Int64 // requests since the last reset
	flaky := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			status := http.StatusServiceUnavailable
			if strings.HasPrefix(r.URL.Path, "/teapot") {
				status = http.StatusTeapot
			}
			if broken.Add(1) <= 2 {
				w.WriteHeader(status)
			}
		},
	)})
	silent := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Handler: http.HandlerFunc(
		func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	)})
	backoff := &model.Backoff{Base: time.Millisecond, Max: 5 * time.Millisecond}
	forward := func(service string, timeout time.Duration, r *model.Retry) *model.Forward {
		return &model.Forward{To: []model.Target{{Service: service}}, Timeout: timeout, Retry: r}
	}
	idle := forward("silent", 0, nil)
	idle.IdleTimeout = new(50 * time.Millisecond)
	p := run(t, config(
		service("flaky", upstream(t, flaky.Addr)), service("silent", upstream(t, silent.Addr)),
		service("routes", nil,
			model.Route{Match: prefix("/none"), Action: forward("flaky", time.Second, nil)},
			model.Route{Match: prefix("/one"), Action: forward("flaky", time.Second, &model.Retry{Attempts: 1, On: []string{"5xx"}, Backoff: backoff})},
			model.Route{Match: prefix("/two"), Action: forward("flaky", time.Second, &model.Retry{Attempts: 2, On: []string{"5xx", "reset"}})},
			model.Route{Match: prefix("/teapot"), Action: forward("flaky", time.Second, &model.Retry{Attempts: 2, Statuses: []uint32{418}, Backoff: backoff})},
			model.Route{Match: prefix("/teapot/other"), Action: forward("flaky", time.Second, &model.Retry{Attempts: 2, On: []string{"5xx"}, Statuses: []uint32{419}})},
			model.Route{Match: prefix("/slow"), Action: forward("silent", 50*time.Millisecond, nil)},
			model.Route{Match: prefix("/idle"), Action: idle},
			model.Route{Match: prefix("/tries"), Action: forward("silent", 10*time.Second, &model.Retry{
				Attempts: 2, On: []string{"5xx"}, PerTryTimeout: 30 * time.Millisecond, Backoff: &model.Backoff{Base: time.Millisecond},
			})},
		),
	), translator.Options{})
	for _, tt := range []struct {
		path   string
		status int
		tries  int
	}{
		{"/none", 503, 1},
		{"/one", 503, 2},
		{"/two", 200, 3},
		{"/teapot", 200, 3},
		{"/teapot/other", 418, 1},
		{"/slow", 504, 1},
		{"/idle", 504, 1},
		{"/tries", 504, 3},
	} {
		broken.Store(0)
		before := flaky.Seen() + silent.Seen()
		got := p.ask(t, tt.path, envoytest.Request{})
		if tries := flaky.Seen() + silent.Seen() - before; got.Status != tt.status || tries != tt.tries {
			t.Errorf("%s: %d after %d tries, want %d after %d: %s", tt.path, got.Status, tries, tt.status, tt.tries, got.Body)
		}
	}
}
