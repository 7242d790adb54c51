package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/grpc/xds"

	"dragoman/internal/envoytest"
)

// A gRPC client without a proxy is the strictest reader of what is served: it
// refuses what it does not know, and it is sent nothing that it did not name.
func TestAProxylessClientFindsServices(t *testing.T) {
	t.Parallel()
	one := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "one"})
	two := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "two"})
	dir := t.TempDir()
	path := filepath.Join(dir, "shop.yaml")
	shop := func(rest string) {
		t.Helper()
		write(t, path, fmt.Sprintf("service: shop\nproxyless: true\nupstream: grpc://%s\n%s---\nservice: other\nupstream: grpc://%s\n", one.Addr, rest, two.Addr))
	}
	shop("")
	f := startWith(t, delta, dir)
	c := f.client(t, "shop")
	c.reaches(t, "one")

	// An endpoint edit.
	write(t, path, fmt.Sprintf("service: shop\nproxyless: true\nupstream: grpc://%s\n", two.Addr))
	c.reaches(t, "two")

	// Routes: a method each, a header, all of a service but one, weights.
	shop("routes:\n  - path: /grpc.health.v1.Health/Check\n    to: other\n  - prefix: /grpc.health.v1.Health\n")
	c.reaches(t, "two")
	c.watches(t, "one")
	shop("routes:\n  - prefix: /grpc.health.v1.Health/Check\n    to: other\n    headers: {x-to: {prefix: oth}}\n    methods: [POST]\n  - prefix: /\n")
	c.reaches(t, "one")
	c.with("x-to", "other").reaches(t, "two")
	shop("routes:\n  - to: {shop: 1, other: 0}\n")
	c.reaches(t, "one")
	shop("routes:\n  - to: {shop: 1, other: 1}\n")
	c.reaches(t, "one")
	c.reaches(t, "two")

	// No answer of a route's own, but no other's either.
	shop("routes:\n  - prefix: /grpc.health.v1.Health\n    respond: {status: 404}\n  - prefix: /\n")
	envoytest.Eventually(t, patience, "a failing route", func() error {
		if err := c.check(t, "one"); grpcstatus.Code(err) != codes.Unavailable {
			return fmt.Errorf("got %w", errors.Join(err, errors.New("want UNAVAILABLE")))
		}
		return nil
	})

	f.noRefusal(t)
	if got := f.envoy.Listeners(t); len(got) != 1 {
		t.Errorf("Envoy has the listeners %v, want its own alone", got)
	}
	if log := f.envoy.Log(); strings.Contains(log, "ApiListener") {
		t.Error("Envoy is sent what is for gRPC clients")
	}
}

// What our clusters and routes have besides must not be refused.
func TestAProxylessClientTakesEveryOption(t *testing.T) {
	t.Parallel()
	one := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "one"})
	dir := t.TempDir()
	policies := "timeout: 30s\nidleTimeout: 1m\nretry: {attempts: 2, on: [unavailable], backoff: {base: 5ms, max: 10ms}}\n" +
		"requestHeaders: {set: {x-a: b}}\nresponseHeaders: {remove: [x-b]}\n" +
		"routes:\n  - regex: /grpc[.].*\n    headers: {x-no: {present: true, not: true}}\n    query: {a: {exact: b, not: true}}\n" +
		"  - path: /y\n    query: {a: b}\n  - path: /z\n    redirect: https\n    methods: [GET]\n"
	names := []string{"round-robin", "least-request", "ring-hash"}
	for _, name := range names {
		write(t, filepath.Join(dir, name+".yaml"), fmt.Sprintf("service: %s\nproxyless: true\nhosts: [%s.test]\nupstream:\n  endpoints: [{url: 'h2c://%s', weight: 5}]\n"+
			"  loadBalancing: %s\n  connectTimeout: 2s\n%s", name, name, one.Addr, name, policies))
	}
	f := startWith(t, sotw, dir)
	for _, name := range names {
		f.client(t, name).reaches(t, "one")
	}
	f.noRefusal(t)
}

// noRefusal wants nobody to have refused anything.
func (f *fleet) noRefusal(t *testing.T) {
	t.Helper()
	if got := f.Log.Entries("refused"); len(got) > 0 {
		t.Errorf("refused: %v", got)
	}
	if log := f.Log.Text(); strings.Contains(log, `"level":"ERROR"`) {
		t.Error("the log has errors")
	}
}

// A rpcClient is a client of one service by its name alone.
type rpcClient struct {
	conn   *grpc.ClientConn
	header []string // a name and a value, or nothing
}

func (f *fleet) client(t *testing.T, service string) rpcClient {
	t.Helper()
	found, err := xds.NewXDSResolverWithConfigForTesting(fmt.Appendf(nil, `{
		"xds_servers": [{"server_uri": "localhost:%d", "channel_creds": [{"type": "insecure"}]}],
		"node": {"id": "client-of-%s"}
	}`, f.Port, service))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("xds:///"+service, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithResolvers(found))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close() // the end of the test in any case
	})
	return rpcClient{conn: conn}
}

// with is a client whose requests have a header.
func (c rpcClient) with(header, value string) rpcClient {
	c.header = []string{header, value}
	return c
}

// check asks for the health of an upstream, which knows of itself alone.
func (c rpcClient) check(t *testing.T, upstream string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), c.header...), 5*time.Second)
	defer cancel()
	_, err := healthpb.NewHealthClient(c.conn).Check(ctx, &healthpb.HealthCheckRequest{Service: upstream})
	return err
}

// reaches waits until an upstream answers.
func (c rpcClient) reaches(t *testing.T, upstream string) {
	t.Helper()
	envoytest.Eventually(t, patience, "an answer of "+upstream, func() error { return c.check(t, upstream) })
}

// watches wants an upstream to answer another method.
func (c rpcClient) watches(t *testing.T, upstream string) {
	t.Helper()
	envoytest.Eventually(t, patience, "a stream from "+upstream, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		stream, err := healthpb.NewHealthClient(c.conn).Watch(ctx, &healthpb.HealthCheckRequest{Service: upstream})
		if err != nil {
			return err
		}
		got, err := stream.Recv()
		if err == nil && got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			return fmt.Errorf("got %v", got)
		}
		return err
	})
}
