package loader_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dragoman/diag"
	"dragoman/internal/envoytest"
	"dragoman/loader"
)

const (
	day   = 24 * time.Hour
	https = "listener: https\nport: 443\ntls:\n  certificates: [{cert: a.crt, key: a.key}]\n"
)

// A desk is a loader with a file that names a certificate.
type desk struct {
	t *testing.T
	l *loader.Loader
}

func newDesk(t *testing.T, o loader.Options) *desk {
	t.Helper()
	d := &desk{t, loader.New(o)}
	d.l.Take([]loader.Source{{Path: "https.yaml", Data: []byte(https)}})
	return d
}

// put gives named files contents, nil for none, and applies that.
func (d *desk) put(files map[string][]byte) loader.Result {
	d.t.Helper()
	var sources []loader.Source
	for name, text := range files {
		sources = append(sources, loader.Source{Path: name, Data: text, Gone: text == nil, Named: true})
	}
	return d.l.Apply(sources)
}

func pair(t *testing.T, c tls.Certificate) map[string][]byte {
	t.Helper()
	cert, key := envoytest.PEM(t, c)
	return map[string][]byte{"a.crt": cert, "a.key": key}
}

// serves fails unless a certificate, or for nil none, serves.
func (d *desk) serves(res loader.Result, want *tls.Certificate) {
	d.t.Helper()
	var got string
	if res.Config != nil && res.Config.Listeners["https"] != nil {
		got = string(res.Config.Listeners["https"].TLS.Certificates[0].Chain)
	}
	if want == nil {
		if got != "" {
			d.t.Errorf("something serves: %s", got)
		}
		return
	}
	if cert, _ := envoytest.PEM(d.t, *want); got != string(cert) {
		d.t.Errorf("this serves: %q\nwant %q", got, cert)
	}
}

func says(t *testing.T, res loader.Result, want ...string) {
	t.Helper()
	var got []string
	for _, p := range res.Problems {
		got = append(got, p.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func curve(t *testing.T, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// What is wrong with a certificate at first keeps its file from serving.
func TestCertificatesThatAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := envoytest.NewCA(t)
		good := pair(t, ca.Issue(t, "a.example.com"))
		other := pair(t, ca.Issue(t, "a.example.com"))
		small := pair(t, ca.IssueRSA(t, 1024, "a.example.com"))
		odd := pair(t, ca.IssueKey(t, curve(t, elliptic.P224()), "a.example.com"))
		now := time.Now()
		with := func(file string, text []byte) map[string][]byte {
			return map[string][]byte{"a.crt": good["a.crt"], "a.key": good["a.key"], file: text}
		}
		block := func(kind string, headers map[string]string) []byte {
			return pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: []byte("???")})
		}
		const cert, key = "https.yaml:4:25: tls.certificates[0].cert: ", "https.yaml:4:37: tls.certificates[0].key: "
		const missing = "put it there; names are relative to the directory of the file that has them [DRG5001 named-file]"
		decrypt := "the key is encrypted, decrypt it: openssl pkey -in FILE -out FILE [DRG5002 certificate]"
		for _, c := range []struct {
			name  string
			files map[string][]byte
			want  string
		}{
			{"nothing was read", nil, cert + "a.crt does not exist, " + missing},
			{"no certificate", with("a.crt", nil), cert + "a.crt does not exist, " + missing},
			{"no key", with("a.key", nil), key + "a.key does not exist, " + missing},
			{"no PEM", with("a.crt", []byte{0x30, 0x82}), cert + "a.crt: there is no PEM in it, convert it: openssl x509 -inform der, or openssl pkey -inform der [DRG5002 certificate]"},
			{"a key for a certificate", with("a.crt", good["a.key"]), cert + "a.crt: there is no certificate in it, only a private key, replace the file [DRG5002 certificate]"},
			{"a damaged certificate", with("a.crt", block("CERTIFICATE", nil)), cert + "a.crt: one of its certificates is damaged or of an unknown kind: malformed certificate, replace the file [DRG5002 certificate]"},
			{"a certificate for a key", with("a.key", good["a.crt"]), key + "a.key: there is no private key in it, only a certificate, replace the file [DRG5002 certificate]"},
			{"a damaged key", with("a.key", block("PRIVATE KEY", nil)), key + "a.key: the key is damaged or of an unknown kind, replace the file [DRG5002 certificate]"},
			{"an encrypted key", with("a.key", block("ENCRYPTED PRIVATE KEY", nil)), key + "a.key: " + decrypt},
			{"an old encrypted key", with("a.key", block("RSA PRIVATE KEY", map[string]string{"Proc-Type": "4,ENCRYPTED"})), key + "a.key: " + decrypt},
			{"another key", with("a.key", other["a.key"]), key + "a.key is not the key of the certificate, replace both files together [DRG5003 key-mismatch]"},
			{
				"a chain from the wrong end", with("a.crt", slices.Concat(ca.PEM(), good["a.crt"])),
				key + "a.key is not the key of the certificate, put the certificate that it is the key of first in the file [DRG5003 key-mismatch]",
			},
			{"a short RSA key", small, cert + "a.crt: it has an RSA key of 1024 bits, and Envoy takes none below 2048, issue one with RSA of 2048 bits or more, or with ECDSA on P-256, P-384 or P-521 [DRG5002 certificate]"},
			{"a strange curve", odd, cert + "a.crt: it has a key on the curve P-224, which Envoy does not take, issue one with RSA of 2048 bits or more, or with ECDSA on P-256, P-384 or P-521 [DRG5002 certificate]"},
			{"one that has ended", pair(t, ca.IssueBetween(t, now.Add(-2*day), now.Add(-day), "a.example.com")), cert + "a.crt ended 1999-12-31 00:00 UTC, replace it [DRG5004 out-of-date]"},
			{
				"one that has not begun", pair(t, ca.IssueBetween(t, now.Add(day), now.Add(50*day), "a.example.com")),
				cert + "a.crt is not good before 2000-01-02 00:00 UTC, wait, or use another one until then; and look at this machine's clock [DRG5004 out-of-date]",
			},
		} {
			d := newDesk(t, loader.Options{})
			res := d.put(c.files)
			t.Log(c.name)
			says(t, res, c.want)
			d.serves(res, nil)
			if !slices.Equal(res.Held, []string{"https.yaml"}) {
				t.Errorf("held: %q", res.Held)
			}
		}
	})
}

// Keys of every form, with what else people have in such files, arrive alone.
func TestOnlyWhatIsNeededIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := envoytest.NewCA(t)
		for _, key := range []*ecdsa.PrivateKey{curve(t, elliptic.P256()), curve(t, elliptic.P384()), curve(t, elliptic.P521())} {
			c := ca.IssueKey(t, key, "a.example.com")
			der, err := x509.MarshalECPrivateKey(key)
			if err != nil {
				t.Fatal(err)
			}
			cert, _ := envoytest.PEM(t, c)
			sec1 := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
			params := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte("x")})
			all := slices.Concat([]byte("subject=a\n"), params, sec1, cert)
			d := newDesk(t, loader.Options{})
			res := d.put(map[string][]byte{"a.crt": all, "a.key": all})
			says(t, res)
			d.serves(res, &c)
			got := res.Config.Listeners["https"].TLS.Certificates[0]
			if string(got.Key) != string(sec1) {
				t.Errorf("the key is %q, want %q", string(got.Key), sec1)
			}
			if text := fmt.Sprintf("%v %+v %#v %s %x", got.Key, got, got, got.Key, got.Key); strings.Contains(text, "EC PRIVATE") || !strings.Contains(text, "[redacted]") {
				t.Errorf("a key prints: %s", text)
			}
		}
	})
}

// What serves goes on, whatever becomes of the files.
func TestCertificatesGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := envoytest.NewCA(t)
		first, second := ca.Issue(t, "a.example.com"), ca.Issue(t, "a.example.com")
		d := newDesk(t, loader.Options{})
		d.serves(d.put(pair(t, first)), &first)

		// The certificate comes before its key: that is waited for, and then told.
		next := pair(t, second)
		res := d.put(map[string][]byte{"a.crt": next["a.crt"]})
		says(t, res)
		d.serves(res, &first)
		time.Sleep(time.Until(d.l.Due()))
		res = d.l.Apply(nil)
		says(t, res, "https.yaml:4:37: tls.certificates[0].key: a.key is not the key of the certificate; the one before it goes on serving, replace both files together [DRG5003 key-mismatch]")
		d.serves(res, &first)
		if !slices.Equal(res.Held, []string{"https.yaml"}) {
			t.Errorf("held: %q", res.Held)
		}
		res = d.put(map[string][]byte{"a.key": next["a.key"]})
		says(t, res)
		d.serves(res, &second)

		// The files go, and YAML that is wrong stands in nobody's way.
		d.put(map[string][]byte{"a.crt": nil, "a.key": nil})
		time.Sleep(time.Second)
		res = d.l.Apply(nil)
		d.serves(res, &second)
		d.l.Take([]loader.Source{{Path: "https.yaml", Data: []byte(https + "prot: 1\n")}})
		res = d.put(pair(t, first))
		d.serves(res, &first)
		if res.Problems[0].Code != diag.UnknownKey || len(res.Problems) != 1 {
			t.Errorf("problems: %v", res.Problems)
		}
	})
}

// Nobody is better off without a certificate that has ended.
func TestTimePasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := envoytest.NewCA(t)
		c := ca.IssueBetween(t, time.Now().Add(time.Hour), time.Now().Add(20*day), "a.example.com")
		d := newDesk(t, loader.Options{})
		d.serves(d.put(pair(t, c)), nil)
		const at = "https.yaml:4:25: "
		for _, want := range [][]string{
			nil,
			{at + "warning: tls.certificates[0].cert: a.crt ends 2000-01-21 00:00 UTC, replace it before [DRG5005 ends-soon]"},
			{at + "tls.certificates[0].cert: a.crt ended 2000-01-21 00:00 UTC; it goes on serving, replace it [DRG5004 out-of-date]"},
		} {
			if d.l.Due().IsZero() {
				t.Fatal("time changes nothing any more")
			}
			time.Sleep(time.Until(d.l.Due()))
			res := d.l.Apply(nil)
			says(t, res, want...)
			d.serves(res, &c)
		}
		if due := d.l.Due(); !due.IsZero() {
			t.Errorf("due at %v, and nothing can change", due)
		}
		again := loader.New(loader.Options{})
		var kept []loader.Source
		for good := range d.l.Good().All() {
			kept = append(kept, loader.Source{Path: good.Key(), Data: good.Bytes(), Named: !loader.IsConfig(good.Key())})
		}
		d.serves(again.Restore(kept), &c)
	})
}

func TestACertificateWithoutNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := envoytest.NewCA(t).Issue(t, "")
		d := newDesk(t, loader.Options{})
		res := d.put(pair(t, c))
		says(t, res, "https.yaml:4:25: warning: tls.certificates[0].cert: a.crt has no name of a server in it, issue it with subject alternative names: no client goes by the common name any more [DRG5006 no-server-name]")
		d.serves(res, &c)
	})
}

// With --on-error freeze a pair that is wrong holds everything.
func TestAFrozenCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := envoytest.NewCA(t)
		first, second := ca.Issue(t, "a.example.com"), ca.Issue(t, "a.example.com")
		d := newDesk(t, loader.Options{Freeze: true})
		d.serves(d.put(pair(t, first)), &first)
		d.l.Take([]loader.Source{{Path: "b.yaml", Data: []byte("service: [\n")}})
		res := d.put(pair(t, second))
		d.serves(res, &first)
		if !slices.ContainsFunc(res.Problems, func(p diag.Problem) bool {
			return p.Code == diag.Frozen && strings.Contains(p.Msg, "a.crt")
		}) {
			t.Errorf("nobody says that a.crt waits: %v", res.Problems)
		}
		d.l.Take([]loader.Source{{Path: "b.yaml", Gone: true}})
		d.serves(d.put(nil), &second)
	})
}
