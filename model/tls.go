package model

// TLS is how a listener speaks it. Secrets are named by what stands in the
// document, not by their content: new content is no change of the listener.
type TLS struct {
	// Certificates are at least one. The first is for clients that ask for no
	// name, or for one that none has.
	Certificates []Certificate
	ClientCA     *Authorities // of clients; nil asks clients for no certificate
	// RequireClient refuses clients without a certificate. It stands with
	// ClientCA alone.
	RequireClient bool
	MinVersion    TLSVersion
	CipherSuites  []string // of TLS 1.2, best first, as OpenSSL names them; empty leaves Envoy's
	ALPN          []string // best first
}

// TLSVersion is a version of TLS.
type TLSVersion int

// The versions.
const (
	TLS12 TLSVersion = iota
	TLS13
)

// A Certificate is one with its key, as PEM. They belong together.
type Certificate struct {
	Secret  string // the name by which it is sent, unique among certificates and authorities
	Chain   []byte
	Key     PrivateKey
	Sources CertificateFiles
}

// CertificateFiles are the files that a certificate and its key were read
// from: relative to the configuration root, or absolute.
type CertificateFiles struct{ Cert, Key string }

// Authorities are certificates that others are checked against, as PEM.
type Authorities struct {
	Secret string // the name by which they are sent
	Bundle []byte
	Source string // the file that they were read from
}

// A PrivateKey is a key as PEM. It does not print: whoever sends it converts it.
type PrivateKey []byte

// redacted stands for a key wherever people read.
const redacted = "[redacted]"

// String hides the key.
func (PrivateKey) String() string { return redacted }

// GoString hides it from %#v.
func (PrivateKey) GoString() string { return redacted }

// MarshalText hides it from JSON.
func (PrivateKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }
