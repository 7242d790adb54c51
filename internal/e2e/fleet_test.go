package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dragoman/internal/envoytest"
)

// TestAFleetConverges has three Envoys, one for each bootstrap, that miss some
// of what happens: files change faster than anybody could follow, the server is
// killed, and one of the Envoys stands still for a while. In the end all have
// the routes of the files.
func TestAFleetConverges(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	e := &hurry{rand: rand.New(rand.NewPCG(seed, seed)), dir: t.TempDir(), want: map[string]string{}}
	for range 10 {
		e.edit(t)
	}
	f := start(t, e.dir, "--quiet", "10ms", "--max-delay", "50ms")
	envoys := []*envoytest.Envoy{f.envoy}
	for _, bootstrap := range []string{delta(t, f.Port), sotw(t, f.Port)} {
		envoy := envoytest.Start(t, envoytest.Options{Bootstrap: bootstrap})
		envoy.WaitLive(t)
		envoys = append(envoys, envoy)
	}
	e.converge(t, envoys)

	for range 100 {
		e.edit(t)
	}
	e.converge(t, envoys)

	for _, asleep := range envoys {
		asleep.Signal(syscall.SIGSTOP)
		for range 20 {
			e.edit(t)
		}
		f.Kill()
		f.server = serveAt(t, f.Port, e.dir, "--quiet", "10ms", "--max-delay", "50ms")
		for range 20 {
			e.edit(t)
		}
		asleep.Signal(syscall.SIGCONT)
		e.converge(t, envoys)
	}
}

// A hurry edits without waiting for anything.
type hurry struct {
	rand *rand.Rand
	dir  string
	want map[string]string // the answers by host
}

func (e *hurry) edit(t *testing.T) {
	t.Helper()
	name := fmt.Sprint("s", e.rand.IntN(10))
	body := fmt.Sprint(e.rand.Uint64())
	write(t, filepath.Join(e.dir, name+".yaml"), answer(name, body))
	e.want[name+".example.com"] = body
}

// converge waits until every Envoy has the routes of the files.
func (e *hurry) converge(t *testing.T, envoys []*envoytest.Envoy) {
	t.Helper()
	for i, envoy := range envoys {
		envoytest.Eventually(t, patience, fmt.Sprintf("Envoy %d has what is in the files", i), func() error {
			got, err := answers(envoy.ConfigDump(t, "resource=dynamic_route_configs"))
			if err != nil {
				return err
			}
			if diff := cmp.Diff(e.want, got); diff != "" {
				return fmt.Errorf("want -, got +:\n%s", diff)
			}
			return nil
		})
	}
}

// answers are the bodies of direct responses in a dump of routes, by host.
func answers(dump []byte) (map[string]string, error) {
	var page struct {
		Configs []struct {
			Routes struct {
				Hosts []struct {
					Name   string
					Routes []struct {
						Response struct {
							Body struct {
								Text string `json:"inline_string"`
							}
						} `json:"direct_response"`
					}
				} `json:"virtual_hosts"`
			} `json:"route_config"`
		}
	}
	if err := json.Unmarshal(dump, &page); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, c := range page.Configs {
		for _, h := range c.Routes.Hosts {
			out[h.Name] = h.Routes[0].Response.Body.Text
		}
	}
	return out, nil
}
