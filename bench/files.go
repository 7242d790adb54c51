package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"dragoman/bench/site"
)

// fileSet is what a proxy without a control plane reads: one service as an edit
// has left it, and all others as they were.
type fileSet struct {
	dir                      string
	n, index, upstream, port int
	form                     form
	contents                 func(site.Service) map[string][]byte
	now                      site.Service
	written                  map[string][]byte // by name
	moves                    []string          // names of what is to be renamed into place
}

// prepare writes those files beside their places that an edit changes.
func (f *fileSet) prepare(service site.Service) error {
	f.now = service
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

// of is a service as the files are to have it.
func (f *fileSet) of(i int, edited site.Service) site.Service {
	if i == f.index {
		return edited
	}
	return site.First()
}

// envoy are all clusters and all routes, and the listener.
func (f *fileSet) envoy(edited site.Service) map[string][]byte {
	clusters, routes := bytes.NewBufferString(f.form.clustersBegin), bytes.NewBufferString(f.form.routesBegin)
	for i := range f.n {
		if i > 0 {
			clusters.WriteString(f.form.between)
			routes.WriteString(f.form.between)
		}
		of := f.of(i, edited)
		fmt.Fprintf(clusters, f.form.cluster, site.Name(i), of.Address, f.upstream)
		fmt.Fprintf(routes, f.form.host, site.Name(i), site.Host(i), of.Revision)
	}
	clusters.WriteString(f.form.clustersEnd)
	routes.WriteString(f.form.routesEnd)
	return map[string][]byte{
		"cds" + f.form.extension: clusters.Bytes(),
		"rds" + f.form.extension: routes.Bytes(),
		"lds.yaml":               fmt.Appendf(nil, listenerFile, f.dir, f.form.extension, f.port),
	}
}

// envoyAlone starts an Envoy that watches the files.
func (r *run) envoyAlone(name string, f *fileSet) (*subject, func() error, error) {
	s, err := startEnvoy(r.scratch, name, r.envoy, fmt.Sprintf(bootstrapFiles, f.dir, f.form.extension))
	return s, func() error { return nil }, err
}

const bootstrapFiles = `
node: {id: bench, cluster: bench}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
dynamic_resources:
  cds_config: {path_config_source: {path: %[1]s/cds%[2]s, watched_directory: {path: %[1]s}}, resource_api_version: V3}
  lds_config: {path_config_source: {path: %[1]s/lds.yaml}, resource_api_version: V3}
`

const listenerFile = `resources:
- "@type": type.googleapis.com/envoy.config.listener.v3.Listener
  name: http
  address: {socket_address: {address: 127.0.0.1, port_value: %[3]d}}
  filter_chains:
  - filters:
    - name: hcm
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: http
        rds: {route_config_name: http, config_source: {path_config_source: {path: %[1]s/rds%[2]s, watched_directory: {path: %[1]s}}, resource_api_version: V3}}
        http_filters:
        - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
`

// A form is how Envoy's own files are written.
type form struct {
	extension, between         string
	clustersBegin, clustersEnd string
	routesBegin, routesEnd     string
	cluster                    string // with a name, an address and a port
	host                       string // with a name, a host and a header
}

func yamlForm() form {
	return form{
		extension:     ".yaml",
		clustersBegin: "resources:\n",
		cluster: `- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: %[1]s
  type: STATIC
  connect_timeout: 5s
  load_assignment: {cluster_name: %[1]s, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %[2]s, port_value: %[3]d}}}}]}]}
`,
		routesBegin: `resources:
- "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
  name: http
  virtual_hosts:
`,
		host: `  - name: %[1]s
    domains: [%[2]s]
    routes:
    - {match: {prefix: /api}, route: {cluster: %[1]s, timeout: 3s, retry_policy: {retry_on: connect-failure, num_retries: 2}}}
    - {match: {prefix: /}, route: {cluster: %[1]s}, response_headers_to_add: [{header: {key: x-revision, value: "%[3]s"}}]}
`,
	}
}

func jsonForm() form {
	return form{
		extension:     ".json",
		between:       ",\n",
		clustersBegin: `{"resources": [`, clustersEnd: `]}`,
		cluster: `{"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "%[1]s", "type": "STATIC", "connect_timeout": "5s",` +
			` "load_assignment": {"cluster_name": "%[1]s", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": "%[2]s", "port_value": %[3]d}}}}]}]}}`,
		routesBegin: `{"resources": [{"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "http", "virtual_hosts": [`,
		routesEnd:   `]}]}`,
		host: `{"name": "%[1]s", "domains": ["%[2]s"], "routes": [` +
			`{"match": {"prefix": "/api"}, "route": {"cluster": "%[1]s", "timeout": "3s", "retry_policy": {"retry_on": "connect-failure", "num_retries": 2}}}, ` +
			`{"match": {"prefix": "/"}, "route": {"cluster": "%[1]s"}, "response_headers_to_add": [{"header": {"key": "x-revision", "value": "%[3]s"}}]}]}`,
	}
}
