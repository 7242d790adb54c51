package keys_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/xds"

	"dragoman/internal/envoytest"
)

// patience bounds the wait for what is sure to come.
const patience = 20 * time.Second

// A probe is where a check asks: one row's place in a site.
type probe struct {
	*site

	t   testing.TB
	row row
}

func (s *site) probe(t testing.TB, r row) *probe {
	t.Helper()
	return &probe{site: s, t: t, row: r}
}

// of puts the row's values into a text.
func (p *probe) of(text string) string { return p.expand(p.row, text) }

// ask sends a request such as "POST /x?a=1 x-color:blue" to the row's host.
// What begins with @ is the address to ask at, where it is not the listener of
// services that name none. No answer at all proves nothing, and ends the test.
func (p *probe) ask(request string) envoytest.Reply {
	p.t.Helper()
	words := strings.Fields(p.of(request))
	address := p.address
	if at, ok := strings.CutPrefix(words[0], "@"); ok {
		address, words = at, words[1:]
	}
	r := envoytest.Request{Method: words[0], URL: "http://" + address + words[1], Host: p.of("<host>"), Header: http.Header{"X-Id": {newID()}}}
	for _, header := range words[2:] {
		name, value, _ := strings.Cut(header, ":")
		r.Header.Add(name, value)
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	reply, err := envoytest.Ask(p.t, r)
	if err != nil {
		p.t.Fatalf("%s: %s: %v", p.row.title(), request, err)
	}
	return reply
}

// A view is what matters of a reply.
type view func(envoytest.Reply) string

func status(r envoytest.Reply) string   { return strconv.Itoa(r.Status) }
func path(r envoytest.Reply) string     { return r.Echo.Path }
func host(r envoytest.Reply) string     { return r.Echo.Host }
func protocol(r envoytest.Reply) string { return r.Echo.Proto }
func location(r envoytest.Reply) string { return r.Header.Get("Location") }
func content(r envoytest.Reply) string  { return r.Header.Get("Content-Type") + " " + r.Body }

// server is who answered: an upstream, or Envoy with a status.
func server(r envoytest.Reply) string {
	if r.Echo.Upstream != "" {
		return r.Echo.Upstream
	}
	return status(r)
}

// secured is who answered over TLS, by what name, in which protocol.
func secured(r envoytest.Reply) string {
	return server(r) + " " + r.Echo.SNI + " " + r.Echo.ALPN
}

// tries is a status, and the try of a scripted request that had it.
func tries(r envoytest.Reply) string { return status(r) + " try " + r.Header.Get("X-Tries") }

// header is all values of a header.
func header(name string) view {
	return func(r envoytest.Reply) string { return strings.Join(r.Header.Values(name), " ") }
}

// see asks, and compares a view of each reply.
func see(v view, want map[string]string) check {
	return func(p *probe) error {
		for _, request := range slices.Sorted(maps.Keys(want)) {
			reply := p.ask(request)
			if got, want := v(reply), p.of(want[request]); got != want {
				return fmt.Errorf("%s gives %q, want %q; the status is %d, the body %.100q", request, got, want, reply.Status, reply.Body)
			}
		}
		return nil
	}
}

// every is a check of several.
func every(checks ...check) check {
	return func(p *probe) error {
		for _, c := range checks {
			if err := c(p); err != nil {
				return err
			}
		}
		return nil
	}
}

// shares asks often, and compares who answered how often.
func shares(want map[string]int) check {
	return func(p *probe) error {
		times := 0
		for _, n := range want {
			times += n
		}
		got := map[string]int{}
		for range times {
			got[server(p.ask("GET /"))]++
		}
		if !maps.Equal(got, want) {
			return fmt.Errorf("answers come from %v, want %v", got, want)
		}
		return nil
	}
}

// upgrade asks for a WebSocket, and for its bytes back if it gets one.
func upgrade(want int) check {
	return func(p *probe) error {
		conn, err := net.Dial("tcp", p.address)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		_, err = io.WriteString(conn, p.of("GET / HTTP/1.1\r\nHost: <host>\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
		if err != nil {
			return err
		}
		in := bufio.NewReader(conn)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != want {
			return fmt.Errorf("a WebSocket gives %s, want %d", resp.Status, want)
		}
		if want != http.StatusSwitchingProtocols {
			return nil
		}
		return sendsBack(conn, in)
	}
}

func sendsBack(out io.Writer, in io.Reader) error {
	if _, err := io.WriteString(out, "hello"); err != nil {
		return err
	}
	got := make([]byte, len("hello"))
	if _, err := io.ReadFull(in, got); err != nil || string(got) != "hello" {
		return fmt.Errorf("through the WebSocket came %q, %w", got, err)
	}
	return nil
}

// healthy asks for an upstream's health over gRPC.
func healthy(upstream string) check {
	return func(p *probe) error {
		conn, err := grpc.NewClient(p.address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(p.of("<host>")))
		if err != nil {
			return err
		}
		defer conn.Close()
		got, err := healthpb.NewHealthClient(conn).Check(p.t.Context(), &healthpb.HealthCheckRequest{Service: upstream})
		if err != nil {
			return err
		}
		if got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			return fmt.Errorf("gRPC to %s: %v", upstream, got)
		}
		return nil
	}
}

// withoutProxy asks for an upstream's health as a gRPC client that is given
// xds:///NAME, and has no Envoy.
func withoutProxy(upstream string) check {
	return func(p *probe) error {
		found, err := xds.NewXDSResolverWithConfigForTesting(fmt.Appendf(nil, `{
			"xds_servers": [{"server_uri": "localhost:%d", "channel_creds": [{"type": "insecure"}]}],
			"node": {"id": "client"}
		}`, p.xds))
		if err != nil {
			return err
		}
		conn, err := grpc.NewClient(p.of("xds:///<name>"), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithResolvers(found))
		if err != nil {
			return err
		}
		defer conn.Close()
		ctx, cancel := context.WithTimeout(p.t.Context(), patience)
		defer cancel()
		_, err = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: upstream})
		return err
	}
}

// cluster compares a field of the row's cluster, as Envoy has it. Envoy leaves
// out what is zero.
func cluster(field, want string) check {
	return func(p *probe) error {
		var dump struct {
			Configs []struct{ Cluster map[string]any }
		}
		if err := json.Unmarshal(p.envoy.ConfigDump(p.t, "resource=dynamic_active_clusters"), &dump); err != nil {
			return err
		}
		for _, c := range dump.Configs {
			if c.Cluster["name"] == p.of("<name>") {
				return compare(c.Cluster, field, p.of(want))
			}
		}
		return fmt.Errorf("Envoy has no cluster %s", p.of("<name>"))
	}
}

// route compares a field of the first route of the row's host.
func route(field, want string) check {
	return func(p *probe) error {
		var dump struct {
			Configs []struct {
				Config struct {
					Hosts []struct {
						Name   string
						Routes []map[string]any
					} `json:"virtual_hosts"`
				} `json:"route_config"`
			}
		}
		if err := json.Unmarshal(p.envoy.ConfigDump(p.t, "resource=dynamic_route_configs"), &dump); err != nil {
			return err
		}
		for _, c := range dump.Configs {
			for _, h := range c.Config.Hosts {
				if h.Name == p.of("<host>") {
					return compare(h.Routes[0], field, want)
				}
			}
		}
		return fmt.Errorf("Envoy has no host %s", p.of("<host>"))
	}
}

// compare looks up a field by its path, such as a.b.0.c.
func compare(in any, field, want string) error {
	at := in
	for key := range strings.SplitSeq(field, ".") {
		switch v := at.(type) {
		case map[string]any:
			at = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(v) {
				return fmt.Errorf("%s: no %s in %v", field, key, v)
			}
			at = v[i]
		default:
			at = nil
		}
	}
	got := ""
	if at != nil {
		got = fmt.Sprint(at)
	}
	if got != want {
		return fmt.Errorf("%s is %q, want %q", field, got, want)
	}
	return nil
}

// listening wants that Envoy has the row's listener, on the row's port.
func listening() check {
	return func(p *probe) error {
		if got := p.envoy.Listeners(p.t)[p.row.name()]; got != p.of("127.0.0.1:<port>") {
			return fmt.Errorf("the listener %s is at %q, want %q", p.row.name(), got, p.of("127.0.0.1:<port>"))
		}
		return nil
	}
}

// absent wants that the Envoy does not have the row's listener. It has been sent
// all that there are by then.
func absent() check {
	return func(p *probe) error {
		if got, there := p.envoy.Listeners(p.t)[p.row.name()]; there {
			return fmt.Errorf("the listener %s is at %q, want none", p.row.name(), got)
		}
		return nil
	}
}

// runtimeValue compares what Envoy's runtime has.
func runtimeValue(key, want string) check {
	return func(p *probe) error {
		reply, err := envoytest.Ask(p.t, envoytest.Request{URL: "http://" + p.envoy.Admin() + "/runtime"})
		if err != nil {
			return err
		}
		var page struct {
			Entries map[string]struct {
				Value string `json:"final_value"`
			}
		}
		if err := json.Unmarshal([]byte(reply.Body), &page); err != nil {
			return err
		}
		if got := page.Entries[p.of(key)].Value; got != want {
			return fmt.Errorf("the runtime's %s is %q, want %q", p.of(key), got, want)
		}
		return nil
	}
}
