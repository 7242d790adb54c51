package keys_test

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dragoman/internal/envoytest"
)

// certificates are files in every site's directory, and what is known of them.
type certificates struct {
	files   map[string][]byte
	shown   map[string]tls.Certificate
	clients *tls.Certificate // of the authority in tls/clients.pem
}

func newCertificates(t testing.TB) *certificates {
	t.Helper()
	ca, clients := envoytest.NewCA(t), envoytest.NewCA(t)
	a := ca.Issue(t, "a.test")
	client := clients.Issue(t, "client")
	out := &certificates{clients: &client, files: map[string][]byte{}, shown: map[string]tls.Certificate{
		"a":       a,
		"b":       ca.Issue(t, "b.test"),
		"rsa":     ca.IssueRSA(t, 2048, "rsa.test"),
		"renewed": ca.IssueKey(t, envoytest.Signer(t, a), "a.test"),
	}}
	for name, c := range out.shown {
		out.files[name+".crt"], out.files[name+".key"] = envoytest.PEM(t, c)
	}
	out.files["clients.pem"], out.files["others.pem"] = clients.PEM(), envoytest.NewCA(t).PEM()
	return out
}

// write puts the files below a directory.
func (c *certificates) write(t testing.TB, dir string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, "tls"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range c.files {
		if err := os.WriteFile(filepath.Join(dir, "tls", name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// handshake connects to the row's listener and looks at the connection.
func handshake(config func(p *probe) *tls.Config, look func(p *probe, s tls.ConnectionState) error) check {
	return func(p *probe) error {
		c := config(p)
		c.InsecureSkipVerify = true
		conn, err := tls.Dial("tcp", p.of("127.0.0.1:<port>"), c)
		if err != nil {
			return err
		}
		defer conn.Close()
		if conn.ConnectionState().NegotiatedProtocol == "h2" {
			return look(p, conn.ConnectionState())
		}
		// In TLS 1.3 a server refuses a client's certificate when that has done.
		if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", p.of("<host>")); err != nil {
			return err
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			return err
		}
		return look(p, conn.ConnectionState())
	}
}

func plainly(*probe) *tls.Config { return &tls.Config{} }

// shows wants one of the certificates.
func shows(name string) func(*probe, tls.ConnectionState) error {
	return func(p *probe, s tls.ConnectionState) error {
		if got := s.PeerCertificates[0]; !got.Equal(p.up.certificates.shown[name].Leaf) {
			return fmt.Errorf("the certificate of %q is shown, want %s", got.DNSNames, name)
		}
		return nil
	}
}

// refused wants a check to fail.
func refused(what string, c check) check {
	return func(p *probe) error {
		if err := c(p); err == nil {
			return fmt.Errorf("%s is not refused", what)
		}
		return nil
	}
}

func tlsRows() []row {
	const a = "{cert: tls/a.crt, key: tls/a.key}"
	with := func(certificates, more string) string {
		return ownListener + "tls:\n  certificates: [" + certificates + "]\n" + more + everywhere
	}
	any1 := handshake(plainly, shows("a"))
	version := func(v uint16) check {
		return handshake(func(*probe) *tls.Config { return &tls.Config{MinVersion: v, MaxVersion: v} }, shows("a"))
	}
	known := func(p *probe) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{*p.up.certificates.clients}}
	}
	rows := []row{
		{key: "listener.tls", yaml: with(a, ""), check: any1},
		{key: "listener.tls.certificates", yaml: with(a, ""), instead: "[{cert: tls/b.crt, key: tls/b.key}]", check: any1},
		{key: "listener.tls.certificates.cert", yaml: with(a, ""), instead: "tls/renewed.crt", check: any1},
		{key: "listener.tls.certificates.key", yaml: with(a, ""), ignored: ownListener + everywhere, check: any1},
		{key: "listener.tls.certificates.default", yaml: with(a+", {cert: tls/b.crt, key: tls/b.key, default: true}", ""), check: handshake(plainly, shows("b"))},
		{
			key: "listener.tls.clientCA", yaml: with(a, "  clientCA: tls/clients.pem\n"), instead: "tls/others.pem",
			check: every(handshake(known, shows("a")), refused("a client without a certificate", any1)),
		},
		{
			key: "listener.tls.requireClientCert", form: "false", yaml: with(a, "  clientCA: tls/clients.pem\n  requireClientCert: false\n"),
			check: every(any1, handshake(known, shows("a"))),
		},
		{
			key: "listener.tls.minVersion", form: "1.3", yaml: with(a, "  minVersion: \"1.3\"\n"),
			check: every(version(tls.VersionTLS13), refused("TLS 1.2", version(tls.VersionTLS12))),
		},
		{
			key: "listener.tls.minVersion", form: "1.2 as a number", yaml: with(a, "  minVersion: 1.2\n"), instead: "1.3",
			check: every(version(tls.VersionTLS12), refused("TLS 1.1", version(tls.VersionTLS11))),
		},
	}
	return append(rows, slicesOf(with)...)
}

// slicesOf are the rows of lists: one for each value.
func slicesOf(with func(certificates, more string) string) []row {
	var rows []row
	suites := []struct {
		name, instead, certificate string
		id                         uint16
	}{
		{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "a", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		{"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", "a", tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
		{"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256", "a", tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
		{"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "rsa", tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
		{"ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "rsa", tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384},
		{"ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256", "rsa", tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256},
	}
	for _, s := range suites {
		rows = append(rows, row{
			key: "listener.tls.cipherSuites", form: s.name,
			yaml:    with(fmt.Sprintf("{cert: tls/%[1]s.crt, key: tls/%[1]s.key}", s.certificate), "  cipherSuites: ["+s.name+"]\n"),
			instead: "[" + s.instead + "]",
			check: handshake(func(*probe) *tls.Config { return &tls.Config{MaxVersion: tls.VersionTLS12} },
				func(_ *probe, got tls.ConnectionState) error {
					if got.CipherSuite != s.id {
						return fmt.Errorf("the suite is %s", tls.CipherSuiteName(got.CipherSuite))
					}
					return nil
				}),
		})
	}
	for name, instead := range map[string]string{"h2": "http/1.1", "http/1.1": "h2"} {
		rows = append(rows, row{
			key: "listener.tls.alpn", form: strings.ReplaceAll(name, "/", "-"), yaml: with("{cert: tls/a.crt, key: tls/a.key}", "  alpn: ["+name+"]\n"), instead: "[" + instead + "]",
			check: handshake(func(*probe) *tls.Config { return &tls.Config{NextProtos: []string{instead, name}} },
				func(_ *probe, got tls.ConnectionState) error {
					if got.NegotiatedProtocol != name {
						return fmt.Errorf("the protocol is %q", got.NegotiatedProtocol)
					}
					return nil
				}),
		})
	}
	return rows
}
