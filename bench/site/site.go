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
	// Discovery is the listener's routeDiscovery; "" leaves it out.
	Discovery string

	edited map[int]Service // what was written since, by the index
}

// A Service is what one file says.
type Service struct {
	Address  string // of its one endpoint
	Revision string // a response header of one of its routes
}

// Now is a service as its file has it.
func (s *Site) Now(i int) Service {
	if service, ok := s.edited[i]; ok {
		return service
	}
	return First()
}

// First is what every service is at first.
func First() Service { return Service{Address: "127.0.0.1", Revision: "first"} }

// Name is the name of the service of an index.
func Name(i int) string { return fmt.Sprintf("s%d", i) }

// Host is the host name that it answers for.
func Host(i int) string { return Name(i) + ".example.com" }

// Path is its file.
func (s *Site) Path(i int) string {
	return filepath.Join(s.Dir, fmt.Sprintf("team%d", i/100), Name(i)+".yaml")
}

// Write writes all files.
func (s *Site) Write() error {
	listener := fmt.Sprintf("listener: http\naddress: 127.0.0.1\nport: %d\n", s.Listener)
	if s.Discovery != "" {
		listener += "routeDiscovery: " + s.Discovery + "\n"
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "listener.yaml"), []byte(listener), 0o644); err != nil {
		return err
	}
	for i := range s.N {
		if err := os.MkdirAll(filepath.Dir(s.Path(i)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(s.Path(i), s.content(i, First()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Replace replaces one file as a careful editor does, by a rename.
func (s *Site) Replace(i int, service Service) error {
	next, err := s.Prepare(i, service)
	if err != nil {
		return err
	}
	return os.Rename(next, s.Path(i))
}

// Prepare writes what is to be renamed to a service's file, and returns where.
func (s *Site) Prepare(i int, service Service) (string, error) {
	s.note(i, service)
	next := filepath.Join(filepath.Dir(s.Path(i)), "."+Name(i)+".next")
	return next, os.WriteFile(next, s.content(i, service), 0o644)
}

// CheckOut replaces one file as git does: it removes it and writes a new one.
func (s *Site) CheckOut(i int, service Service) error {
	if err := os.Remove(s.Path(i)); err != nil {
		return err
	}
	return s.Overwrite(i, service)
}

// Overwrite writes a file in place, as many editors do.
func (s *Site) Overwrite(i int, service Service) error {
	s.note(i, service)
	return os.WriteFile(s.Path(i), s.content(i, service), 0o644)
}

func (s *Site) note(i int, service Service) {
	if s.edited == nil {
		s.edited = map[int]Service{}
	}
	s.edited[i] = service
}

func (s *Site) content(i int, service Service) []byte {
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
