package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	statusv3 "github.com/envoyproxy/go-control-plane/envoy/service/status/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"dragoman/internal/envoytest"
)

// dial connects to the server.
func (s *server) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(fmt.Sprint("localhost:", s.Port), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// choosy connects as an Envoy of its own mind: it refuses every response in
// which there is a text, and accepts all others, until the test ends.
func (s *server) choosy(t *testing.T, node, text string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(s.dial(t)).StreamAggregatedResources(ctx, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	for _, typeURL := range []string{resource.ClusterType, resource.ListenerType} {
		if err := stream.Send(&discoveryv3.DiscoveryRequest{Node: &corev3.Node{Id: node, Cluster: "choosy"}, TypeUrl: typeURL}); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		has := map[string]string{}
		for {
			got, err := stream.Recv()
			if err != nil {
				return
			}
			answer := &discoveryv3.DiscoveryRequest{TypeUrl: got.GetTypeUrl(), ResponseNonce: got.GetNonce()}
			if strings.Contains(got.String(), text) {
				answer.ErrorDetail = &rpcstatus.Status{Message: "Error adding/updating cluster(s) web: " + node + " does not like " + text}
			} else {
				has[got.GetTypeUrl()] = got.GetVersionInfo()
			}
			answer.VersionInfo = has[got.GetTypeUrl()]
			if stream.Send(answer) != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// sends is a service whose upstream is a port of this machine, by a name: so the
// port stands in its cluster.
func sends(name string, port int, more string) string {
	return fmt.Sprintf("%sservice: %s\nhosts: [%s.example.com]\nupstream: http://localhost:%d\n", more, name, name, port)
}

// problem waits until a problem has all of some texts.
func (s *server) problem(t *testing.T, texts ...string) {
	t.Helper()
	envoytest.Eventually(t, patience, fmt.Sprintf("a problem with %q", texts), func() error {
		_, body := s.Ask(t, http.MethodGet, "/api/v1/problems")
		for _, text := range texts {
			if !strings.Contains(body, text) {
				return fmt.Errorf("%s", body)
			}
		}
		return nil
	})
}

// settled waits until what was published last counts as accepted, all of it.
func (s *server) settled(t *testing.T) {
	t.Helper()
	envoytest.Eventually(t, patience, "the last version is accepted", func() error {
		all := s.Published()
		for _, e := range s.Log.Entries("version accepted") {
			if e["version"] == all[len(all)-1] && e["except"] == nil {
				return nil
			}
		}
		return errors.New("it is not")
	})
}

func (s *server) noProblem(t *testing.T) {
	t.Helper()
	envoytest.Eventually(t, patience, "no problem", func() error {
		if _, body := s.Ask(t, http.MethodGet, "/api/v1/problems"); !strings.Contains(body, `"problems": []`) {
			return fmt.Errorf("%s", body)
		}
		return nil
	})
}

// A refusal that is reported stays at its place as the file moves, until it is
// mended. It is told by CSDS, too.
func TestARefusalIsReported(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "web.yaml")
	write(t, path, sends("web", 8001, ""))
	s := serve(t, dir)
	s.choosy(t, "edge-1", "8002")
	s.shows(t, "it is in sync", func(s status) bool { return s.Envoys.InSync == 1 })
	write(t, path, sends("web", 8002, ""))
	s.problem(t, `"DRG4002"`, `"web.yaml"`, `"line": 1,`, `cluster \"web\" is refused by edge-1: edge-1 does not like 8002`)
	write(t, path, sends("web", 8002, "# a comment\n\n"))
	s.problem(t, `"DRG4002"`, `"line": 3,`)
	s.metric(t, `dragoman_refused_resources{type="cds"}`, "1")
	got, err := statusv3.NewClientStatusDiscoveryServiceClient(s.dial(t)).FetchClientStatus(t.Context(), new(statusv3.ClientStatusRequest))
	if text := got.String(); err != nil || !strings.Contains(text, "NACKED") || !strings.Contains(text, "edge-1 does not like 8002") || len(got.GetConfig()) != 1 {
		t.Errorf("CSDS says %v %v", got, err)
	}
	if n := len(s.Log.Entries("an Envoy refuses a resource")); n != 1 {
		t.Errorf("that was logged %d times, want once", n)
	}
	if n := len(s.Published()); n != 2 {
		t.Errorf("%d versions were published, want 2: nothing is rolled back, and a comment is no change", n)
	}
	write(t, path, sends("web", 8003, ""))
	s.noProblem(t)
}

// A file that Envoys refuse goes back to what they accepted, once.
func TestARefusalRollsBack(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "web.yaml")
	write(t, path, sends("web", 8001, ""))
	write(t, filepath.Join(dir, "other.yaml"), sends("other", 8001, ""))
	s := serve(t, dir, "--on-nack", "rollback")
	s.choosy(t, "edge-1", "8002")
	s.shows(t, "it is in sync", func(s status) bool { return s.Envoys.InSync == 1 })
	first := s.Published()
	s.settled(t)
	write(t, path, sends("web", 8002, ""))
	write(t, filepath.Join(dir, "other.yaml"), sends("other", 8003, ""))
	s.problem(t, `"DRG4004"`, `"web.yaml"`, `edge-1 does not like 8002`)
	s.shows(t, "it is in sync again", func(s status) bool { return !s.OK && s.Envoys.InSync == 1 && len(s.Files.Held) == 1 })
	if n := len(s.Published()); n != len(first)+2 {
		t.Errorf("%d versions were published after the first, want 2", n-len(first))
	}
	write(t, path, sends("web", 8004, ""))
	s.noProblem(t)
	s.shows(t, "all is well", func(s status) bool { return s.OK && s.Envoys.InSync == 1 })
	write(t, path, sends("web", 8002, ""))
	s.problem(t, `"DRG4004"`)
	if n := len(s.Log.Entries("an Envoy refuses a resource")); n != 1 {
		t.Errorf("it was refused %d times, want once: it was known", n)
	}
}

// One of two Envoys, or one that cannot bind a port, is no reason to take
// anything from the other.
func TestOneRefusalOfTwoRollsNothingBack(t *testing.T) {
	dir := t.TempDir()
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "up"})
	_, port, _ := strings.Cut(up.Addr, ":")
	path := filepath.Join(dir, "web.yaml")
	write(t, path, answer("web", "one"))
	f := start(t, dir, "--on-nack", "rollback")
	f.choosy(t, "old", "8002")
	f.wants(t, "web", http.StatusOK, "one")
	f.shows(t, "both are in sync", func(s status) bool { return s.Envoys.InSync == 2 })
	f.settled(t)
	write(t, path, sends("web", 8002, "")+"listeners: [http]\n---\n"+answer("two", "two")+"listeners: [http]\n")
	f.wants(t, "two", http.StatusOK, "two")
	f.problem(t, `"DRG4002"`, "is refused by old")
	write(t, filepath.Join(dir, "taken.yaml"), fmt.Sprintf("# here\nlistener: taken\naddress: 127.0.0.1\nport: %s\n", port))
	f.problem(t, `"DRG4003"`, `"taken.yaml"`, `"line": 2,`, `"severity": "warning"`, "test-id", "Address already in use")
	f.metric(t, `dragoman_refused_resources{type="lds"}`, "1")
	f.settled(t) // it has been judged by then
	f.wants(t, "two", http.StatusOK, "two")
	if strings.Contains(f.Log.Text(), "DRG4004") {
		t.Error("something was rolled back")
	}
}
