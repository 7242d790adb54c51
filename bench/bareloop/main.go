// Command bareloop is the least that an edit can cost, as a measure for the
// real thing: it reads the one file that was replaced, builds that service's
// protos by hand, and sends what differs to every stream. It checks nothing,
// keeps no history, waits for nobody, and serves delta ADS alone.
//
//	bareloop DIR ADDRESS
package main

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/fsnotify/fsnotify"
	"google.golang.org/grpc"
	"gopkg.in/yaml.v3"

	"dragoman/bench/least"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "bareloop:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(dir, address string) error {
	watch, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	s := &server{resources: map[least.Key]*discoveryv3.Resource{}, streams: map[*stream]struct{}{}}
	if err := s.readAll(dir, watch); err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	srv := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(srv, s)
	go s.follow(watch)
	return srv.Serve(l)
}

// readAll reads every file and watches every directory.
func (s *server) readAll(dir string, watch *fsnotify.Watcher) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return watch.Add(path)
		}
		return s.read(path)
	})
}

// follow reads what is renamed into place or written.
func (s *server) follow(watch *fsnotify.Watcher) {
	for e := range watch.Events {
		if !e.Has(fsnotify.Create) && !e.Has(fsnotify.Write) || strings.HasPrefix(filepath.Base(e.Name), ".") {
			continue
		}
		if err := s.read(e.Name); err != nil {
			fmt.Fprintln(os.Stderr, "bareloop:", err) // half of a file: the next event brings the rest
		}
	}
}

func (s *server) read(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var d least.Document
	if err := yaml.Unmarshal(data, &d); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	resources, err := least.Build(d)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	s.update(resources)
	return nil
}
