package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"dragoman/cmd/demo/upstream"
)

var (
	// Examples have their upstreams on ports from 9000 to 9099 of this machine.
	upstreamAddress = regexp.MustCompile(`\b(127\.0\.0\.1|localhost):(90\d\d)\b`)
	listenerLine    = regexp.MustCompile(`(?m)^port: (\d+)`)
)

// files lists the YAML files of the copy.
func (s *stage) files() ([]string, error) {
	var out []string
	err := filepath.WalkDir(s.config, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".yaml" {
			out = append(out, path)
		}
		return err
	})
	return out, err
}

// rewrite passes every YAML file of the copy through change.
func (s *stage) rewrite(change func(string) (string, error)) error {
	files, err := s.files()
	if err != nil {
		return err
	}
	for _, path := range files {
		old, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text, err := change(string(old))
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// moveListeners moves the listeners of the copy from ports that are taken, and
// finds the one to ask: the first, or what there is without a listener document.
func (s *stage) moveListeners() error {
	err := s.rewrite(func(text string) (string, error) {
		var failed error
		out := listenerLine.ReplaceAllStringFunc(text, func(line string) string {
			documented, err := strconv.Atoi(strings.TrimPrefix(line, "port: "))
			failed = errors.Join(failed, err)
			port, err := s.port("a listener", documented, "0.0.0.0")
			failed = errors.Join(failed, err)
			s.listener = cmp.Or(s.listener, port)
			return fmt.Sprintf("port: %d", port)
		})
		return out, failed
	})
	if err != nil || s.listener != 0 {
		return err
	}
	if s.listener, err = s.port("the listener", listenerPort, "0.0.0.0"); err != nil || s.listener == listenerPort {
		return err
	}
	return os.WriteFile(filepath.Join(s.config, "listener.yaml"), fmt.Appendf(nil, "listener: http\nport: %d\n", s.listener), 0o644)
}

// bootstrap writes envoy-bootstrap.yaml with the ports of this demonstration.
func (s *stage) bootstrap() (string, error) {
	text, err := os.ReadFile(filepath.Join(s.root, "envoy-bootstrap.yaml"))
	if err != nil {
		return "", err
	}
	for from, to := range map[int]int{xdsPort: s.xds, adminPort: s.admin} {
		old := fmt.Appendf(nil, "port_value: %d", from)
		if !bytes.Contains(text, old) {
			return "", fmt.Errorf("envoy-bootstrap.yaml does not have %q any more", old)
		}
		text = bytes.ReplaceAll(text, old, fmt.Appendf(nil, "port_value: %d", to))
	}
	path := filepath.Join(s.scratch, "envoy-bootstrap.yaml")
	return path, os.WriteFile(path, text, 0o644)
}

// upstreams are the servers behind an example, in this process.
type upstreams struct {
	servers []*http.Server
	addrs   []string // sorted
}

// startUpstreams starts a server for every upstream that the copy names, in
// comments too: what is there to be tried out must be there.
func (s *stage) startUpstreams() (*upstreams, error) {
	u, ports := &upstreams{}, map[string]string{}
	err := s.rewrite(func(text string) (string, error) {
		var failed error
		out := upstreamAddress.ReplaceAllStringFunc(text, func(address string) string {
			host, port, _ := strings.Cut(address, ":")
			if ports[port] == "" {
				var err error
				ports[port], err = u.start(port)
				failed = errors.Join(failed, err)
			}
			return host + ":" + ports[port]
		})
		return out, failed
	})
	slices.Sort(u.addrs)
	if err != nil {
		u.stop()
		return nil, fmt.Errorf("starting upstreams: %w", err)
	}
	for from, to := range ports {
		if from != to {
			fmt.Fprintf(s.out, "Port %s is taken: that upstream is at %s.\n", from, to)
		}
	}
	return u, nil
}

// start starts one upstream on a port, or on a free one if that is taken.
func (u *upstreams) start(port string) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", err
		}
	}
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "", err
	}
	srv := &http.Server{Handler: upstream.New(port), Protocols: upstream.Protocols()}
	go srv.Serve(l) //nolint:errcheck // ErrServerClosed, always
	u.servers = append(u.servers, srv)
	u.addrs = append(u.addrs, l.Addr().String())
	return port, nil
}

func (u *upstreams) stop() {
	for _, s := range u.servers {
		_ = s.Close() // the process ends
	}
}

// taken tells that somebody listens already.
func taken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
