package xds

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

func tcp(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 18000} }

func TestWithholds(t *testing.T) {
	for _, c := range []struct {
		name  string
		local net.Addr
		auth  credentials.AuthInfo
		want  bool
	}{
		{"plain text to another machine", tcp("10.0.0.1"), nil, true},
		{"plain text to another machine, by IPv6", tcp("2001:db8::1"), nil, true},
		{"TLS to another machine", tcp("10.0.0.1"), credentials.TLSInfo{}, false},
		{"plain text on loopback", tcp("127.0.0.1"), nil, false},
		{"plain text on another loopback", tcp("127.1.2.3"), nil, false},
		{"plain text on loopback, by IPv6", tcp("::1"), nil, false},
		{"plain text on loopback, by IPv6 that means IPv4", tcp("::ffff:127.0.0.1"), nil, false},
		{"a socket in the file system", &net.UnixAddr{Name: "/run/xds"}, nil, false},
	} {
		if got := withholds(c.local, c.auth); got != c.want {
			t.Errorf("%s: withholds = %t, want %t", c.name, got, c.want)
		}
	}
}

// An Envoy that is kept from secrets gets everything else, and one line says why.
func TestSecretsAreWithheld(t *testing.T) {
	for local, want := range map[string]int{"10.0.0.1": 1, "127.0.0.1": 0} {
		var log bytes.Buffer
		o := Options{Observe: func(Event) {}}
		s := &streams{engine: newEngine(o), log: slog.New(slog.NewTextHandler(&log, nil)), refusals: newRefusals()}
		n := s.stream(peer.NewContext(context.Background(), &peer.Peer{Addr: tcp("10.0.0.2"), LocalAddr: tcp(local)}), true, "")
		for _, r := range []request{
			{node: &corev3.Node{Id: "edge"}, typeURL: resourcev3.ListenerType},
			{typeURL: resourcev3.SecretType, subscribe: []string{"https/cert/a.crt"}},
			{typeURL: resourcev3.SecretType, subscribe: []string{"https/cert/b.crt"}},
		} {
			if err := n.request(r, time.Now()); err != nil {
				t.Fatalf("%s: %v: %v", local, r, err)
			}
		}
		if n.types[resourcev3.ListenerType] == nil {
			t.Errorf("%s: listeners are withheld", local)
		}
		if got := n.types[resourcev3.SecretType] == nil; got != (want > 0) {
			t.Errorf("%s: secrets are withheld: %t", local, got)
		}
		if got := strings.Count(log.String(), "secrets withheld"); got != want {
			t.Errorf("%s: said %d times, want %d:\n%s", local, got, want, log.String())
		}
		if s.refusals.total != want {
			t.Errorf("%s: counted %d, want %d", local, s.refusals.total, want)
		}
	}
}
