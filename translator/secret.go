package translator

import (
	"cmp"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"google.golang.org/protobuf/proto"

	"dragoman/model"
)

// secrets are what listeners show, and check clients against.
func secrets(at scope, t *model.TLS) []*tlsv3.Secret {
	if t == nil {
		return nil
	}
	var out []*tlsv3.Secret
	for _, c := range t.Certificates {
		out = append(out, certificate(c.Secret, inline(string(c.Chain)), inline(string(c.Key))))
	}
	if ca := t.ClientCA; ca != nil {
		out = append(out, authorities(ca.Secret, inline(string(ca.Bundle))))
	}
	for _, s := range out {
		at.check(s)
	}
	return out
}

// Redacted returns secrets that may be printed: without the private keys.
func Redacted(in []*tlsv3.Secret) []*tlsv3.Secret {
	var out []*tlsv3.Secret
	for _, s := range in {
		s = proto.CloneOf(s)
		if c := s.GetTlsCertificate(); c != nil {
			c.PrivateKey = inline(model.PrivateKey(nil).String())
		}
		out = append(out, s)
	}
	return out
}

// SecretsInFiles returns the secrets of a configuration as Envoys read them
// from files on their own hosts, named by what name makes of the files here.
// Nothing of a key is in them.
func SecretsInFiles(cfg *model.Config, name func(path string) string) []*tlsv3.Secret {
	var out []*tlsv3.Secret
	for _, l := range byName(cfg.Listeners) {
		if l.TLS == nil {
			continue
		}
		for _, c := range l.TLS.Certificates {
			out = append(out, certificate(c.Secret, file(name(c.Sources.Cert)), file(name(c.Sources.Key))))
		}
		if ca := l.TLS.ClientCA; ca != nil {
			out = append(out, authorities(ca.Secret, file(name(ca.Source))))
		}
	}
	return sortedSecrets(out)
}

func certificate(name string, chain, key *corev3.DataSource) *tlsv3.Secret {
	return &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_TlsCertificate{
		TlsCertificate: &tlsv3.TlsCertificate{CertificateChain: chain, PrivateKey: key},
	}}
}

func authorities(name string, bundle *corev3.DataSource) *tlsv3.Secret {
	return &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_ValidationContext{
		ValidationContext: &tlsv3.CertificateValidationContext{TrustedCa: bundle},
	}}
}

func file(path string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: path}}
}

// sortedSecrets are in the order of their names.
func sortedSecrets(in []*tlsv3.Secret) []*tlsv3.Secret {
	slices.SortFunc(in, func(a, b *tlsv3.Secret) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return in
}
