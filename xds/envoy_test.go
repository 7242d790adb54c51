package xds_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"dragoman/internal/envoytest"
	"dragoman/translator"
	"dragoman/xds"
)

// soon is less than the 15 s that Envoy waits for each thing that is missing,
// and more than a busy machine needs when nothing is.
const soon = 10 * time.Second

// startEnvoy starts an Envoy with the repository's own bootstrap, or with the
// same in the delta form.
func startEnvoy(t *testing.T, port int, delta bool) *envoytest.Envoy {
	t.Helper()
	bootstrap := envoytest.Original(t, port)
	if delta {
		bootstrap = strings.ReplaceAll(bootstrap, "api_type: GRPC", "api_type: DELTA_GRPC")
	}
	return envoytest.Start(t, envoytest.Options{Bootstrap: bootstrap})
}

// answers waits until a listener answers with a body.
func answers(t *testing.T, e *envoytest.Envoy, listener, body string) {
	t.Helper()
	url := "http://" + e.Listener(t, listener) + "/"
	envoytest.Eventually(t, soon, listener+" answers "+body, func() error {
		r, err := envoytest.Ask(t, envoytest.Request{URL: url})
		if err != nil {
			return err
		}
		if r.Status != 200 || r.Body != body {
			return fmt.Errorf("the answer is %d %q", r.Status, r.Body)
		}
		return nil
	})
}

// stat waits until a counter or gauge of Envoy has a value.
func stat(t *testing.T, e *envoytest.Envoy, name string, want int64) {
	t.Helper()
	envoytest.Eventually(t, soon, fmt.Sprintf("%s is %d", name, want), func() error {
		if got := e.Stats(t, "^"+name+"$")[name]; got != want {
			return fmt.Errorf("it is %d", got)
		}
		return nil
	})
}

func TestEnvoyStartsAtOnce(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			for _, c := range []struct {
				name  string
				first bool // the snapshot is there before Envoy
			}{{"after the snapshot", true}, {"before the snapshot", false}} {
				t.Run(c.name, func(t *testing.T) {
					s := run(t)
					if c.first {
						s.publish(some(t, "a"))
					}
					e := startEnvoy(t, s.port, delta)
					if !c.first {
						s.log.wait(t, "stream opened", 1)
						s.publish(some(t, "a"))
					}
					start := time.Now()
					e.WaitLive(t)
					if took := time.Since(start); took > soon {
						t.Errorf("LIVE after %v, want at most %v", took, soon)
					}
					answers(t, e, "http", "hello")
					if all := s.log.entries(t, "refused"); len(all) > 0 {
						t.Errorf("refused: %v", all)
					}
				})
			}
		})
	}
}

// One listener of twenty cannot be bound. The others must get their routes, at
// the start and later, and it is refused once.
func TestEnvoyRefusesOneListener(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			taken, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer taken.Close()
			port := uint32(taken.Addr().(*net.TCPAddr).Port)
			config := func(body string, port uint32) translator.Resources {
				var r translator.Resources
				for i := range 20 {
					name := fmt.Sprintf("l%02d", i)
					r.Listeners, r.Routes = append(r.Listeners, listener(t, name, 0)), append(r.Routes, responds(name, body))
				}
				r.Listeners[7] = listener(t, "l07", port)
				return r
			}
			others := func(e *envoytest.Envoy, body string) {
				t.Helper()
				for i := range 20 {
					if i != 7 {
						answers(t, e, fmt.Sprintf("l%02d", i), body)
					}
				}
			}
			s := run(t)
			s.publish(config("one", port))
			e := startEnvoy(t, s.port, delta)
			others(e, "one")
			for _, body := range []string{"two", "three"} {
				s.publish(config(body, port))
				others(e, body)
			}
			// Another of them changes: it is taken, without the refused one.
			more := config("three", port)
			more.Listeners[8].StatPrefix = "edited"
			s.publish(more)
			stat(t, e, "listener_manager.listener_in_place_updated", 0)
			stat(t, e, "listener_manager.listener_modified", 1)
			refused := s.log.wait(t, "refused", 1)
			if words, _ := refused[0]["error"].(string); len(refused) != 1 || !strings.Contains(words, "listener(s) l07: ") ||
				fmt.Sprint(refused[0]["resources"]) != "[l07]" {
				t.Errorf("refused: %v, want once, with Envoy's words about l07", refused)
			}
			s.publish(config("four", 0))
			answers(t, e, "l07", "four")
			if n := e.Stats(t, "^listener_manager.lds.update_rejected$")["listener_manager.lds.update_rejected"]; n != 1 {
				t.Errorf("Envoy refused listeners %d times, want once", n)
			}
		})
	}
}

// What an Envoy has after refused clusters is what the next snapshot says.
func TestEnvoyRefusesClusters(t *testing.T) {
	named := cluster("bad", time.Second) // a STATIC cluster with a name for an address
	named.LoadAssignment.Endpoints = []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
		HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
			Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
				Address: "not.an.address", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 1},
			}}},
		}},
	}}}}
	for _, c := range []struct {
		name string
		bad  *clusterv3.Cluster
		n    int // refusals until it is found
	}{
		{"in part", named, 1},
		// It breaks a constraint, as Check would have said. Envoy does not say which
		// cluster it is, so that it is sent alone.
		{"whole", cluster("bad", -time.Second), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			for form, delta := range forms() {
				t.Run(form, func(t *testing.T) {
					s := run(t)
					good := some(t, "a")
					s.publish(good)
					e := startEnvoy(t, s.port, delta)
					e.WaitLive(t)
					clusters := func(n int64) {
						t.Helper()
						stat(t, e, "cluster_manager.active_clusters", n+1) // and the control plane's
					}
					clusters(1)

					bad := some(t, "a", "sibling")
					bad.Clusters = append(bad.Clusters, c.bad)
					s.publish(bad)
					s.log.wait(t, "refused", c.n)
					clusters(2) // the sibling comes all the same
					bad.Clusters[0] = cluster("a", time.Second)
					s.publish(bad)
					stat(t, e, "cluster_manager.cluster_modified", 1) // and so does what changes later
					stat(t, e, "cluster_manager.cds.update_rejected", int64(c.n))

					s.publish(some(t, "a"))
					clusters(1)
					s.publish(bad) // anew
					s.log.wait(t, "refused", 2*c.n)
					s.publish(some(t, "a")) // back to what was accepted last: nothing is left over
					clusters(1)
					stat(t, e, "cluster_manager.cds.update_rejected", int64(2*c.n))
				})
			}
		})
	}
}

// A listener that is changed waits for its routes, which have not changed.
func TestEnvoyTakesAListenersChangeAtOnce(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			r := some(t, "a")
			s.publish(r)
			e := startEnvoy(t, s.port, delta)
			answers(t, e, "http", "hello")
			for i := range 3 {
				l := listener(t, "http", 0)
				l.StatPrefix = fmt.Sprint("edit-", i)
				r.Listeners = []*listenerv3.Listener{l}
				s.publish(r)
				stat(t, e, "listener_manager.lds.update_success", int64(i+2))
				stat(t, e, "listener_manager.total_listeners_warming", 0)
			}
			answers(t, e, "http", "hello")
		})
	}
}

// A server that starts again on the same content finds its Envoys as they were.
func TestEnvoySeesNoChangeInARestart(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			s.publish(some(t, "a", "b"))
			e := startEnvoy(t, s.port, delta)
			answers(t, e, "http", "hello")
			s.stop()

			s = runWith(t, s.port, xds.Options{})
			s.publish(some(t, "a", "b"))
			s.log.wait(t, "accepted", 2) // clusters and listeners, at least, after Envoy's backoff
			r := some(t, "a", "b")
			r.Routes[0] = responds("http", "after")
			s.publish(r)
			answers(t, e, "http", "after")
			for name, n := range e.Stats(t, `^(cluster_manager\.cluster_modified|listener_manager\.listener_(modified|in_place_updated))$`) {
				if n != 0 {
					t.Errorf("%s is %d, want 0", name, n)
				}
			}
		})
	}
}
