// Command certs makes certificates to try TLS with, between Dragoman and its
// Envoys: an authority that nobody else knows, and what it signs. They are for
// a laptop: the authority's own key is thrown away, so that nothing can be
// added later, and they end after 30 days.
//
// It writes into a directory that it makes, and overwrites nothing.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "certs: %v\n", err)
		os.Exit(2) //nolint:forbidigo // this is main
	}
}

// lasts is how long the certificates are good.
const lasts = 30 * 24 * time.Hour

func run(args []string, stdout io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("it takes one DIR to make, got %d", len(args))
	}
	dir := args[0]
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	server := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "dragoman"},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	envoy := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "envoy"},
		URIs:        []*url.URL{{Scheme: "spiffe", Host: "example.org", Path: "/envoy"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if err := write(filepath.Join(dir, "ca.crt"), "CERTIFICATE", ca.cert.Raw); err != nil {
		return err
	}
	for name, template := range map[string]*x509.Certificate{"server": server, "envoy": envoy} {
		if err := ca.issue(filepath.Join(dir, name), template); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(stdout, `dragoman serve --tls-cert %[1]s/server.crt --tls-key %[1]s/server.key --tls-client-ca %[1]s/ca.crt DIR
dragoman bootstrap --tls-ca %[1]s/ca.crt --tls-cert %[1]s/envoy.crt --tls-key %[1]s/envoy.key
`, dir)
	return err
}

// An authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &authority{key: key}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "dragoman test authority"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := a.sign(template, template, key)
	if err != nil {
		return nil, err
	}
	a.cert, err = x509.ParseCertificate(der)
	return a, err
}

// issue writes a certificate and its key.
func (a *authority) issue(path string, template *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	cert, err := a.sign(template, a.cert, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := write(path+".crt", "CERTIFICATE", cert); err != nil {
		return err
	}
	return write(path+".key", "PRIVATE KEY", secret)
}

// sign fills in what all certificates have, and signs.
func (a *authority) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Hour) // clocks differ
	template.NotAfter = time.Now().Add(lasts)
	return x509.CreateCertificate(rand.Reader, template, parent, key.Public(), a.key)
}

func write(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
