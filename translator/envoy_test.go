package translator_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"dragoman/internal/envoytest"
	"dragoman/model"
	"dragoman/translator"
)

// A proxy is a real Envoy that runs a translated model.
type proxy struct {
	*envoytest.Envoy
	addr string // of the listener named http
}

// A runner starts a real Envoy on a model.
type runner func(t *testing.T, cfg *model.Config, o translator.Options) proxy

// inEachMode runs a test in each way in which Envoys get routes. It is to see no
// difference.
func inEachMode(t *testing.T, test func(*testing.T, runner)) {
	t.Helper()
	for name, mode := range map[string]model.RouteDiscovery{"rds": model.RoutesInOneTable, "srds": model.RoutesByScope} {
		t.Run(name, func(t *testing.T) {
			test(t, func(t *testing.T, cfg *model.Config, o translator.Options) proxy {
				t.Helper()
				return runIn(t, mode, cfg, o)
			})
		})
	}
}

// runIn translates a model and starts a real Envoy on it, without a control plane.
func runIn(t *testing.T, mode model.RouteDiscovery, cfg *model.Config, o translator.Options) proxy {
	t.Helper()
	for _, l := range cfg.Listeners {
		l.RouteDiscovery = mode
	}
	resources, problems := translator.Translate(cfg, o)
	if len(problems) > 0 {
		t.Fatalf("Translate: %+v", problems)
	}
	bootstrap, err := translator.Static(resources, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	text, err := protojson.Marshal(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	e := envoytest.Start(t, envoytest.Options{Bootstrap: string(text)})
	e.WaitLive(t)
	return proxy{Envoy: e, addr: e.Listener(t, "http")}
}

// ask sends a request through the proxy; target is a path with its query.
func (p proxy) ask(t *testing.T, target string, r envoytest.Request) envoytest.Reply {
	t.Helper()
	r.URL = "http://" + p.addr + target
	reply, err := envoytest.Ask(t, r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, target, err)
	}
	return reply
}

// upgrade asks for a WebSocket and, if it gets one, expects its bytes back.
func (p proxy) upgrade(t *testing.T, target string) int {
	t.Helper()
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	request := "GET " + target + " HTTP/1.1\r\nHost: ws.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("upgrade of %s: %v", target, err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return resp.StatusCode
	}
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("hello"))
	if _, err := io.ReadFull(in, got); err != nil || string(got) != "hello" {
		t.Fatalf("through the WebSocket of %s came %q, %v", target, got, err)
	}
	return resp.StatusCode
}

// config is a model of some services and a listener named http on any port.
func config(services ...*model.Service) *model.Config {
	out := &model.Config{
		Listeners: map[string]*model.Listener{"http": {Name: "http", Address: "127.0.0.1"}},
	}
	for _, s := range services {
		out.Services = out.Services.Put(s)
	}
	return out
}

// service answers for every host on the listener named http.
func service(name string, u *model.Upstream, routes ...model.Route) *model.Service {
	out := &model.Service{Name: name, Upstream: u, Routes: routes}
	if len(routes) > 0 {
		out.Hosts, out.Listeners = []string{"*"}, []string{"http"}
	}
	return out
}

// upstream is one server, found in the way its host needs.
func upstream(t *testing.T, addr string) *model.Upstream {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	out := &model.Upstream{
		Endpoints:      []model.Endpoint{{Host: host, Port: uint32(number)}},
		ConnectTimeout: 5 * time.Second,
	}
	if _, err := netip.ParseAddr(host); err != nil {
		out.Discovery = model.LogicalDNS
	}
	return out
}

func prefix(path string) model.Match {
	return model.Match{Path: model.PathMatch{Kind: model.PathPrefix, Value: path}}
}

func exact(path string) model.Match {
	return model.Match{Path: model.PathMatch{Kind: model.PathExact, Value: path}}
}

func to(service string) *model.Forward {
	return &model.Forward{To: []model.Target{{Service: service}}, Timeout: 15 * time.Second}
}

// askRaw sends a path as it is, which a Go client would escape.
func (p proxy) askRaw(t *testing.T, host, target string) envoytest.Reply {
	t.Helper()
	client := &http.Client{
		Transport:     rawPath{target: target, next: &http.Transport{DisableKeepAlives: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return p.ask(t, "/", envoytest.Request{Host: host, Client: client})
}

// rawPath puts its own target into every request.
type rawPath struct {
	target string
	next   http.RoundTripper
}

func (r rawPath) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := req.Clone(req.Context())
	path, query, _ := strings.Cut(r.target, "?")
	sent.URL.Opaque, sent.URL.RawQuery = path, query
	return r.next.RoundTrip(sent)
}
