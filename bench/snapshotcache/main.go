// Command snapshotcache serves a directory with go-control-plane's own server
// and SnapshotCache, as a measure for the real thing. What it puts in is
// translated by Dragoman's translator, and of an edit only the one service
// that changed: it is the cache and the server that are measured here.
//
//	snapshotcache DIR ADDRESS
package main

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	cachev3 "github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	deltav3 "github.com/envoyproxy/go-control-plane/pkg/server/delta/v3"
	sotwv3 "github.com/envoyproxy/go-control-plane/pkg/server/sotw/v3"
	"github.com/fsnotify/fsnotify"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"dragoman/loader"
	"dragoman/translator"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "snapshotcache:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// everybody gets the same.
type everybody struct{}

// ID is the same for every node.
func (everybody) ID(*corev3.Node) string { return "" }

func run(dir, address string) error {
	watch, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	s := &served{cache: cachev3.NewSnapshotCache(false, everybody{}, nil), types: map[string]map[string]types.Resource{}, versions: map[string]int{}}
	if err := s.readAll(dir, watch); err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	srv := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(srv, ads{cache: s.cache})
	go s.follow(watch)
	return srv.Serve(l)
}

// ads is the library's server of both forms.
type ads struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer

	cache cachev3.Cache
}

// StreamAggregatedResources sends all of a type each time.
func (a ads) StreamAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	return sotwv3.NewServer(stream.Context(), a.cache, nil).StreamHandler(stream, resourcev3.AnyType)
}

// DeltaAggregatedResources sends what has changed.
func (a ads) DeltaAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	return deltav3.NewServer(stream.Context(), a.cache, nil).DeltaStreamHandler(stream, resourcev3.AnyType)
}

// served is what is in the cache.
type served struct {
	cache    cachev3.SnapshotCache
	listener loader.Source
	table    *routev3.RouteConfiguration
	types    map[string]map[string]types.Resource // by type URL and name
	versions map[string]int                       // counted by type URL
}

// readAll reads everything and watches every directory.
func (s *served) readAll(dir string, watch *fsnotify.Watcher) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return watch.Add(path)
		}
		return err
	})
	if err != nil {
		return err
	}
	sources, _, err := loader.OpenDir(dir, 0).Look(nil)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(sources, func(s loader.Source) bool { return s.Path == "listener.yaml" })
	s.listener = sources[i]
	r, err := translate(sources...)
	if err != nil {
		return err
	}
	s.table = r.Routes[0]
	s.take(resourcev3.ListenerType, r.Listeners[0].GetName(), r.Listeners[0])
	s.merge(r)
	return s.publish()
}

func translate(sources ...loader.Source) (translator.Resources, error) {
	read := loader.New(loader.Options{}).Apply(sources)
	if err := read.Problems.Err(); err != nil {
		return translator.Resources{}, err
	}
	r, problems := translator.Translate(read.Config, translator.Options{})
	return r, problems.Err()
}

// follow rebuilds the snapshot for each file that is renamed into place or
// written.
func (s *served) follow(watch *fsnotify.Watcher) {
	for e := range watch.Events {
		if !e.Has(fsnotify.Create) && !e.Has(fsnotify.Write) || strings.HasPrefix(filepath.Base(e.Name), ".") {
			continue
		}
		if err := s.edit(e.Name); err != nil {
			fmt.Fprintln(os.Stderr, "snapshotcache:", err) // half of a file: the next event brings the rest
		}
	}
}

func (s *served) edit(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	r, err := translate(s.listener, loader.Source{Path: filepath.Base(path), Data: data})
	if err != nil {
		return err
	}
	table := &routev3.RouteConfiguration{Name: s.table.GetName(), VirtualHosts: slices.Clone(s.table.GetVirtualHosts())}
	for _, host := range r.Routes[0].GetVirtualHosts() {
		i := slices.IndexFunc(table.GetVirtualHosts(), func(h *routev3.VirtualHost) bool { return h.GetName() == host.GetName() })
		if i >= 0 && !proto.Equal(table.VirtualHosts[i], host) {
			table.VirtualHosts[i] = host
			s.table = table
		}
	}
	if !s.merge(r) {
		return nil // a file is heard of more than once while it is written
	}
	return s.publish()
}

// merge takes what differs, if anything does.
func (s *served) merge(r translator.Resources) (changed bool) {
	for _, c := range r.Clusters {
		changed = s.take(resourcev3.ClusterType, c.GetName(), c) || changed
	}
	for _, e := range r.Endpoints {
		changed = s.take(resourcev3.EndpointType, e.GetClusterName(), e) || changed
	}
	return s.take(resourcev3.RouteType, s.table.GetName(), s.table) || changed
}

func (s *served) take(typeURL, name string, r types.Resource) bool {
	if s.types[typeURL] == nil {
		s.types[typeURL] = map[string]types.Resource{}
	}
	if old := s.types[typeURL][name]; old == r || old != nil && typeURL != resourcev3.RouteType && proto.Equal(old, r) {
		return false
	}
	s.types[typeURL][name] = r
	s.versions[typeURL]++
	return true
}

// publish makes a snapshot of everything, whose types have versions of their
// own.
func (s *served) publish() error {
	snap := &cachev3.Snapshot{}
	for typ := range types.UnknownType {
		typeURL, err := cachev3.GetResponseTypeURL(typ)
		if err != nil {
			return err
		}
		var items []types.Resource
		for _, r := range s.types[typeURL] {
			items = append(items, r)
		}
		snap.Resources[typ] = cachev3.NewResources("v"+strconv.Itoa(s.versions[typeURL]), items)
	}
	return s.cache.SetSnapshot(context.Background(), "", snap)
}
