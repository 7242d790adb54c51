package envoytest_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"dragoman/internal/envoytest"
)

func TestUpstreamTLS(t *testing.T) {
	ca := envoytest.NewCA(t)
	cert := ca.Issue(t, "cart.example.com", "127.0.0.1")
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "cart", TLS: &cert})
	for _, c := range []struct {
		name        string
		http2       bool
		proto, alpn string
	}{
		{"HTTP/1.1", false, "HTTP/1.1", "http/1.1"},
		{"HTTP/2", true, "HTTP/2.0", "h2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			transport := &http.Transport{
				TLSClientConfig: &tls.Config{
					RootCAs: ca.Pool(), ServerName: "cart.example.com", NextProtos: []string{c.alpn},
				},
				ForceAttemptHTTP2: c.http2,
			}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			reply, err := envoytest.Ask(t, envoytest.Request{URL: "https://" + up.Addr, Client: client})
			if err != nil {
				t.Fatal(err)
			}
			got := []string{reply.Echo.Upstream, reply.Echo.Proto, reply.Echo.ALPN, reply.Echo.SNI}
			want := []string{"cart", c.proto, c.alpn, "cart.example.com"}
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("the echo has %q, want %q", got, want)
			}
		})
	}
	if _, err := envoytest.Ask(t, envoytest.Request{URL: "https://" + up.Addr}); err == nil {
		t.Error("a client that does not know the CA was served")
	}
}

func TestUpstreamHandler(t *testing.T) {
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Handler: http.RedirectHandler("/there", http.StatusFound)})
	reply, err := envoytest.Ask(t, envoytest.Request{URL: "http://" + up.Addr + "/here"})
	if err != nil {
		t.Fatal(err)
	}
	if got := reply.Header.Get("Location"); reply.Status != http.StatusFound || got != "/there" {
		t.Errorf("the answer is %d to %q, want 302 to /there", reply.Status, got)
	}
}
