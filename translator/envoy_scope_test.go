package translator_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"dragoman/internal/envoytest"
	"dragoman/model"
	"dragoman/translator"
)

// TestEnvoyFindsHosts asks in every spelling of a host, with routes from one
// table and from scopes, which must answer alike.
func TestEnvoyFindsHosts(t *testing.T) {
	for name, test := range map[string]struct {
		star bool
		want map[string]string
	}{
		"with wildcards": {want: map[string]string{
			"SHOP.Example.com": "200 exact", "shop.example.com:99": "200 exact", "SHOP.example.COM:99": "200 exact",
			"shop.example.com.": "404", "other.example.com": "404", "a.wild.com": "200 in wild", "A.Wild.com": "200 in wild",
			"b.wild.com": "200 wild", "B.WILD.com:1": "200 wild", "x.deep.wild.com": "200 deep", "wild.com": "404",
			"narrow.example.com": "404", "NARROW.wild.com": "404", "[::1]": "404", "[::1]:80": "404", "10.0.0.1:80": "404", "*": "404",
		}},
		"with a host for all": {star: true, want: map[string]string{
			"shop.example.com": "200 exact", "Shop.example.com": "200 exact", "other.example.com": "200 all", "OTHER.example.com:80": "200 all",
			"x.deep.wild.com": "200 deep", "wild.com": "200 all", "shop.example.com.": "200 all", "shop.example.com:80:90": "200 all",
			"narrow.wild.com": "404", "NARROW.wild.com": "404", "[::1]": "200 all", "[::1]:80": "200 all", "10.0.0.1": "200 all", "*": "200 all",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inEachMode(t, func(t *testing.T, run runner) {
				t.Helper()
				p := run(t, hosts(test.star), translator.Options{})
				for host, want := range test.want {
					got := p.ask(t, "/", envoytest.Request{Host: host, Header: http.Header{"X-Dragoman-Scope": {"http/shop.example.com"}}})
					if answer := fmt.Sprint(got.Status); answer != want && answer+" "+got.Body != want {
						t.Errorf("GET / of %s is %d %q, want %s", host, got.Status, got.Body, want)
					}
				}
			})
		})
	}
}

// hosts is a configuration whose hosts overlap. One has no route for /.
func hosts(star bool) *model.Config {
	all := map[string]string{"shop.example.com": "exact", "a.wild.com": "in wild", "*.wild.com": "wild", "*.deep.wild.com": "deep"}
	if star {
		all["*"] = "all"
	}
	services := []*model.Service{service("narrow", nil, model.Route{Match: exact("/only"), Action: &model.Respond{Status: 200}})}
	services[0].Hosts = []string{"narrow.wild.com", "narrow.example.com"}
	for host, body := range all {
		s := service("s"+fmt.Sprint(len(services)), nil, model.Route{Match: prefix("/"), Action: &model.Respond{Status: 200, Body: body}})
		s.Hosts = []string{host}
		services = append(services, s)
	}
	return config(services...)
}

// TestEnvoyHidesScopes shows what an upstream gets: the host as the client wrote
// it, and nothing of how its route was found.
func TestEnvoyHidesScopes(t *testing.T) {
	inEachMode(t, func(t *testing.T, run runner) {
		t.Helper()
		up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{})
		s := service("up", upstream(t, up.Addr), model.Route{Match: prefix("/"), Action: to("up")})
		s.Hosts = []string{"shop.example.com", "*.wild.com"}
		p := run(t, config(s), translator.Options{})
		for _, host := range []string{"shop.example.com", "SHOP.example.com:99", "a.wild.com", "A.wild.com"} {
			got := p.ask(t, "/", envoytest.Request{Host: host})
			if scope := got.Echo.Header.Get("X-Dragoman-Scope"); got.Status != http.StatusOK || got.Echo.Host != host || scope != "" {
				t.Errorf("asked %s: %d, and the upstream saw %s with scope %q", host, got.Status, got.Echo.Host, scope)
			}
		}
	})
}

// TestEnvoyRefusesUpgrades asks for upgrades, which Envoy decides about before
// its filters find a wildcard.
func TestEnvoyRefusesUpgrades(t *testing.T) {
	inEachMode(t, func(t *testing.T, run runner) {
		t.Helper()
		up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{})
		sockets := to("up")
		sockets.WebSocket = true
		s := service("up", upstream(t, up.Addr),
			model.Route{Match: prefix("/plain"), Action: to("up")},
			model.Route{Match: prefix("/here"), Action: &model.Respond{Status: 200}},
			model.Route{Match: prefix("/sockets"), Action: sockets},
		)
		s.Hosts = []string{"shop.example.com", "*.wild.com"}
		p := run(t, config(s), translator.Options{})
		for _, host := range []string{"shop.example.com", "SHOP.example.com", "a.wild.com"} {
			for request, want := range map[string]int{
				"websocket /plain": 403, "websocket /here": 403, "other /sockets": 403, "WebSocket /plain": 403, "websocket /none": 404, "other /none": 404,
			} {
				var upgrade, target string
				if _, err := fmt.Sscan(request, &upgrade, &target); err != nil {
					t.Fatal(err)
				}
				if got := p.upgradeTo(t, upgrade, host, target); got != want {
					t.Errorf("%s %s is %d, want %d", host, request, got, want)
				}
			}
		}
	})
}

// upgradeTo asks for an upgrade that is not to be had.
func (p proxy) upgradeTo(t *testing.T, upgrade, host, target string) int {
	t.Helper()
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: keep-alive, Upgrade\r\nUpgrade: %s\r\n\r\n", target, host, upgrade)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
