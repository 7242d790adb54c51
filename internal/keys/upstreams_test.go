package keys_test

import (
	"crypto/rand"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dragoman/internal/envoytest"
)

// upstreams are the servers behind all Envoys.
type upstreams struct {
	places map[string]string // addresses by placeholder
	roots  string            // file of the authority that is trusted
	six    bool              // the machine has IPv6

	certificates *certificates // that listeners show
}

func newUpstreams(t testing.TB) *upstreams {
	t.Helper()
	out := &upstreams{places: map[string]string{}, roots: filepath.Join(t.TempDir(), "roots.pem"), certificates: newCertificates(t)}
	ca := envoytest.NewCA(t)
	if err := os.WriteFile(out.roots, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	out.start(t, "a", envoytest.UpstreamOptions{})
	out.start(t, "b", envoytest.UpstreamOptions{})
	out.start(t, "script", envoytest.UpstreamOptions{Handler: &script{tries: map[string]int{}}})
	trusted, misnamed, strange := ca.Issue(t, "localhost"), ca.Issue(t, "other.test"), envoytest.NewCA(t).Issue(t, "localhost")
	out.start(t, "tls", envoytest.UpstreamOptions{TLS: &trusted})
	out.start(t, "misnamed", envoytest.UpstreamOptions{TLS: &misnamed})
	out.start(t, "strange", envoytest.UpstreamOptions{TLS: &strange})
	out.families(t)
	return out
}

// start runs an upstream at <NAME>, and by name at <NAME-name>.
func (u *upstreams) start(t testing.TB, name string, o envoytest.UpstreamOptions) {
	t.Helper()
	o.Name = name
	up := envoytest.NewUpstream(t, o)
	_, port, err := net.SplitHostPort(up.Addr)
	if err != nil {
		t.Fatal(err)
	}
	u.places["<"+name+">"] = up.Addr
	u.places["<"+name+"-name>"] = "localhost:" + port
}

// families runs an upstream for each family of localhost, on one port.
func (u *upstreams) families(t testing.TB) {
	t.Helper()
	four := "127.0.0.1:0"
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
		l.Close()
		six := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "six", Address: "[::1]:0"})
		u.six = true
		four = strings.Replace(six.Addr, "[::1]", "127.0.0.1", 1)
	}
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "four", Address: four})
	u.places["<families-name>"] = strings.Replace(up.Addr, "127.0.0.1", "localhost", 1)
}

// A script answers each try of a request with the next word of the request's
// x-script, such as 503,slow,200: a status, or 200 after a while. All requests
// with one x-id are tries of one.
type script struct {
	mu    sync.Mutex
	tries map[string]int
}

// slowness is much longer than every limit in a row, and what a request that
// should have met the limit costs the test.
const slowness = time.Second

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	id := r.Header.Get("X-Id")
	try := s.tries[id]
	s.tries[id]++
	s.mu.Unlock()
	for name, values := range r.Header {
		w.Header()["Seen-"+name] = values
	}
	w.Header()["X-Had"] = []string{"upstream"}
	w.Header().Set("X-Tries", strconv.Itoa(try+1))
	words := strings.Split(r.Header.Get("X-Script"), ",")
	word := words[min(try, len(words)-1)]
	if word == "slow" {
		select {
		case <-time.After(slowness):
		case <-r.Context().Done():
			return
		}
	}
	if status, err := strconv.Atoi(word); err == nil {
		w.WriteHeader(status)
	}
}

// newID tells the tries of one request from those of all others.
func newID() string { return rand.Text() }
