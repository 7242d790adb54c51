package main

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dragoman/access"
)

// What it writes is taken as it is meant, by the code that serve uses.
func TestCertificates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	var stdout bytes.Buffer
	if err := run([]string{dir}, &stdout); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	open := func(name string) *access.Certificates {
		c, err := access.OpenCertificates(access.Files{Cert: in(name + ".crt"), Key: in(name + ".key"), ClientCA: in("ca.crt")}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for name, want := range map[string]x509.VerifyOptions{
		"server": {DNSName: "localhost", KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}},
		"envoy":  {KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
	} {
		config := open(name).Config()
		want.Roots = config.ClientCAs
		want.CurrentTime = time.Now().Add(lasts - time.Hour)
		if _, err := config.Certificates[0].Leaf.Verify(want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if info, err := os.Stat(in(name + ".key")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s.key: %v, %v, want a file for its owner alone", name, info.Mode(), err)
		}
	}
	want := "dragoman serve --tls-cert DIR/server.crt --tls-key DIR/server.key --tls-client-ca DIR/ca.crt DIR\n" +
		"dragoman bootstrap --tls-ca DIR/ca.crt --tls-cert DIR/envoy.crt --tls-key DIR/envoy.key\n"
	if got := string(bytes.ReplaceAll(stdout.Bytes(), []byte(dir), []byte("DIR"))); got != want {
		t.Errorf("it prints\n%swant\n%s", got, want)
	}
	if err := run([]string{dir}, &stdout); !errors.Is(err, fs.ErrExist) {
		t.Errorf("once more into the same directory: %v, want a refusal", err)
	}
	if err := run(nil, &stdout); err == nil {
		t.Error("without a directory: no error")
	}
}
