package xds

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	cachev3 "github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/log"
)

// everybody is the one group that all Envoys belong to, so that any is served
// whatever its name, also one that connects before there is a snapshot.
type everybody struct{}

// ID is the same for every node.
func (everybody) ID(*corev3.Node) string { return "" }

// store is the library's cache and the snapshot in it.
//
// The cache's own rule for ADS, to answer only who asks for all there is, is
// off: one listener that an Envoy refuses would keep routes from all others.
type store struct {
	cache   cachev3.SnapshotCache
	observe func(Event)

	// mu is held for reading while a watch is opened and for writing while a
	// snapshot is put in, and so whenever the cache looks at a subscription.
	mu sync.RWMutex
	// snap is what the cache has, nil before the first.
	snap cachev3.ResourceSnapshot
	// open are the watches of delta that want some resources by name.
	open map[*openWatch]struct{}
}

func newStore(l *slog.Logger, observe func(Event)) *store {
	return &store{observe: observe, open: map[*openWatch]struct{}{}, cache: cachev3.NewSnapshotCache(false, everybody{}, log.LoggerFuncs{
		// The cache reports some errors here alone, and no watch follows them.
		ErrorFunc: func(format string, args ...any) {
			l.Error("xds cache", slog.String("error", fmt.Sprintf(format, args...)))
		},
	})}
}

func (s *store) publish(snap cachev3.ResourceSnapshot) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snap = snap
	versions := map[string]string{}
	for _, typeURL := range served() {
		versions[typeURL] = snap.GetVersion(typeURL)
	}
	s.observe(Event{Kind: Published, Versions: versions})
	for w := range s.open {
		if w.fires(snap) {
			delete(s.open, w) // its stream goes on with the subscription
		} else {
			w.tell(snap)
		}
	}
	// Sending to a watch never blocks, and half a publish helps nobody.
	return s.cache.SetSnapshot(context.Background(), "", snap)
}

func (s *store) watch(r *cachev3.Request, sub cachev3.Subscription, out chan cachev3.Response) (func(), error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.cache.CreateWatch(r, sub, out)
}

func (s *store) watchDelta(r *cachev3.DeltaRequest, w *openWatch, out chan cachev3.DeltaResponse) (func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cancel, err := s.cache.CreateDeltaWatch(r, w.Subscription, out)
	if cancel == nil || err != nil {
		return cancel, err // a response is on its way
	}
	if s.snap != nil {
		w.tell(s.snap)
	}
	if w.IsWildcard() {
		return cancel, nil // a new version always has something for it
	}
	s.open[w] = struct{}{}
	return func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, w)
	}, nil
}

// openWatch is a watch of delta that has nothing to send. A new version of the
// type need not change that: the stream is then in step with it although it
// will never say so.
type openWatch struct {
	cachev3.Subscription // as the cache sees it

	typeURL       string
	sent, refused string // the versions of the last response, and of the last refused
	current       func(version string)
}

// fires tells whether the cache, which decides in the same way, has something
// to send of a snapshot.
func (w *openWatch) fires(snap cachev3.ResourceSnapshot) bool {
	versions, known := snap.GetVersionMap(w.typeURL), w.ReturnedResources()
	for name := range w.SubscribedResources() {
		next, there := versions[name]
		last, found := known[name]
		if there && next != last || !there && found {
			return true
		}
	}
	return false
}

// tell says that the stream is in step with a snapshot. A version that was
// sent is told of when it is answered.
func (w *openWatch) tell(snap cachev3.ResourceSnapshot) {
	if v := snap.GetVersion(w.typeURL); v != w.sent && v != w.refused {
		w.current(v)
	}
}

// doubt is a subscription as the cache is to see it when what the library
// counts as known to an Envoy may not be. The library counts what was sent.
type doubt struct {
	cachev3.Subscription

	store   *store
	typeURL string
	// always are names to answer at once, whether or not there is a resource.
	always []string
	// unsure are names in a response that the Envoy refused. Some of it may be
	// in use, so that each is to be sent or removed anew, but not as long as the
	// refused version is what there is: the same bytes get the same answer.
	unsure  []string
	refused string

	known map[string]string // what ReturnedResources returned for version
	at    string
}

// ReturnedResources returns what an Envoy has, with an empty version for what
// is in doubt. It is called for every resource, with the store's lock held.
func (d *doubt) ReturnedResources() map[string]string {
	var version string
	if d.store.snap != nil {
		version = d.store.snap.GetVersion(d.typeURL)
	}
	if d.known != nil && d.at == version {
		return d.known
	}
	d.known, d.at = maps.Clone(d.Subscription.ReturnedResources()), version
	for _, name := range d.always {
		d.known[name] = ""
	}
	if version != d.refused {
		for _, name := range d.unsure {
			d.known[name] = ""
		}
	}
	return d.known
}
