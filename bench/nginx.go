package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"

	"dragoman/bench/site"
)

// nginx is one configuration with a server for each service.
func (f *fileSet) nginx(edited site.Service) map[string][]byte {
	out := new(bytes.Buffer)
	fmt.Fprintf(out, nginxBegin, f.dir, 64*f.n+4096)
	for i := range f.n {
		of := f.of(i, edited)
		fmt.Fprintf(out, nginxServer, f.port, site.Host(i), of.Address, f.upstream, of.Revision)
	}
	out.WriteString("}\n")
	return map[string][]byte{"nginx.conf": out.Bytes()}
}

// nginx starts one, which reads its files when it is told to.
func (r *run) nginx(name string, f *fileSet) (*subject, func() error, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		return nil, nil, err
	}
	s := &subject{name: name}
	err = s.start(r.scratch, program, "-p", f.dir, "-e", "stderr", "-c", filepath.Join(f.dir, "nginx.conf"))
	return s, func() error { return s.cmd.Process.Signal(syscall.SIGHUP) }, err
}

const nginxBegin = `daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log stderr error;
events {}
http {
  access_log off;
  server_names_hash_max_size %[2]d;
  server_names_hash_bucket_size 128;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
`

const nginxServer = `  server {
    listen 127.0.0.1:%[1]d;
    server_name %[2]s;
    location /api/ { proxy_pass http://%[3]s:%[4]d; proxy_read_timeout 3s; }
    location / { proxy_pass http://%[3]s:%[4]d; add_header x-revision "%[5]s"; }
  }
`
