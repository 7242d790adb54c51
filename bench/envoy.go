package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dragoman/bench/site"
)

// upstream answers on every loopback address with the address that was asked,
// so that an answer says which endpoint it came from.
func upstream(ctx context.Context) (port int, err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp4", "0.0.0.0:0")
	if err != nil {
		return 0, err
	}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
			fmt.Fprint(w, local.IP)
		}
	})}
	go func() { _ = srv.Serve(l) }() // until the measurement ends
	return l.Addr().(*net.TCPAddr).Port, nil
}

// freePort is one that was free a moment ago.
func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

const bootstrapADS = `
node: {id: bench, cluster: bench}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
dynamic_resources:
  ads_config: {api_type: %s, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}
  cds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: 0s}
  lds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: 0s}
static_resources:
  clusters:
  - name: xds
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: xds
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}}]}]
`

// envoyADS is the bootstrap of an Envoy of a subject.
func envoyADS(s *subject) (string, error) {
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(port)
	api := "GRPC"
	if !s.kind.sotw {
		api = "DELTA_GRPC"
	}
	return fmt.Sprintf(bootstrapADS, api, n), err
}

// startEnvoy starts an Envoy.
func startEnvoy(scratch, name, envoy, bootstrap string) (*subject, error) {
	path := filepath.Join(scratch, plainName(name)+".yaml")
	if err := os.WriteFile(path, []byte(bootstrap), 0o644); err != nil {
		return nil, err
	}
	e := &subject{name: name}
	return e, e.start(scratch, envoy, "-c", path, "--disable-hot-restart", "--concurrency", "1", "--log-level", "error")
}

// A prober asks an Envoy again and again on one connection.
type prober struct {
	url    string
	host   string
	client *http.Client
}

func newProber(port, index int) *prober {
	return &prober{
		url:    fmt.Sprintf("http://127.0.0.1:%d/", port),
		host:   site.Host(index),
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}},
	}
}

// until asks until an answer has the mark, with a pause that leaves a processor
// to those who are measured.
func (p *prober) until(ctx context.Context, mark string) (time.Time, error) {
	for late := time.Now().Add(patience); ctx.Err() == nil && time.Now().Before(late); pause(500 * time.Microsecond) {
		if got, err := p.ask(ctx); err == nil && strings.Contains(got, mark) {
			return time.Now(), nil
		}
	}
	return time.Time{}, errors.New("no answer has the edit")
}

// ask is the answer's body and the header that a route sets.
func (p *prober) ask(ctx context.Context) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return "", err
	}
	r.Host = p.host
	got, err := p.client.Do(r)
	if err != nil {
		return "", err
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	return " " + got.Header.Get("x-revision") + " " + string(body) + " ", err
}
