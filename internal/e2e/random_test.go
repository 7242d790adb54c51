package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"dragoman/internal/envoytest"
	"dragoman/internal/savetest"
)

const (
	services = 50
	watched  = 20 // of them, which nobody edits
)

// TestRandomEdits edits 30 services 500 times, well and badly, while clients
// keep asking the other 20: none of their requests fails, none of their answers
// changes, and what changes nothing is not published.
func TestRandomEdits(t *testing.T) { editAtRandom(t, envoytest.Original, 500) }

// TestRandomEditsByDelta does so with the bootstrap that the program prints.
func TestRandomEditsByDelta(t *testing.T) { editAtRandom(t, delta, 150) }

func editAtRandom(t *testing.T, bootstrap func(t testing.TB, xds int) string, edits int) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	e := &editor{
		rand:  rand.New(rand.NewPCG(seed, seed)),
		dir:   t.TempDir(),
		ways:  settledWays(),
		state: make([]edited, services),
	}
	for i := range 2 {
		e.upstreams = append(e.upstreams, envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: fmt.Sprintf("up%d", i)}))
	}
	for i := range services {
		e.state[i].revision = 1
		write(t, e.path(i), e.content(i))
	}
	f := startWith(t, bootstrap, e.dir, "--quiet", "20ms")
	e.fleet = f
	for i := range services {
		e.wait(t, i)
	}
	before := len(f.Published())

	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var asked atomic.Int64
	for range 4 {
		clients.Go(func() { e.ask(ctx, t, &asked) })
	}
	substantial := 0
	for range edits {
		if e.edit(t) {
			substantial++
		}
	}
	stop()
	clients.Wait()
	t.Logf("%d edits of substance, %d requests to services that nobody edited", substantial, asked.Load())
	// Envoy may have the last version a moment before the log says so.
	envoytest.Eventually(t, patience, "a version for each edit of substance", func() error {
		if got := len(f.Published()) - before; got != substantial {
			return fmt.Errorf("%d versions were published for %d edits of substance among %d", got, substantial, edits)
		}
		return nil
	})
	if asked.Load() < int64(edits) {
		t.Errorf("only %d requests: the clients proved nothing", asked.Load())
	}
}

// settledWays are the ways of saving in which nobody can take a part of a
// file for the whole of it, however slow the machine. What is left out pauses
// in the middle, at a text that is valid by itself.
func settledWays() []savetest.Way {
	return slices.DeleteFunc(savetest.Ways(), func(w savetest.Way) bool { return w.Name == "slow upload" })
}

// An editor is somebody who edits at random.
type editor struct {
	rand      *rand.Rand
	dir       string
	fleet     *fleet
	ways      []savetest.Way
	upstreams []*envoytest.Upstream
	state     []edited
}

// edited is what ought to be serving of one service.
type edited struct {
	revision int // 0 when it is gone
	upstream int
}

func (e *editor) path(i int) string {
	return filepath.Join(e.dir, fmt.Sprintf("team%d", i%5), fmt.Sprintf("s%d.yaml", i))
}

func (e *editor) content(i int) string {
	s := e.state[i]
	return fmt.Sprintf("service: s%d\nhosts: [s%d.example.com]\nupstream: http://%s\nresponseHeaders:\n  set: {x-revision: \"%d\"}\n",
		i, i, e.upstreams[s.upstream].Addr, s.revision)
}

// edit makes one edit of an edited service, and waits until Envoy obeys if it
// is one of substance.
func (e *editor) edit(t *testing.T) bool {
	t.Helper()
	i := watched + e.rand.IntN(services-watched)
	s := &e.state[i]
	save := e.ways[e.rand.IntN(len(e.ways))].Save
	kind := e.rand.IntN(10)
	switch {
	case s.revision == 0 || kind < 3:
		s.revision = 1 + e.rand.IntN(1_000_000)
		save(t, e.path(i), e.content(i))
	case kind < 5:
		s.upstream = 1 - s.upstream
		s.revision = 1 + e.rand.IntN(1_000_000)
		save(t, e.path(i), e.content(i))
	case kind < 6:
		if err := os.Remove(e.path(i)); err != nil {
			t.Fatal(err)
		}
		s.revision = 0
	case kind < 8:
		save(t, e.path(i), e.bad(i))
		return false
	default:
		save(t, e.path(i), fmt.Sprintf("# %d\n%s\n\n", e.rand.Int(), e.content(i)))
		return false
	}
	e.wait(t, i)
	return true
}

// bad is a text that must change nothing.
func (e *editor) bad(i int) string {
	good := e.content(i)
	bad := []string{
		"",
		" \n\n",
		good[:len(good)/2] + "\x00",
		"service: [",
		good + "tiemout: 5s\n",
		good + "timeout: 5 parsecs\n",
		fmt.Sprintf("service: s%d\nhosts: [s%d.example.com]\nupstream: http://127.0.0.1:1\n", i%watched, i), // somebody else's name
		fmt.Sprintf("service: t%d\nhosts: [s%d.example.com]\nupstream: http://127.0.0.1:1\n", i, i%watched), // somebody else's route
		good + "routes: [{to: nobody}]\n",
		"hosts: [*.example.com]\n" + good,
		"{{ .Values.everything }}\n",
		"listener: intruder\naddress: 127.0.0.1\nport: 1\n", // and then nobody knows which
	}
	return bad[e.rand.IntN(len(bad))]
}

// wait asks for a service until it answers as its file says.
func (e *editor) wait(t *testing.T, i int) {
	t.Helper()
	envoytest.Eventually(t, patience, fmt.Sprintf("s%d is at revision %d", i, e.state[i].revision), func() error {
		return e.check(http.DefaultClient, i)
	})
}

// ask asks the services that nobody edits, in turn, until ctx ends.
func (e *editor) ask(ctx context.Context, t *testing.T, asked *atomic.Int64) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for i := 0; ctx.Err() == nil; i++ {
		if err := e.check(client, i%watched); err != nil {
			t.Errorf("request %d: %v", asked.Load(), err)
			return
		}
		asked.Add(1)
	}
}

// check says whether a service answers as its file says.
func (e *editor) check(client *http.Client, i int) error {
	req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/", e.fleet.http), http.NoBody)
	if err != nil {
		return err
	}
	req.Host = fmt.Sprintf("s%d.example.com", i)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	s := e.state[i]
	if s.revision == 0 {
		if resp.StatusCode != http.StatusNotFound {
			return fmt.Errorf("s%d answers %d, want 404", i, resp.StatusCode)
		}
		return nil
	}
	var echo envoytest.Echo
	if resp.StatusCode != http.StatusOK || json.Unmarshal(body, &echo) != nil {
		return fmt.Errorf("s%d answers %d %q", i, resp.StatusCode, body)
	}
	revision, upstream := resp.Header.Get("x-revision"), fmt.Sprintf("up%d", s.upstream)
	if revision != fmt.Sprint(s.revision) || echo.Upstream != upstream {
		return fmt.Errorf("s%d answers from %s at revision %s, want %s at %d", i, echo.Upstream, revision, upstream, s.revision)
	}
	return nil
}
