package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dragoman/internal/envoytest"
)

// Certificates of both sides, all replaced by those of another authority: an
// Envoy that is connected stays so, one that comes later shows the new ones.
func TestEnvoysByMutualTLS(t *testing.T) {
	envoytest.Binary(t)
	xds, port := envoytest.FreePort(t), envoytest.FreePort(t)
	server := fmt.Sprintf("localhost:%d", xds)
	conf, own, client := t.TempDir(), t.TempDir(), t.TempDir()
	one := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "one"})
	two := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "two"})
	edit(t, conf, port, one.Addr)
	ca := envoytest.NewCA(t)
	writeCertificates(t, own, ca, ca.Issue(t, "localhost"))
	writeCertificates(t, client, ca, ca.Issue(t, "envoy"))
	file := filepath.Join
	serving(t, server, conf, "--tls-cert", file(own, "tls.crt"), "--tls-key", file(own, "tls.key"), "--tls-client-ca", file(own, "ca.crt"))
	bootstrap := func(flags ...string) string {
		return output(t, append([]string{
			"bootstrap", "--xds", server, "--envoy-admin", "127.0.0.1:0", "--tls-ca", file(client, "ca.crt"),
			"--tls-cert", file(client, "tls.crt"), "--tls-key", file(client, "tls.key"),
		}, flags...)...)
	}

	old := envoytest.Start(t, envoytest.Options{Bootstrap: bootstrap()})
	old.WaitLive(t)
	if got, err := upstreamOf(t, port); err != nil || got != "one" {
		t.Fatalf("as soon as Envoy is LIVE, asking it: got %q, %v, want one", got, err)
	}

	other := envoytest.NewCA(t)
	writeCertificates(t, own, other, other.Issue(t, "localhost"))
	writeCertificates(t, client, other, other.Issue(t, "envoy"))
	envoytest.Eventually(t, 10*time.Second, "the new certificate", func() error {
		conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", xds), &tls.Config{ServerName: "localhost", RootCAs: other.Pool()})
		if err != nil {
			return err
		}
		return conn.Close()
	})
	fresh := envoytest.Start(t, envoytest.Options{Bootstrap: bootstrap()})
	fresh.WaitLive(t)

	before := counter(t, old, "cluster.web.update_success")
	edit(t, conf, port, two.Addr)
	envoytest.Eventually(t, 10*time.Second, "the edit", func() error {
		if counter(t, old, "cluster.web.update_success") == before {
			return fmt.Errorf("the old Envoy has no update")
		}
		if got, err := upstreamOf(t, port); err != nil || got != "two" {
			return fmt.Errorf("got %q, %w, want two", got, err)
		}
		return nil
	})
	if n := counter(t, old, "cluster.dragoman.upstream_cx_total"); n != 1 {
		t.Errorf("the old Envoy has connected %d times, want once", n)
	}

	// A server that is not who it ought to be is not spoken to.
	wary := envoytest.Start(t, envoytest.Options{Bootstrap: bootstrap("--tls-server-name", "dragoman.internal")})
	envoytest.Eventually(t, 10*time.Second, "the refusal of the name", func() error {
		if counter(t, wary, "cluster.dragoman.ssl.fail_verify_san") == 0 {
			return fmt.Errorf("it has refused nothing")
		}
		return nil
	})
}

func counter(t *testing.T, e *envoytest.Envoy, name string) int64 {
	t.Helper()
	return e.Stats(t, "^"+name+"$")[name]
}

// An Envoy that says it is another gets nothing, and the other notices nothing.
func TestAnEnvoyIsWhomItsCertificateNames(t *testing.T) {
	envoytest.Binary(t)
	xds, port := envoytest.FreePort(t), envoytest.FreePort(t)
	server := fmt.Sprintf("localhost:%d", xds)
	conf, own := t.TempDir(), t.TempDir()
	edit(t, conf, port, envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "one"}).Addr)
	ca := envoytest.NewCA(t)
	writeCertificates(t, own, ca, ca.Issue(t, "localhost"))
	rules := filepath.Join(own, "rules.yaml")
	if err := os.WriteFile(rules, []byte("rules: [{identity: spiffe://example.org/edge-*, nodes: [edge]}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	serving(t, server, conf, "--tls-cert", filepath.Join(own, "tls.crt"), "--tls-key", filepath.Join(own, "tls.key"),
		"--tls-client-ca", filepath.Join(own, "ca.crt"), "--authorize", rules)
	start := func(identity string) *envoytest.Envoy {
		dir := t.TempDir()
		writeCertificates(t, dir, ca, ca.Issue(t, identity))
		return envoytest.Start(t, envoytest.Options{Bootstrap: output(t,
			"bootstrap", "--xds", server, "--envoy-admin", "127.0.0.1:0", "--node-id", "edge", "--tls-ca", filepath.Join(dir, "ca.crt"),
			"--tls-cert", filepath.Join(dir, "tls.crt"), "--tls-key", filepath.Join(dir, "tls.key"))})
	}
	edge, thief := start("spiffe://example.org/edge-1"), start("spiffe://example.org/web-1")
	edge.WaitLive(t)
	envoytest.Eventually(t, 10*time.Second, "the refusal", func() error {
		if log := thief.Log(); !strings.Contains(log, "7, no rule is for this certificate") { // 7 is PermissionDenied
			return fmt.Errorf("it is not in Envoy's log")
		}
		return nil
	})
	if n := len(thief.Listeners(t)); n != 0 {
		t.Errorf("who was turned away has %d listeners", n)
	}
	if got, err := upstreamOf(t, port); err != nil || got != "one" {
		t.Errorf("the other Envoy: got %q, %v, want one", got, err)
	}
	if n := counter(t, edge, "cluster.dragoman.upstream_cx_total"); n != 1 {
		t.Errorf("the other Envoy has connected %d times, want once", n)
	}
}
