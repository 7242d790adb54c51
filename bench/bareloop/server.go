package main

import (
	"maps"
	"slices"
	"strconv"
	"sync"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/bench/least"
)

// server has the newest of every resource, and sends it to every stream.
type server struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer

	mu        sync.Mutex // guards what follows
	resources map[least.Key]*discoveryv3.Resource
	streams   map[*stream]struct{}
}

// stream is one client.
type stream struct {
	wants map[least.Key]bool
	all   map[string]bool // types without names
	out   chan *discoveryv3.DeltaDiscoveryResponse
}

func (s *stream) wanted(k least.Key) bool { return s.all[k.TypeURL] || s.wants[k] }

// update takes the resources of one file.
func (s *server) update(all map[least.Key]*discoveryv3.Resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, r := range all {
		if old := s.resources[k]; old != nil && old.GetVersion() == r.GetVersion() {
			continue
		}
		s.resources[k] = r
		for c := range s.streams {
			if c.wanted(k) {
				c.out <- response(k.TypeURL, r)
			}
		}
	}
}

func response(typeURL string, r ...*discoveryv3.Resource) *discoveryv3.DeltaDiscoveryResponse {
	return &discoveryv3.DeltaDiscoveryResponse{TypeUrl: typeURL, Resources: r}
}

// DeltaAggregatedResources serves one client.
func (s *server) DeltaAggregatedResources(g discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	c := &stream{wants: map[least.Key]bool{}, all: map[string]bool{}, out: make(chan *discoveryv3.DeltaDiscoveryResponse, 1000)}
	s.mu.Lock()
	s.streams[c] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.streams, c)
		s.mu.Unlock()
	}()
	go s.send(g, c)
	asked := map[string]bool{}
	for {
		r, err := g.Recv()
		if err != nil {
			return err
		}
		first := !asked[r.GetTypeUrl()]
		asked[r.GetTypeUrl()] = true
		s.ask(c, r, first)
	}
}

func (s *server) send(g discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer, c *stream) {
	for n := 0; ; n++ {
		select {
		case <-g.Context().Done():
			return
		case r := <-c.out:
			r.Nonce = strconv.Itoa(n)
			if g.Send(r) != nil {
				return
			}
		}
	}
}

// ask answers one request with what it adds.
func (s *server) ask(c *stream, r *discoveryv3.DeltaDiscoveryRequest, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	url, names := r.GetTypeUrl(), r.GetResourceNamesSubscribe()
	switch {
	case first && len(names) == 0 || slices.Contains(names, "*"):
		c.all[url] = true
		var all []*discoveryv3.Resource
		for k := range maps.Keys(s.resources) {
			if k.TypeURL == url {
				all = append(all, s.resources[k])
			}
		}
		c.out <- response(url, all...)
	case len(names) > 0:
		var found []*discoveryv3.Resource
		for _, name := range names {
			k := least.Key{TypeURL: url, Name: name}
			c.wants[k] = true
			if there := s.resources[k]; there != nil {
				found = append(found, there)
			}
		}
		if len(found) > 0 || url != resourcev3.RuntimeType {
			c.out <- response(url, found...)
		}
	}
	for _, name := range r.GetResourceNamesUnsubscribe() {
		delete(c.wants, least.Key{TypeURL: url, Name: name})
	}
}
