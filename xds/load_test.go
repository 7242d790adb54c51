package xds_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/internal/envoytest"
	"dragoman/snapshot"
	"dragoman/translator"
	"dragoman/xds"
)

// Renaming the cluster behind a route costs no request, however it finds its
// endpoints, and also when renames come faster than Envoy takes them.
func TestEnvoyLosesNoRequest(t *testing.T) {
	const renames = 200
	for form, delta := range forms() {
		for _, eds := range []bool{false, true} {
			for _, pace := range []string{"at once", "every few requests", "in sync"} {
				t.Run(fmt.Sprintf("%s eds=%t %s", form, eds, pace), func(t *testing.T) {
					up := upstream(t)
					seen := newSights()
					s := runWith(t, 0, xds.Options{Linger: 300 * time.Millisecond, Observe: seen.add})
					snap := s.publish(behind(t, up, eds, "c0"))
					e := startEnvoy(t, s.port, delta)
					answers(t, e, "http", "hello")

					l := loadFrom(t, "http://"+e.Listener(t, "http")+"/")
					start := time.Now()
					for i := range renames {
						snap = s.publish(behind(t, up, eds, fmt.Sprint("c", i+1)))
						switch pace {
						case "every few requests":
							l.wait(t, 4)
						case "in sync":
							seen.wait(t, snap, resourcev3.ClusterType, resourcev3.RouteType)
						}
					}
					seen.wait(t, snap, resourcev3.ClusterType, resourcev3.RouteType)
					took := time.Since(start)
					stat(t, e, "cluster_manager.active_clusters", 2) // the last one and the control plane's
					all, failed := l.stop()
					t.Logf("%d renames in %v, %d requests, %d failed", renames, took.Round(time.Millisecond), all, len(failed))
					if len(failed) > 0 || all < 100 {
						t.Errorf("%d of %d requests failed, want none: %v", len(failed), all, failed[:min(3, len(failed))])
					}
					for _, name := range []string{"http.http.no_cluster", "cluster_manager.cds.update_rejected"} {
						stat(t, e, name, 0)
					}
				})
			}
		}
	}
}

// upstream is a server that greets, and where it is.
func upstream(t *testing.T) *net.TCPAddr {
	t.Helper()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	t.Cleanup(up.Close)
	return up.Listener.Addr().(*net.TCPAddr)
}

// behind is a listener whose route goes to one cluster.
func behind(t *testing.T, up *net.TCPAddr, eds bool, name string) translator.Resources {
	t.Helper()
	c := cluster(name, 5*time.Second)
	c.LoadAssignment.Endpoints = at(up)
	r := some(t)
	if eds {
		c.LoadAssignment = nil
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
		c.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{EdsConfig: byADS()}
		r.Endpoints = []*endpointv3.ClusterLoadAssignment{{ClusterName: name, Endpoints: at(up)}}
	}
	r.Clusters = []*clusterv3.Cluster{c}
	r.Routes = []*routev3.RouteConfiguration{goesTo("http", name)}
	return r
}

func byADS() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

func at(a *net.TCPAddr) []*endpointv3.LocalityLbEndpoints {
	return []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
		HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
			Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
				Address: a.IP.String(), PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(a.Port)},
			}}},
		}},
	}}}}
}

// goesTo is a route configuration that sends every request to a cluster.
func goesTo(name, cluster string) *routev3.RouteConfiguration {
	r := responds(name, "")
	r.VirtualHosts[0].Routes[0].Action = &routev3.Route_Route{Route: &routev3.RouteAction{
		ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster},
	}}
	return r
}

// sights are the versions that were accepted, by type.
type sights struct {
	mu       sync.Mutex
	accepted map[string]string
}

func newSights() *sights { return &sights{accepted: map[string]string{}} }

func (s *sights) add(e xds.Event) {
	if e.Kind != xds.Accepted {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted[e.Type] = e.Version
}

// wait waits until the newest versions of some types are accepted.
func (s *sights) wait(t *testing.T, snap *snapshot.Snapshot, types ...string) {
	t.Helper()
	envoytest.Eventually(t, 2*patience, "an Envoy in sync", func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, typeURL := range types {
			if s.accepted[typeURL] != snap.Versions[typeURL] {
				return fmt.Errorf("%s is at another version", typeURL)
			}
		}
		return nil
	})
}

// A load is requests without end, each of which counts.
type load struct {
	done   chan struct{}
	all    sync.WaitGroup
	count  atomic.Int64
	mu     sync.Mutex
	failed []string
}

// loadFrom asks a URL from several clients at once, on connections that are
// kept and on new ones.
func loadFrom(t *testing.T, url string) *load {
	t.Helper()
	l := &load{done: make(chan struct{})}
	for i := range 4 {
		client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: i == 0}}
		l.all.Go(func() {
			defer client.CloseIdleConnections()
			for {
				select {
				case <-l.done:
					return
				default:
					l.ask(client, url)
				}
			}
		})
	}
	t.Cleanup(func() { l.stop() })
	return l
}

// wait waits for a number of further requests.
func (l *load) wait(t *testing.T, n int64) {
	t.Helper()
	goal := l.count.Load() + n
	envoytest.Eventually(t, patience, "some requests", func() error {
		if got := l.count.Load(); got < goal {
			return fmt.Errorf("%d requests, want %d", got, goal)
		}
		return nil
	})
}

func (l *load) ask(client *http.Client, url string) {
	l.count.Add(1)
	r, err := client.Get(url)
	if err != nil {
		l.fail(err.Error())
		return
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK || string(body) != "hello" {
		l.fail(fmt.Sprint(r.StatusCode, " ", string(body), " ", err))
	}
}

func (l *load) fail(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = append(l.failed, time.Now().Format("05.000")+" "+why)
}

// stop ends the load, and tells how many requests there were and what became
// of those that failed.
func (l *load) stop() (int64, []string) {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	l.all.Wait()
	return l.count.Load(), l.failed
}
