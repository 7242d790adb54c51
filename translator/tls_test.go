package translator_test

import (
	"bytes"
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"dragoman/internal/envoytest"
	"dragoman/model"
	"dragoman/translator"
)

// secured is a model whose listener shows some certificates.
func secured(names ...string) *model.Config {
	cfg := config()
	t := &model.TLS{ALPN: []string{"h2", "http/1.1"}}
	for _, name := range names {
		t.Certificates = append(t.Certificates, model.Certificate{
			Secret:  "http/cert/" + name,
			Chain:   []byte("chain of " + name),
			Key:     model.PrivateKey("key of " + name),
			Sources: model.CertificateFiles{Cert: name, Key: name + ".key"},
		})
	}
	cfg.Listeners["http"].TLS = t
	return cfg
}

// Whatever becomes of the content of certificates, the listener stays as it is.
func TestCertificatesAreNoPartOfTheListener(t *testing.T) {
	before, _ := translator.Translate(secured("b", "a"), translator.Options{})
	cfg := secured("b", "a")
	for i := range cfg.Listeners["http"].TLS.Certificates {
		c := &cfg.Listeners["http"].TLS.Certificates[i]
		c.Chain, c.Key = []byte("new"), model.PrivateKey("new")
	}
	after, problems := translator.Translate(cfg, translator.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if !proto.Equal(before.Listeners[0], after.Listeners[0]) {
		t.Error("new certificates change the listener")
	}
	if names := []string{after.Secrets[0].GetName(), after.Secrets[1].GetName()}; names[0] != "http/cert/a" || names[1] != "http/cert/b" {
		t.Errorf("the secrets are %q, want them sorted", names)
	}
	if proto.Equal(before.Secrets[0], after.Secrets[0]) {
		t.Error("new certificates change no secret")
	}
	var context tlsv3.DownstreamTlsContext
	if err := after.Listeners[0].GetFilterChains()[0].GetTransportSocket().GetTypedConfig().UnmarshalTo(&context); err != nil {
		t.Fatal(err)
	}
	configs := context.GetCommonTlsContext().GetTlsCertificateSdsSecretConfigs()
	if len(configs) != 2 || configs[0].GetName() != "http/cert/b" {
		t.Errorf("the listener asks for %v, want the default first", configs)
	}
}

// Nothing that is printed has a key in it, and printing changes nothing.
func TestSecretsThatArePrinted(t *testing.T) {
	cfg := secured("a")
	cfg.Listeners["http"].TLS.ClientCA = &model.Authorities{Secret: "http/ca/x", Bundle: []byte("bundle"), Source: "x"}
	r, _ := translator.Translate(cfg, translator.Options{})
	for what, printed := range map[string][]*tlsv3.Secret{
		"redacted": translator.Redacted(r.Secrets),
		"in files": translator.SecretsInFiles(cfg, func(path string) string { return "/dir/" + path }),
	} {
		var text strings.Builder
		for _, s := range printed {
			text.WriteString(protojson.Format(s))
		}
		if len(printed) != 2 || strings.Contains(text.String(), "key of a") {
			t.Errorf("%s: %s", what, text.String())
		}
		if what == "in files" && (!strings.Contains(text.String(), `"/dir/a.key"`) || !strings.Contains(text.String(), `"/dir/x"`)) {
			t.Errorf("the files are not named: %s", text.String())
		}
	}
	if got := r.Secrets[1].GetTlsCertificate().GetPrivateKey().GetInlineString(); got != "key of a" {
		t.Errorf("printing has changed the key to %q", got)
	}
}

// A static bootstrap reads certificates from their files.
func TestEnvoyReadsCertificatesOfAStaticBootstrap(t *testing.T) {
	dir, c := t.TempDir(), envoytest.NewCA(t).Issue(t, "a.example.com")
	cert, key := envoytest.PEM(t, c)
	for name, text := range map[string][]byte{"a": cert, "a.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := secured("a")
	resources, problems := translator.Translate(cfg, translator.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	resources.Secrets = translator.SecretsInFiles(cfg, func(path string) string { return filepath.Join(dir, path) })
	bootstrap, err := translator.Static(resources, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	text, err := protojson.Marshal(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	e := envoytest.Start(t, envoytest.Options{Bootstrap: string(text)})
	e.WaitLive(t)
	conn, err := tls.Dial("tcp", e.Listener(t, "http"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.ConnectionState().PeerCertificates[0].Raw; !bytes.Equal(got, c.Leaf.Raw) {
		t.Error("Envoy shows another certificate")
	}
}
