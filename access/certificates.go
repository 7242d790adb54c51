package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Files are the paths of PEM files.
type Files struct {
	Cert string // the server's certificate, and what leads from it to its authority
	Key  string // its private key
	// ClientCA has the authorities whose certificates clients may show. They
	// must show one, unless it is "".
	ClientCA string
}

func (f Files) paths() []string {
	if f.ClientCA == "" {
		return []string{f.Cert, f.Key}
	}
	return []string{f.Cert, f.Key, f.ClientCA}
}

// A certificate that ends so soon is warned of, this often.
const (
	soon      = 14 * 24 * time.Hour
	warnEvery = 24 * time.Hour
)

// Certificates are what the server shows and asks for, as the files had it when
// they were last right.
type Certificates struct {
	files Files
	log   *slog.Logger
	first reading

	current atomic.Pointer[identity]
}

// identity is the content of the files, in use.
type identity struct {
	config    *tls.Config
	own       *x509.Certificate
	authority []*x509.Certificate // of clients
}

// OpenCertificates reads the files for the first time, when they must be right.
func OpenCertificates(files Files, log *slog.Logger) (*Certificates, error) {
	c := &Certificates{files: files, log: log, first: look(files.paths())}
	id, err := c.parse(c.first)
	if err != nil {
		return nil, err
	}
	c.current.Store(id)
	c.warn()
	return c, nil
}

// Config returns what the next handshake is to use. Connections that are open
// are not concerned by what comes later.
func (c *Certificates) Config() *tls.Config { return c.current.Load().config }

// Run reads the files again when they change, and warns of certificates that
// end soon, until ctx ends.
func (c *Certificates) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { c.remind(ctx) })
	follow(ctx, c.files.paths(), c.first, c.take)
	wg.Wait()
}

// remind warns again and again until ctx ends.
func (c *Certificates) remind(ctx context.Context) {
	ticker := time.NewTicker(warnEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.warn()
		}
	}
}

// take uses new content if it is right, for handshakes from now on.
func (c *Certificates) take(r reading) {
	id, err := c.parse(r)
	if err != nil {
		c.log.Error("certificates not replaced, those from before are in use", slog.String("error", err.Error()))
		return
	}
	c.current.Store(id)
	c.log.Info("certificates replaced", slog.String("certificate", c.files.Cert), slog.Time("until", id.own.NotAfter))
	c.warn()
}

func (c *Certificates) parse(r reading) (*identity, error) {
	if r.err != nil {
		return nil, fmt.Errorf("reading certificates: %w", r.err)
	}
	pair, err := tls.X509KeyPair(r.contents[0], r.contents[1])
	if err != nil {
		return nil, fmt.Errorf("certificate %s and key %s: %w", c.files.Cert, c.files.Key, err)
	}
	switch now := time.Now(); {
	case now.After(pair.Leaf.NotAfter):
		return nil, fmt.Errorf("certificate %s ended %s", c.files.Cert, date(pair.Leaf.NotAfter))
	case now.Before(pair.Leaf.NotBefore):
		return nil, fmt.Errorf("certificate %s begins only %s", c.files.Cert, date(pair.Leaf.NotBefore))
	}
	id := &identity{own: pair.Leaf, config: &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2"},
		// Streams are long, so that resuming a session would save nothing, and a
		// client is to be asked for its certificate each time.
		SessionTicketsDisabled: true,
	}}
	if c.files.ClientCA == "" {
		return id, nil
	}
	if id.authority, err = authorities(r.contents[2]); err != nil {
		return nil, fmt.Errorf("client authorities %s: %w", c.files.ClientCA, err)
	}
	id.config.ClientAuth = tls.RequireAndVerifyClientCert
	id.config.ClientCAs = x509.NewCertPool()
	for _, cert := range id.authority {
		id.config.ClientCAs.AddCert(cert)
	}
	return id, nil
}

// authorities are all certificates of a PEM file. The standard library's pools
// pass over what they do not understand, and would then refuse everybody.
func authorities(text []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("it has a %s, want certificates alone", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, cert)
	}
	if len(out) == 0 {
		return nil, errors.New("there is no certificate in PEM form in it")
	}
	return out, nil
}

// warn says which certificates end soon, or have ended.
func (c *Certificates) warn() {
	id := c.current.Load()
	c.warnOf(c.files.Cert, id.own)
	for _, cert := range id.authority {
		c.warnOf(c.files.ClientCA, cert)
	}
}

func (c *Certificates) warnOf(file string, cert *x509.Certificate) {
	left := time.Until(cert.NotAfter)
	if left > soon {
		return
	}
	about := []any{slog.String("file", file), slog.String("subject", cert.Subject.String()), slog.Time("until", cert.NotAfter)}
	if left <= 0 {
		c.log.Error("a certificate has ended", about...)
		return
	}
	c.log.Warn("a certificate ends soon", about...)
}

func date(t time.Time) string { return t.UTC().Format(time.RFC3339) }
