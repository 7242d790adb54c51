package main

import (
	"cmp"
	"errors"
	"net/netip"
	"strings"
)

// tlsValues are how an Envoy speaks TLS to the server. Files are on its host.
type tlsValues struct {
	CA        string
	Cert, Key string // "" for none
	Name      string // that the server's certificate must have
	Kind      string // of Name: DNS, IP_ADDRESS or URI
	SNI       bool   // Name is what the server is asked for
}

// secure fills in TLS. Envoy checks nothing by itself: without an authority it
// takes any certificate, and without a name any server of that authority.
func (v *bootstrapValues) secure(t tlsValues) error {
	switch {
	case t == tlsValues{}:
		return nil
	case t.CA == "":
		return errors.New("TLS needs --tls-ca, or the Envoy would trust any server")
	case (t.Cert == "") != (t.Key == ""):
		return errors.New("--tls-cert and --tls-key go together")
	}
	t.Name = cmp.Or(t.Name, v.Host)
	_, err := netip.ParseAddr(t.Name)
	switch {
	case err == nil:
		t.Kind = "IP_ADDRESS"
	case strings.Contains(t.Name, "://"): // a SPIFFE id
		t.Kind = "URI"
	default:
		t.Kind, t.SNI = "DNS", true
	}
	v.TLS = &t
	return nil
}
