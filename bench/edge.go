package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dragoman/bench/site"
)

// An edge is an Envoy of a subject, with somebody who asks it.
type edge struct {
	name    string
	process *subject
	prober  *prober
	prepare func(site.Service) error // everything of an edit but
	commit  func() error             // the rename
}

// envoys starts an Envoy for each subject, and one that reads its own files.
func (r *run) envoys(ctx context.Context) ([]*edge, error) {
	var out []*edge
	index := r.n / 2
	for _, s := range r.subjects {
		bootstrap, err := envoyADS(s)
		if err != nil {
			return out, err
		}
		e, err := startEnvoy(r.scratch, "envoy of "+s.name, r.envoy, bootstrap)
		if err != nil {
			return out, err
		}
		next := ""
		out = append(out, &edge{
			name: s.name, process: e, prober: newProber(s.site.Listener, index),
			prepare: func(service site.Service) (err error) {
				next, err = s.site.Prepare(index, service)
				return err
			},
			commit: func() error { return os.Rename(next, s.site.Path(index)) },
		})
	}
	own, err := r.ownFiles(ctx, index)
	if err != nil {
		return out, err
	}
	out = append(out, own)
	for _, e := range out {
		if _, err := e.prober.until(ctx, " 127.0.0.1 "); err != nil {
			return out, fmt.Errorf("%s: its Envoy does not answer, see %s", e.name, e.process.logs)
		}
	}
	return out, nil
}

const bootstrapFiles = `
node: {id: bench, cluster: bench}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
dynamic_resources:
  cds_config: {path_config_source: {path: %[1]s/cds.yaml, watched_directory: {path: %[1]s}}, resource_api_version: V3}
  lds_config: {path_config_source: {path: %[1]s/lds.yaml, watched_directory: {path: %[1]s}}, resource_api_version: V3}
`

const listenerFile = `resources:
- "@type": type.googleapis.com/envoy.config.listener.v3.Listener
  name: http
  address: {socket_address: {address: 127.0.0.1, port_value: %[2]d}}
  filter_chains:
  - filters:
    - name: hcm
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: http
        rds: {route_config_name: http, config_source: {path_config_source: {path: %[1]s/rds.yaml, watched_directory: {path: %[1]s}}, resource_api_version: V3}}
        http_filters:
        - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
`

const clusterFile = `- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: %[1]s
  type: STATIC
  connect_timeout: 5s
  load_assignment: {cluster_name: %[1]s, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %[2]s, port_value: %[3]d}}}}]}]}
`

const routesFile = `resources:
- "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
  name: http
  virtual_hosts:
`

const hostFile = `  - name: %[1]s
    domains: [%[2]s]
    routes:
    - {match: {prefix: /api}, route: {cluster: %[1]s, timeout: 3s, retry_policy: {retry_on: connect-failure, num_retries: 2}}}
    - {match: {prefix: /}, route: {cluster: %[1]s}, response_headers_to_add: [{header: {key: x-revision, value: "%[3]s"}}]}
`

// ownFiles is an Envoy that watches its own files, which hold what all the
// others are served.
func (r *run) ownFiles(ctx context.Context, index int) (*edge, error) {
	dir, err := makeDir(r.scratch, files)
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	own := &fileSet{dir: dir, n: r.n, index: index, upstream: r.upstream}
	if err := own.prepare(site.Service{Address: "127.0.0.1", Revision: "first"}); err != nil {
		return nil, err
	}
	if err := own.commit(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "lds.yaml"), fmt.Appendf(nil, listenerFile, dir, port), 0o644); err != nil {
		return nil, err
	}
	e, err := startEnvoy(r.scratch, files, r.envoy, fmt.Sprintf(bootstrapFiles, dir))
	return &edge{name: files, process: e, prober: newProber(port, index), prepare: own.prepare, commit: own.commit}, err
}

// fileSet is what an Envoy without a control plane reads.
type fileSet struct {
	dir                string
	n, index, upstream int
	written            map[string][]byte // by name
	moves              []string          // names of what is to be renamed into place
}

// prepare writes those files beside their places that an edit changes.
func (f *fileSet) prepare(service site.Service) error {
	next := f.contents(service)
	f.moves = nil
	for name, text := range next {
		if bytes.Equal(f.written[name], text) {
			continue
		}
		if err := os.WriteFile(filepath.Join(f.dir, "."+name), text, 0o644); err != nil {
			return err
		}
		f.moves = append(f.moves, name)
	}
	f.written = next
	return nil
}

func (f *fileSet) commit() error {
	for _, name := range f.moves {
		if err := os.Rename(filepath.Join(f.dir, "."+name), filepath.Join(f.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// contents are all clusters and all routes, with one service as given.
func (f *fileSet) contents(service site.Service) map[string][]byte {
	clusters, routes := bytes.NewBufferString("resources:\n"), bytes.NewBufferString(routesFile)
	for i := range f.n {
		of := site.Service{Address: "127.0.0.1", Revision: "first"}
		if i == f.index {
			of = service
		}
		fmt.Fprintf(clusters, clusterFile, site.Name(i), of.Address, f.upstream)
		fmt.Fprintf(routes, hostFile, site.Name(i), site.Host(i), of.Revision)
	}
	return map[string][]byte{"cds.yaml": clusters.Bytes(), "rds.yaml": routes.Bytes()}
}

// makeDir makes a directory for a subject.
func makeDir(scratch, name string) (string, error) {
	dir := filepath.Join(scratch, strings.NewReplacer(" ", "-", "'", "").Replace(name)+".d")
	return dir, os.Mkdir(dir, 0o755)
}
