// Package site writes the directories that are measured: N services, one in a
// file, a hundred files in a directory, and one listener.
package site

import (
	"fmt"
	"os"
	"path/filepath"
)

// A Site is one directory.
type Site struct {
	Dir      string
	N        int
	Listener int // the port of the listener
	Upstream int // the port of what answers, on every loopback address
}

// A Service is what one file says.
type Service struct {
	Address  string // of its one endpoint
	Revision string // a response header of one of its routes
}

// Name is the name of the service of an index.
func Name(i int) string { return fmt.Sprintf("s%d", i) }

// Host is the host name that it answers for.
func Host(i int) string { return Name(i) + ".example.com" }

// Path is its file.
func (s Site) Path(i int) string {
	return filepath.Join(s.Dir, fmt.Sprintf("team%d", i/100), Name(i)+".yaml")
}

// Write writes all files.
func (s Site) Write() error {
	listener := fmt.Sprintf("listener: http\naddress: 127.0.0.1\nport: %d\n", s.Listener)
	if err := os.WriteFile(filepath.Join(s.Dir, "listener.yaml"), []byte(listener), 0o644); err != nil {
		return err
	}
	for i := range s.N {
		if err := os.MkdirAll(filepath.Dir(s.Path(i)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(s.Path(i), s.content(i, Service{Address: "127.0.0.1", Revision: "first"}), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Replace replaces one file as a careful editor does, by a rename.
func (s Site) Replace(i int, service Service) error {
	next, err := s.Prepare(i, service)
	if err != nil {
		return err
	}
	return os.Rename(next, s.Path(i))
}

// Prepare writes what is to be renamed to a service's file, and returns where.
func (s Site) Prepare(i int, service Service) (string, error) {
	next := filepath.Join(filepath.Dir(s.Path(i)), "."+Name(i)+".next")
	return next, os.WriteFile(next, s.content(i, service), 0o644)
}

// Overwrite writes a file in place, as git does.
func (s Site) Overwrite(i int, service Service) error {
	return os.WriteFile(s.Path(i), s.content(i, service), 0o644)
}

func (s Site) content(i int, service Service) []byte {
	return fmt.Appendf(nil, `service: %s
hosts: [%s]
upstream: http://%s:%d
routes:
  - prefix: /api
    timeout: 3s
    retry: {attempts: 2, on: [connect-failure]}
  - prefix: /
    responseHeaders: {set: {x-revision: "%s"}}
`, Name(i), Host(i), service.Address, s.Upstream, service.Revision)
}
