package envoytest_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"dragoman/internal/envoytest"
)

// proxy is a bootstrap with one listener on a port of Envoy's choice, which
// speaks protocol (1 or 2) to one upstream.
func proxy(t *testing.T, upstream string, protocol int) string {
	t.Helper()
	host, port, err := net.SplitHostPort(upstream)
	if err != nil {
		t.Fatal(err)
	}
	options := map[int]string{1: "http_protocol_options", 2: "http2_protocol_options"}[protocol]
	return fmt.Sprintf(`
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  clusters:
    - name: up
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: {%s: {}}
      load_assignment:
        cluster_name: up
        endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %q, port_value: %s}}}}]}]
  listeners:
    - name: web
      address: {socket_address: {address: 0.0.0.0, port_value: 0}}
      filter_chains:
        - filters:
            - name: hcm
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: web
                upgrade_configs: [{upgrade_type: websocket}]
                access_log:
                  - name: stdout
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
                      log_format: {text_format_source: {inline_string: "%%REQ(:PATH)%% %%RESPONSE_CODE%% %%ENVIRONMENT(COLOUR)%%\n"}}
                route_config:
                  virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: up}}]}]
                http_filters:
                  - name: router
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
`, options, host, port)
}

func TestProxiesRequests(t *testing.T) {
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "cart"})
	e := envoytest.Start(t, envoytest.Options{
		Bootstrap: proxy(t, up.Addr, 2),
		Args:      []string{"--log-format", "said: %v"},
		Env:       []string{"COLOUR=green"},
	})
	e.WaitLive(t)
	web := e.Listener(t, "web")

	reply, err := envoytest.Ask(t, envoytest.Request{
		Method: http.MethodPut, URL: "http://" + web + "/a?b=c", Host: "shop.example.com", Body: "eggs",
		Header: http.Header{"X-Tag": {"7"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{
		fmt.Sprint(reply.Status), reply.Echo.Upstream, reply.Echo.Method, reply.Echo.Path, reply.Echo.Host,
		reply.Echo.Proto, reply.Echo.Body, reply.Echo.Header.Get("X-Tag"),
	}
	want := "200 cart PUT /a?b=c shop.example.com HTTP/2.0 eggs 7"
	if text := strings.Join(got, " "); text != want {
		t.Errorf("Ask = %s, want %s", text, want)
	}
	if n := up.Seen(); n != 1 {
		t.Errorf("Seen() = %d, want 1", n)
	}
	envoytest.Eventually(t, 10*time.Second, "the statistics", func() error {
		if n := e.Stats(t, `^http\.web\.downstream_rq_2xx$`)["http.web.downstream_rq_2xx"]; n != 1 {
			return fmt.Errorf("downstream_rq_2xx is %d, want 1", n)
		}
		return nil
	})
	envoytest.Eventually(t, 10*time.Second, "the access log", func() error {
		if got, want := e.Stdout(), "/a?b=c 200 green\n"; got != want {
			return fmt.Errorf("Stdout() = %q, want %q", got, want)
		}
		return nil
	})
	if dump := e.ConfigDump(t, "resource=static_listeners"); !json.Valid(dump) || !strings.Contains(string(dump), `"web"`) {
		t.Errorf("ConfigDump has no listener web: %.300s", dump)
	}
	if !strings.Contains(e.Log(), "said: starting main dispatch loop") {
		t.Errorf("the log is not in the format asked for:\n%s", e.Log())
	}
}

func TestProxiesGRPC(t *testing.T) {
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "cart"})
	e := envoytest.Start(t, envoytest.Options{Bootstrap: proxy(t, up.Addr, 2)})
	conn, err := grpc.NewClient(e.Listener(t, "web"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := healthpb.NewHealthClient(conn)
	envoytest.Eventually(t, 10*time.Second, "gRPC through Envoy", func() error {
		reply, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "cart"})
		if err == nil && reply.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			return fmt.Errorf("cart is %s", reply.GetStatus())
		}
		return err
	})
	_, err = client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "pay"})
	if status.Code(err) != codes.NotFound {
		t.Errorf("Check(pay) = %v, want NotFound", err)
	}
}

func TestProxiesUpgrades(t *testing.T) {
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "chat"})
	e := envoytest.Start(t, envoytest.Options{Bootstrap: proxy(t, up.Addr, 1)})
	conn, err := net.Dial("tcp", e.Listener(t, "web"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the answer is %s, want 101", resp.Status)
	}
	fmt.Fprint(conn, "hello")
	got := make([]byte, 5)
	if _, err := io.ReadFull(r, got); err != nil || string(got) != "hello" {
		t.Errorf("read %q, %v, want hello", got, err)
	}
}

func TestStopEndsEnvoy(t *testing.T) {
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "cart"})
	e := envoytest.Start(t, envoytest.Options{Bootstrap: proxy(t, up.Addr, 1)})
	web := e.Listener(t, "web")
	e.Stop()
	e.Stop()
	if reply, err := envoytest.Ask(t, envoytest.Request{URL: "http://" + web}); err == nil {
		t.Errorf("Ask after Stop = %d, want no answer", reply.Status)
	}
	if !strings.Contains(e.Log(), "exiting") {
		t.Errorf("Envoy's log does not say that it ended in order: %s", e.Log())
	}
}

// The bootstrap of the repository starts without a control plane, names its
// node, and leaves the admin port to the system.
func TestOriginal(t *testing.T) {
	port := envoytest.FreePort(t)
	e := envoytest.Start(t, envoytest.Options{Bootstrap: envoytest.Original(t, port)})
	var dump struct {
		Configs []struct {
			Bootstrap struct {
				Node struct{ ID, Cluster string }
			}
		}
	}
	text := e.ConfigDump(t, "")
	if err := json.Unmarshal(text, &dump); err != nil {
		t.Fatal(err)
	}
	if node := dump.Configs[0].Bootstrap.Node; node.ID != "test-id" || node.Cluster != "test-cluster" {
		t.Errorf("the node is %+v, want test-id in test-cluster", node)
	}
	if want := fmt.Sprintf(`"port_value": %d`, port); !strings.Contains(string(text), want) {
		t.Errorf("the config dump has no %s", want)
	}
	if strings.HasSuffix(e.Admin(), ":19000") {
		t.Errorf("Admin() = %s, want a port of the system's choice", e.Admin())
	}
}

// A recorder is a test that outlives its failures.
type recorder struct {
	testing.TB
	failure string
}

// ended is the panic by which a recorded test ends.
type ended struct{}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
	panic(ended{})
}

// record returns how the function fails its test.
func record(t *testing.T, f func(t testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	func() {
		defer func() {
			p := recover()
			if _, ok := p.(ended); p != nil && !ok {
				panic(p)
			}
		}()
		f(r)
	}()
	return r.failure
}

func TestStartSaysThatEnvoyEnded(t *testing.T) {
	envoytest.Binary(t)
	got := record(t, func(t testing.TB) {
		t.Helper()
		envoytest.Start(t, envoytest.Options{Bootstrap: "nonsense: true"})
	})
	if want := "Envoy ended: exit status 1"; got != want {
		t.Errorf("Start failed with %q, want %q", got, want)
	}
}

func TestEventuallySaysWhatFailed(t *testing.T) {
	looks := 0
	got := record(t, func(t testing.TB) {
		t.Helper()
		envoytest.Eventually(t, 50*time.Millisecond, "spring", func() error {
			looks++
			return errors.New("still winter")
		})
	})
	if want := "spring: not within 50ms: still winter"; got != want || looks < 2 {
		t.Errorf("Eventually failed with %q after %d looks, want %q after some", got, looks, want)
	}
}
