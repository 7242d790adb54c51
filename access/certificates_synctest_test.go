package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dragoman/internal/envoytest"
	"dragoman/internal/savetest"
)

const day = 24 * time.Hour

// journal is what is logged.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// inUse is how long new content may take until it is.
const inUse = time.Second

// pair writes a certificate and its key, and returns it.
func pair(t *testing.T, f Files, c tls.Certificate) tls.Certificate {
	t.Helper()
	cert, key := envoytest.PEM(t, c)
	write(t, f.Cert, string(cert))
	write(t, f.Key, string(key))
	return c
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func in(dir string) Files {
	return Files{Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), ClientCA: filepath.Join(dir, "ca.crt")}
}

// opened are certificates that are followed until stop is called.
func opened(t *testing.T, f Files) (c *Certificates, log *journal, stop func()) {
	t.Helper()
	log = new(journal)
	c, err := OpenCertificates(f, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Run(ctx)
	}()
	return c, log, func() {
		cancel()
		<-ended
	}
}

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func shows(t *testing.T, c *Certificates, want tls.Certificate) {
	t.Helper()
	if got := c.Config().Certificates[0].Leaf; !got.Equal(want.Leaf) {
		t.Errorf("the certificate is the one for %v until %v, want the one for %v until %v",
			got.DNSNames, got.NotAfter, want.Leaf.DNSNames, want.Leaf.NotAfter)
	}
}

func TestReplacedCertificatesAreUsed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, ca := in(dir), envoytest.NewCA(t)
		write(t, f.ClientCA, string(ca.PEM()))
		first := pair(t, f, ca.Issue(t, "first"))
		c, log, stop := opened(t, f)
		defer stop()
		pass(time.Minute)
		shows(t, c, first)

		second := pair(t, f, ca.Issue(t, "second"))
		pass(inUse)
		shows(t, c, second)

		other := envoytest.NewCA(t)
		write(t, f.ClientCA, string(ca.PEM())+string(other.PEM()))
		pass(inUse)
		client := other.Issue(t, "client")
		if _, err := client.Leaf.Verify(x509Options(c)); err != nil {
			t.Errorf("a client of the new authority: %v", err)
		}
		if n := strings.Count(log.String(), "\n"); n != 2 || strings.Count(log.String(), "level=INFO") != 2 {
			t.Errorf("the log has not just two replacements:\n%s", log.String())
		}
	})
}

// A Secret that is mounted names none of its files when it changes.
func TestASecretsSwapIsFollowed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, ca := in(dir), envoytest.NewCA(t)
		mounted := savetest.NewConfigMap(dir)
		project := func(name string) tls.Certificate {
			issued := ca.Issue(t, name)
			cert, key := envoytest.PEM(t, issued)
			mounted.Write(t, map[string]string{"tls.crt": string(cert), "tls.key": string(key), "ca.crt": string(ca.PEM())})
			return issued
		}
		first := project("first")
		c, log, stop := opened(t, f)
		defer stop()
		shows(t, c, first)
		second := project("second")
		pass(inUse)
		shows(t, c, second)
		if strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("the log:\n%s", log.String())
		}
	})
}

func TestWhatIsWrongReplacesNothing(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(f Files, ca *envoytest.CA)
		want string
	}{
		{"half a pair", func(f Files, ca *envoytest.CA) {
			cert, _ := envoytest.PEM(t, ca.Issue(t, "new"))
			write(t, f.Cert, string(cert))
		}, "private key does not match public key"},
		{"empty", func(f Files, _ *envoytest.CA) { write(t, f.Key, "") }, "failed to find any PEM data"},
		{"gone", func(f Files, _ *envoytest.CA) {
			if err := os.Remove(f.Key); err != nil {
				t.Fatal(err)
			}
		}, "no such file"},
		{"no authority", func(f Files, _ *envoytest.CA) { write(t, f.ClientCA, "soon") }, "no certificate in PEM form"},
		{"over", func(f Files, ca *envoytest.CA) {
			pair(t, f, ca.IssueBetween(t, time.Now().Add(-2*day), time.Now().Add(-day), "old"))
		}, "ended 1999-12-31T"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				f, ca := in(dir), envoytest.NewCA(t)
				write(t, f.ClientCA, string(ca.PEM()))
				first := pair(t, f, ca.Issue(t, "first"))
				c, log, stop := opened(t, f)
				defer stop()
				tt.do(f, ca)
				pass(time.Minute)
				shows(t, c, first)
				if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=ERROR") || !strings.Contains(got, tt.want) {
					t.Errorf("the log is not one error with %q:\n%s", tt.want, got)
				}

				write(t, f.ClientCA, string(ca.PEM()))
				second := pair(t, f, ca.Issue(t, "second"))
				pass(inUse)
				shows(t, c, second)
			})
		})
	}
}

// Whoever replaces two files is between the two for a moment.
func TestAMomentBetweenTwoFilesIsNoError(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, ca := in(dir), envoytest.NewCA(t)
		write(t, f.ClientCA, string(ca.PEM()))
		pair(t, f, ca.Issue(t, "first"))
		c, log, stop := opened(t, f)
		defer stop()
		second := ca.Issue(t, "second")
		cert, key := envoytest.PEM(t, second)
		pass(300 * time.Millisecond)
		write(t, f.Cert, string(cert))
		pass(300 * time.Millisecond) // one look is between
		write(t, f.Key, string(key))
		pass(inUse)
		shows(t, c, second)
		if strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("the log:\n%s", log.String())
		}
	})
}

// Three weeks of looking at files are too many for a test: it only waits.
func TestTheEndOfACertificateIsSaidBefore(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := in(dir)
		f.ClientCA = ""
		pair(t, f, envoytest.NewCA(t).IssueBetween(t, time.Now(), time.Now().Add(20*day+time.Hour), "server"))
		log := new(journal)
		c, err := OpenCertificates(f, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go c.remind(ctx)
		count := func(level string) int { return strings.Count(log.String(), "level="+level) }
		pass(6*day + time.Minute)
		if got := log.String(); got != "" {
			t.Errorf("14 days and an hour before: %s", got)
		}
		pass(day)
		if got := log.String(); count("WARN") != 1 || !strings.Contains(got, `tls.crt subject="CN=server" until=2000-01-21T01:00:00.000Z`) {
			t.Errorf("13 days before, want one warning: %s", got)
		}
		pass(14 * day)
		if count("WARN") != 14 || count("ERROR") != 1 {
			t.Errorf("at the end there are %d warnings and %d errors, want 14 and 1:\n%s", count("WARN"), count("ERROR"), log.String())
		}
	})
}

func TestCertificatesThatAreWrongFromTheStart(t *testing.T) {
	ca := envoytest.NewCA(t)
	for _, tt := range []struct {
		name string
		do   func(f Files)
		want []string
	}{
		{"no certificate", func(f Files) { os.Remove(f.Cert) }, []string{"reading certificates: ", "tls.crt: no such file"}},
		{"a directory", func(f Files) {
			os.Remove(f.Key)
			if err := os.Mkdir(f.Key, 0o700); err != nil {
				t.Fatal(err)
			}
		}, []string{"tls.key is not a file"}},
		{"large", func(f Files) { write(t, f.ClientCA, strings.Repeat("x", 1<<20+1)) }, []string{"ca.crt has more than 1048576 bytes"}},
		{"not a pair", func(f Files) {
			_, key := envoytest.PEM(t, ca.Issue(t, "other"))
			write(t, f.Key, string(key))
		}, []string{"certificate ", "tls.crt and key ", "tls.key: tls: private key does not match public key"}},
		{"too early", func(f Files) {
			pair(t, f, ca.IssueBetween(t, time.Now().Add(day), time.Now().Add(2*day), "server"))
		}, []string{"tls.crt begins only "}},
		{"a key among the authorities", func(f Files) {
			_, key := envoytest.PEM(t, ca.Issue(t, "other"))
			write(t, f.ClientCA, string(key))
		}, []string{"client authorities ", "ca.crt: it has a PRIVATE KEY, want certificates alone"}},
		{"nonsense among the authorities", func(f Files) {
			write(t, f.ClientCA, string(ca.PEM())+"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
		}, []string{"client authorities ", "x509: malformed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := in(t.TempDir())
			pair(t, f, ca.Issue(t, "server"))
			write(t, f.ClientCA, string(ca.PEM()))
			tt.do(f)
			_, err := OpenCertificates(f, slog.New(slog.DiscardHandler))
			if err == nil || slices.ContainsFunc(tt.want, func(w string) bool { return !strings.Contains(err.Error(), w) }) {
				t.Errorf("OpenCertificates: %v, want %q", err, tt.want)
			}
		})
	}
}

// x509Options are by what a client's certificate is judged.
func x509Options(c *Certificates) x509.VerifyOptions {
	return x509.VerifyOptions{Roots: c.Config().ClientCAs, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
}
