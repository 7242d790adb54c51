package e2e_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dragoman/internal/envoytest"
	"dragoman/internal/savetest"
	"dragoman/internal/servetest"
)

// A secured is a fleet with a listener named https.
type secured struct {
	*fleet
	https int // the port
}

// startTLS serves a directory whose https listener says tls of TLS, to which
// every service there belongs.
func startTLS(t *testing.T, dir, tls, services string, args ...string) *secured {
	t.Helper()
	s := &secured{https: envoytest.FreePort(t)}
	write(t, filepath.Join(dir, "https.yaml"), fmt.Sprintf("listener: https\naddress: 127.0.0.1\nport: %d\ndefault: true\ntls: %s\n", s.https, tls))
	write(t, filepath.Join(dir, "services.yaml"), services)
	s.fleet = startWith(t, delta, dir, args...)
	s.envoy.Listener(t, "https")
	return s
}

// put replaces files as certbot and others do: each is written beside its place
// and renamed.
func put(t *testing.T, files map[string][]byte) {
	t.Helper()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name+".new~", text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name+".new~", name); err != nil {
			t.Fatal(err)
		}
	}
}

// putPair replaces NAME.crt and NAME.key.
func putPair(t *testing.T, name string, c tls.Certificate) {
	t.Helper()
	cert, key := envoytest.PEM(t, c)
	put(t, map[string][]byte{name + ".crt": cert, name + ".key": key})
}

// shown is the certificate that a new connection gets.
func shown(t *testing.T, port int, config *tls.Config) (*x509.Certificate, error) {
	t.Helper()
	if config.RootCAs == nil {
		config.InsecureSkipVerify = true
	}
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: patience}, Config: config}
	conn, err := dialer.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// shows waits until new connections get a certificate, and says how long that
// took.
func (s *secured) shows(t *testing.T, config *tls.Config, want tls.Certificate) time.Duration {
	t.Helper()
	began := time.Now()
	envoytest.Eventually(t, patience, "the certificate for "+config.ServerName, func() error {
		got, err := shown(t, s.https, config.Clone())
		if err != nil {
			return err
		}
		if !got.Equal(want.Leaf) {
			return fmt.Errorf("got the certificate for %v with serial %v, want %v with %v", got.DNSNames, got.SerialNumber, want.Leaf.DNSNames, want.Leaf.SerialNumber)
		}
		return nil
	})
	return time.Since(began)
}

// says waits for words in the log.
func (s *secured) says(t *testing.T, words string) {
	t.Helper()
	envoytest.Eventually(t, patience, "the log says "+words, func() error {
		if !strings.Contains(s.Log.Text(), words) {
			return errors.New("not yet")
		}
		return nil
	})
}

// untouched fails if Envoy was given a listener, or is draining one.
func (s *secured) untouched(t *testing.T) {
	t.Helper()
	stats := s.envoy.Stats(t, `^listener_manager\.(listener_modified|listener_in_place_updated|total_.*_draining)$`)
	for _, name := range []string{"listener_modified", "listener_in_place_updated", "total_listeners_draining", "total_filter_chains_draining"} {
		if n, ok := stats["listener_manager."+name]; !ok || n != 0 {
			t.Errorf("Envoy's %s is %d (%t), want 0", name, n, ok)
		}
	}
}

func TestCertificatesAreChosenByServerName(t *testing.T) {
	dir, ca := t.TempDir(), envoytest.NewCA(t)
	a, aRSA := ca.Issue(t, "a.example.com"), ca.IssueRSA(t, 2048, "a.example.com")
	wild, spare := ca.Issue(t, "*.b.example.com"), ca.Issue(t, "spare.example.com")
	for name, c := range map[string]tls.Certificate{"a": a, "a-rsa": aRSA, "b": wild, "spare": spare} {
		putPair(t, filepath.Join(dir, "tls", name), c)
	}
	s := startTLS(t, dir, `
  certificates:
    - {cert: tls/a.crt, key: tls/a.key}
    - {cert: tls/a-rsa.crt, key: tls/a-rsa.key}
    - {cert: tls/b.crt, key: tls/b.key}
    - {cert: tls/spare.crt, key: tls/spare.key, default: true}`, "service: web\nroutes: [{respond: {status: 200, body: hello}}]\n")
	s.shows(t, &tls.Config{ServerName: "a.example.com"}, a)
	s.shows(t, &tls.Config{ServerName: "x.b.example.com"}, wild)
	s.shows(t, &tls.Config{ServerName: "elsewhere.example.org"}, spare)
	s.shows(t, &tls.Config{}, spare)
	client := &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: ca.Pool(), ServerName: "a.example.com"},
	}}
	r, err := envoytest.Ask(t, envoytest.Request{URL: fmt.Sprintf("https://127.0.0.1:%d/", s.https), Host: "a.example.com", Client: client})
	if err != nil || r.Body != "hello" {
		t.Errorf("over TLS: %+v, %v", r, err)
	}
	if _, err := shown(t, s.https, &tls.Config{MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if answer := s.answersToRSA(t, "a.example.com"); !bytes.Contains(answer, aRSA.Leaf.Raw) {
		t.Errorf("a client that knows RSA alone is answered with %d bytes without that certificate", len(answer))
	}
}

// answersToRSA is what the listener says to a client that takes RSA alone. Such
// clients do not know supported_versions, which Go's always sends and Envoy goes
// by. In TLS 1.2 certificates are sent in the open, so that no more than the
// first message is needed.
func (s *secured) answersToRSA(t *testing.T, name string) []byte {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	client := tls.Client(there, &tls.Config{ServerName: name, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}})
	go func() { _ = client.HandshakeContext(t.Context()) }() // ends when the pipe is closed
	hello := make([]byte, 1<<14)
	n, err := here.Read(hello)
	if err != nil {
		t.Fatal(err)
	}
	supportedVersions := []byte{0, 43, 0, 3, 2, 3, 3}
	if !bytes.Contains(hello[:n], supportedVersions) {
		t.Fatalf("Go's client says % x", hello[:n])
	}
	unknown := []byte{0xfa, 0xfa, 0, 3, 2, 3, 3}
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.https))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(bytes.Replace(hello[:n], supportedVersions, unknown, 1)); err != nil {
		t.Fatal(err)
	}
	var answer []byte
	serverHelloDone := []byte{14, 0, 0, 0}
	for !bytes.HasSuffix(answer, serverHelloDone) {
		part := make([]byte, 1<<14)
		n, err := conn.Read(part)
		answer = append(answer, part[:n]...)
		if err != nil {
			break
		}
	}
	return answer
}

// A certificate is replaced, with other names in it, while a download and a
// WebSocket on the old one go on; and again by a pair whose key comes late.
func TestRotation(t *testing.T) {
	dir, ca := t.TempDir(), envoytest.NewCA(t)
	more := make(chan string)
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			select {
			case text := <-more:
				_, _ = io.WriteString(w, text) // the client sees it or not
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})})
	first := ca.Issue(t, "a.example.com")
	putPair(t, filepath.Join(dir, "tls", "a"), first)
	s := startTLS(t, dir, "{certificates: [{cert: tls/a.crt, key: tls/a.key}]}", "service: web\ntimeout: 0s\nroutes: [{prefix: /}]\nupstream: http://"+up.Addr+"\n")
	config := &tls.Config{ServerName: "a.example.com", RootCAs: ca.Pool()}
	s.shows(t, config, first)
	download := s.download(t, config, more)
	socket := s.webSocket(t, config)

	second := ca.Issue(t, "a.example.com", "more.example.com")
	putPair(t, filepath.Join(dir, "tls", "a"), second)
	t.Logf("first handshake with the new certificate after %v", s.shows(t, config, second))
	download("after the first rotation")
	socket("after the first rotation")

	third := ca.Issue(t, "a.example.com")
	cert, key := envoytest.PEM(t, third)
	put(t, map[string][]byte{filepath.Join(dir, "tls", "a.crt"): cert})
	s.says(t, "tls/a.key is not the key of the certificate; the one before it goes on serving")
	s.shows(t, config, second)
	put(t, map[string][]byte{filepath.Join(dir, "tls", "a.key"): key})
	s.shows(t, config, third)
	s.logs(t, "a file is right again")
	download("at the end")
	socket("at the end")
	s.untouched(t)
	if strings.Contains(s.Log.Text(), "PRIVATE KEY") {
		t.Error("a key is in the log")
	}
}

// download begins one that lasts, and returns what sends and reads a part.
func (s *secured) download(t *testing.T, config *tls.Config, more chan<- string) func(part string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config.Clone()}}
	t.Cleanup(client.CloseIdleConnections)
	go func() { more <- "begin\n" }()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d/", s.https), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	in := bufio.NewReader(resp.Body)
	next := func(want string) {
		t.Helper()
		if got, err := in.ReadString('\n'); err != nil || got != want+"\n" {
			t.Fatalf("the download gives %q, %v, want %q", got, err, want)
		}
	}
	next("begin")
	return func(part string) {
		t.Helper()
		select {
		case more <- part + "\n":
		case <-time.After(patience):
			t.Fatal("the download has ended")
		}
		next(part)
	}
}

// webSocket opens one, and returns what sends a text and wants it back.
func (s *secured) webSocket(t *testing.T, config *tls.Config) func(text string) {
	t.Helper()
	dialer := tls.Dialer{Config: config.Clone()}
	conn, err := dialer.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", s.https))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the upgrade gives %v, %v", resp, err)
	}
	return func(text string) {
		t.Helper()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(text))
		_, err := io.WriteString(conn, text)
		_, readErr := io.ReadFull(in, got)
		if err = errors.Join(err, readErr); err != nil || string(got) != text {
			t.Fatalf("through the WebSocket came %q, %v, want %q", got, err, text)
		}
	}
}

// Certificates come in many ways: as a mounted Secret, by a link, from another
// directory.
func TestRotationWherever(t *testing.T) {
	ca := envoytest.NewCA(t)
	elsewhere := t.TempDir()
	for _, c := range []struct {
		name   string
		cert   string // as the document names it, without .crt and .key
		args   []string
		change func(t *testing.T, dir string) func(tls.Certificate)
	}{
		{"a mounted Secret", "secret/tls", nil, func(t *testing.T, dir string) func(tls.Certificate) {
			t.Helper()
			volume := filepath.Join(dir, "secret")
			if err := os.Mkdir(volume, 0o755); err != nil {
				t.Fatal(err)
			}
			secret := savetest.NewConfigMap(volume)
			return func(c tls.Certificate) {
				cert, key := envoytest.PEM(t, c)
				secret.Write(t, map[string]string{"tls.crt": string(cert), "tls.key": string(key)})
			}
		}},
		{"links in the directory", "live/a", nil, func(t *testing.T, dir string) func(tls.Certificate) {
			t.Helper()
			for _, sub := range []string{"live", "archive"} {
				if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for _, end := range []string{".crt", ".key"} {
				if err := os.Symlink("../archive/a"+end, filepath.Join(dir, "live", "a"+end)); err != nil {
					t.Fatal(err)
				}
			}
			return func(c tls.Certificate) { putPair(t, filepath.Join(dir, "archive", "a"), c) }
		}},
		{"another directory", filepath.Join(elsewhere, "a"), []string{"--allow-path", elsewhere}, func(t *testing.T, _ string) func(tls.Certificate) {
			t.Helper()
			return func(c tls.Certificate) { putPair(t, filepath.Join(elsewhere, "a"), c) }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			change := c.change(t, dir)
			first, second := ca.Issue(t, "a.example.com"), ca.Issue(t, "a.example.com")
			change(first)
			s := startTLS(t, dir, fmt.Sprintf("{certificates: [{cert: %[1]s.crt, key: %[1]s.key}]}", c.cert), answer("a", "one"), c.args...)
			config := &tls.Config{ServerName: "a.example.com", RootCAs: ca.Pool()}
			s.shows(t, config, first)
			change(second)
			t.Logf("first handshake with the new certificate after %v", s.shows(t, config, second))
			s.untouched(t)
		})
	}
}

// With a state directory a restart beside a bad certificate serves the one
// before; the state is for its owner alone.
func TestARestartBesideABadCertificate(t *testing.T) {
	dir, state, ca := t.TempDir(), filepath.Join(t.TempDir(), "state"), envoytest.NewCA(t)
	good := ca.Issue(t, "a.example.com")
	putPair(t, filepath.Join(dir, "a"), good)
	s := startTLS(t, dir, "{certificates: [{cert: a.crt, key: a.key}]}", answer("a", "one"), "--state-dir", state)
	config := &tls.Config{ServerName: "a.example.com", RootCAs: ca.Pool()}
	s.shows(t, config, good)
	servetest.Keeps(t, state, "PRIVATE KEY")
	err := filepath.WalkDir(state, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.envoy.Stop()
	if err := os.WriteFile(filepath.Join(dir, "a.key"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.server = serveAt(t, s.Port, dir, "--state-dir", state)
	s.envoy = envoytest.Start(t, envoytest.Options{Bootstrap: delta(t, s.Port)})
	s.envoy.WaitLive(t)
	s.shows(t, config, good)
	s.says(t, "a.key: there is no PEM in it; the one before it goes on serving")
	s.shows(t, config, good)
}

func TestClientCertificates(t *testing.T) {
	dir, ca, clients := t.TempDir(), envoytest.NewCA(t), envoytest.NewCA(t)
	putPair(t, filepath.Join(dir, "a"), ca.Issue(t, "a.example.com"))
	put(t, map[string][]byte{filepath.Join(dir, "clients.pem"): clients.PEM()})
	s := startTLS(t, dir, "{certificates: [{cert: a.crt, key: a.key}], clientCA: clients.pem}", answer("a", "one"))
	ask := func(certs ...tls.Certificate) error {
		config := &tls.Config{ServerName: "a.example.com", RootCAs: ca.Pool(), Certificates: certs}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
		r, err := envoytest.Ask(t, envoytest.Request{URL: fmt.Sprintf("https://127.0.0.1:%d/", s.https), Host: "a.example.com", Client: client})
		if err == nil && r.Body != "one" {
			err = fmt.Errorf("got %+v", r)
		}
		return err
	}
	envoytest.Eventually(t, patience, "a known client is served", func() error { return ask(clients.Issue(t, "client")) })
	if err := ask(); err == nil {
		t.Error("a client without a certificate is served")
	}
	if err := ask(ca.Issue(t, "client")); err == nil {
		t.Error("a client of another authority is served")
	}
	others := envoytest.NewCA(t)
	put(t, map[string][]byte{filepath.Join(dir, "clients.pem"): bytes.Join([][]byte{clients.PEM(), others.PEM()}, nil)})
	envoytest.Eventually(t, patience, "a client of a new authority is served", func() error { return ask(others.Issue(t, "client")) })
	s.untouched(t)
}
