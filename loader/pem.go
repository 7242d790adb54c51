package loader

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"dragoman/diag"
)

// A content is what a certificate's files hold, brought into one form: what
// is not to be sent, such as a key in the file of the certificate, is left out.
// It does not change.
type content struct {
	chain, key []byte
	from, to   time.Time // when it is good
	nameless   bool      // it has no name that a client could ask for
}

func (c *content) same(o *content) bool {
	return o != nil && bytes.Equal(c.chain, o.chain) && bytes.Equal(c.key, o.key)
}

// A flaw is what is wrong with the files of a certificate. Words of theirs are
// not in it: they may be secret.
type flaw struct {
	code  diag.Code
	inKey bool   // it is the key's file
	msg   string // what follows the file's name
	hint  string
}

// parsePair reads a certificate and its key. Envoy takes more kinds of keys
// than are of use: what browsers and Envoy do not have in common is refused.
func parsePair(cert, key []byte) (*content, *flaw) {
	chain, certs, err := certificates(cert)
	if err != nil {
		return nil, &flaw{diag.Certificate, false, ": " + err.Error(), hintFor(err)}
	}
	leaf := certs[0]
	if msg := weakness(leaf.PublicKey); msg != "" {
		return nil, &flaw{diag.Certificate, false, ": " + msg, "issue one with RSA of 2048 bits or more, or with ECDSA on P-256, P-384 or P-521"}
	}
	text, private, err := privateKey(key)
	if err != nil {
		return nil, &flaw{diag.Certificate, true, ": " + err.Error(), hintFor(err)}
	}
	if public, ok := private.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(leaf.PublicKey) {
		hint := "replace both files together"
		for _, c := range certs[1:] {
			if ok && public.Equal(c.PublicKey) {
				hint = "put the certificate that it is the key of first in the file"
			}
		}
		return nil, &flaw{diag.KeyMismatch, true, " is not the key of the certificate", hint}
	}
	return &content{
		chain: chain, key: text, from: leaf.NotBefore, to: leaf.NotAfter,
		nameless: len(leaf.DNSNames)+len(leaf.IPAddresses) == 0,
	}, nil
}

// parseAuthorities reads certificates that others are checked against. They
// are of use as long as one of them is.
func parseAuthorities(text []byte) (*content, *flaw) {
	chain, certs, err := certificates(text)
	if err != nil {
		return nil, &flaw{diag.Certificate, false, ": " + err.Error(), hintFor(err)}
	}
	out := &content{chain: chain, from: certs[0].NotBefore, to: certs[0].NotAfter}
	for _, c := range certs[1:] {
		if c.NotBefore.Before(out.from) {
			out.from = c.NotBefore
		}
		if c.NotAfter.After(out.to) {
			out.to = c.NotAfter
		}
	}
	return out, nil
}

var (
	errNotPEM    = errors.New("there is no PEM in it")
	errEncrypted = errors.New("the key is encrypted")
)

func hintFor(err error) string {
	switch {
	case errors.Is(err, errNotPEM):
		return "convert it: openssl x509 -inform der, or openssl pkey -inform der"
	case errors.Is(err, errEncrypted):
		return "decrypt it: openssl pkey -in FILE -out FILE"
	}
	return "replace the file"
}

// blocks are the PEM blocks of a text.
func blocks(text []byte) []*pem.Block {
	var out []*pem.Block
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return out
		}
		out = append(out, b)
	}
}

// certificates are those of a PEM file, and the file with nothing else.
func certificates(text []byte) ([]byte, []*x509.Certificate, error) {
	var out []byte
	var certs []*x509.Certificate
	all := blocks(text)
	for _, b := range all {
		if b.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, nil, fmt.Errorf("one of its certificates is damaged or of an unknown kind: %s", plainly(err))
		}
		certs = append(certs, c)
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: b.Type, Bytes: b.Bytes})...)
	}
	switch {
	case len(all) == 0:
		return nil, nil, errNotPEM
	case len(certs) == 0:
		return nil, nil, fmt.Errorf("there is no certificate in it, only a %s", strings.ToLower(all[0].Type))
	}
	return out, certs, nil
}

// privateKey is the one of a PEM file, and the file with nothing else.
func privateKey(text []byte) ([]byte, crypto.Signer, error) {
	all := blocks(text)
	if len(all) == 0 {
		return nil, nil, errNotPEM
	}
	for _, b := range all {
		var key any
		var err error
		switch {
		case b.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED"):
			return nil, nil, errEncrypted
		case b.Type == "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(b.Bytes)
		case b.Type == "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(b.Bytes)
		case b.Type == "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(b.Bytes)
		default:
			continue
		}
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return nil, nil, errors.New("the key is damaged or of an unknown kind") // without the parser's words
		}
		return pem.EncodeToMemory(&pem.Block{Type: b.Type, Bytes: b.Bytes}), signer, nil
	}
	return nil, nil, fmt.Errorf("there is no private key in it, only a %s", strings.ToLower(all[0].Type))
}

// leastRSA is what Envoy takes.
const leastRSA = 2048

// weakness says why a key is of no use in a certificate.
func weakness(key any) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < leastRSA {
			return fmt.Sprintf("it has an RSA key of %d bits, and Envoy takes none below %d", n, leastRSA)
		}
		return ""
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return ""
		}
		return fmt.Sprintf("it has a key on the curve %s, which Envoy does not take", k.Curve.Params().Name)
	case ed25519.PublicKey:
		return "" // Envoy takes it, and so do some clients
	}
	return "its key is of a kind that Envoy does not take"
}

// plainly is an error of the parser's, without its package.
func plainly(err error) string { return strings.TrimPrefix(err.Error(), "x509: ") }
