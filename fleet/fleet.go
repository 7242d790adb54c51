// Package fleet knows which Envoys are connected, and what each was offered,
// has accepted and has refused, since when. It is told by events and asked for
// snapshots, both from any goroutine.
//
// It knows nothing of what the versions stand for, never decides what an Envoy
// gets, and forgets: what is not connected is kept for a while only.
package fleet

import (
	"maps"
	"sync"
	"time"
)

// What is kept of Envoys that are gone. Enough to see who left since the last
// deployment, and a bound for those that come under a new name each time.
const (
	keepGone = 15 * time.Minute
	maxGone  = 1000
)

// A Stream is one stream of an Envoy.
type Stream struct {
	ID       uint64 // of no other stream in the life of the process
	Node     string // the Envoy's name
	Cluster  string // the name of the Envoys that do the same work
	Peer     string // the address that it comes from
	Protocol string // sotw or delta
	Service  string // ADS or the one type URL of the stream
}

// Options of a Fleet.
type Options struct {
	// Converged is told how long a publication took from Published until the
	// last Envoy that was connected had accepted it. There is no such time, and
	// no call, if one refuses it or leaves before, or if the next publication
	// comes before. It is called with a lock held: it must be quick and not call
	// the fleet. Nil is nobody.
	Converged func(time.Duration)
}

// A Fleet is all Envoys.
type Fleet struct {
	converged func(time.Duration)

	mu        sync.Mutex // guards what follows
	published Published
	streams   map[uint64]*stream
	envoys    map[identity]*envoy
	gone      []Node // the longest gone first
	nacks     map[string]uint64
	waiting   map[uint64]bool // streams that have not accepted what was published last, true once they are assigned it; nil if they never will
	moved     bool            // it is something else for at least one of them
}

// identity is what tells one Envoy from another. Several may share a name, and
// one without ADS has many streams on its one connection.
type identity struct{ node, cluster, peer string }

// envoy is one that is connected.
type envoy struct {
	since   time.Time
	streams map[uint64]*stream
}

// stream is one that is open.
type stream struct {
	Stream

	since    time.Time
	assigned map[string]string // the version it is to have of each type; nil before the first
	types    map[string]*progress
}

// progress is how far a stream has come with one type.
type progress struct {
	offered, accepted, refused Mark

	words string // of the refusal
	open  bool   // what was offered is not answered yet
}

func (p *progress) inSync(version string) bool {
	return !p.open && p.refused.Version == "" && p.accepted.Version == version
}

// New returns a fleet without Envoys.
func New(o Options) *Fleet {
	if o.Converged == nil {
		o.Converged = func(time.Duration) {}
	}
	return &Fleet{
		converged: o.Converged,
		streams:   map[uint64]*stream{},
		envoys:    map[identity]*envoy{},
		nacks:     map[string]uint64{},
	}
}

// Published says that there is something new for Envoys to have, with a version
// for each type, of everything. It comes before the events that follow from it:
// first of all, what each stream is assigned.
func (f *Fleet) Published(versions map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.published = Published{Versions: maps.Clone(versions), At: time.Now()}
	f.waiting, f.moved = map[uint64]bool{}, false
	for id := range f.streams {
		f.waiting[id] = false
	}
}

// Assigned says what a stream is to have from now on: a version for each type,
// of what its Envoy gets of everything.
func (f *Fleet) Assigned(id uint64, versions map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.streams[id]
	if s == nil {
		return
	}
	s.assigned = versions
	if _, ok := f.waiting[id]; !ok {
		return
	}
	if !s.inSync() {
		f.waiting[id], f.moved = true, true
		return
	}
	delete(f.waiting, id)
	f.converge()
}

// Opened says that a stream has said who it is.
func (f *Fleet) Opened(s Stream) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	added := &stream{Stream: s, since: now, types: map[string]*progress{}}
	f.streams[s.ID] = added
	id := identity{s.Node, s.Cluster, s.Peer}
	e := f.envoys[id]
	if e == nil {
		f.back(id)
		e = &envoy{since: now, streams: map[uint64]*stream{}}
		f.envoys[id] = e
	}
	e.streams[s.ID] = added
}

// Closed says that a stream has ended.
func (f *Fleet) Closed(id uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.streams[id]
	if s == nil {
		return
	}
	who := identity{s.Node, s.Cluster, s.Peer}
	if e := f.envoys[who]; len(e.streams) == 1 {
		f.leave(f.node(who, e))
		delete(f.envoys, who)
	} else {
		delete(e.streams, id)
	}
	delete(f.streams, id)
	if _, ok := f.waiting[id]; ok {
		f.waiting = nil
	}
}

// Asked says that a stream wants resources of a type.
func (f *Fleet) Asked(id uint64, typeURL string) {
	f.change(id, typeURL, func(*progress) {})
}

// Dropped says that a stream wants nothing of a type any more.
func (f *Fleet) Dropped(id uint64, typeURL string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.streams[id]; s != nil {
		delete(s.types, typeURL)
		f.settle(s)
	}
}

// Offered says that a response was sent.
func (f *Fleet) Offered(id uint64, typeURL, version string) {
	f.change(id, typeURL, func(p *progress) {
		p.offered.set(version)
		p.open = true
	})
}

// Accepted says that an Envoy has a version: it has taken the response, or
// needed none, since nothing that it uses is different.
func (f *Fleet) Accepted(id uint64, typeURL, version string) {
	f.change(id, typeURL, func(p *progress) {
		p.accepted.set(version)
		p.refused, p.words = Mark{}, ""
		p.answered(version)
	})
}

// Partly says that an Envoy has a version but for what it refuses of it: the
// refusal stands.
func (f *Fleet) Partly(id uint64, typeURL, version string) {
	f.change(id, typeURL, func(p *progress) {
		p.accepted.set(version)
		p.answered(version)
	})
}

// Refused says that an Envoy has refused a version, and in what words.
func (f *Fleet) Refused(id uint64, typeURL, version, words string) {
	f.change(id, typeURL, func(p *progress) {
		p.refused.set(version)
		p.words = words
		p.answered(version)
		f.nacks[typeURL]++
		if version == f.streams[id].assigned[typeURL] {
			f.waiting = nil
		}
	})
}

// change changes how far a stream has come with a type. The end of a stream
// may be faster than what is said of it: then nothing changes.
func (f *Fleet) change(id uint64, typeURL string, do func(*progress)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.streams[id]
	if s == nil {
		return
	}
	p := s.types[typeURL]
	if p == nil {
		p = &progress{}
		s.types[typeURL] = p
	}
	do(p)
	f.settle(s)
}

// answered ends the wait for an answer, if this is the one to what was offered
// last.
func (p *progress) answered(version string) {
	if p.offered.Version == version {
		p.open = false
	}
}

// settle notes that a stream may have caught up.
func (f *Fleet) settle(s *stream) {
	if f.waiting[s.ID] && s.inSync() {
		delete(f.waiting, s.ID)
		f.converge()
	}
}

// converge tells that a publication has arrived, if the last stream has it.
func (f *Fleet) converge() {
	if len(f.waiting) == 0 && f.moved {
		f.converged(time.Since(f.published.At))
	}
}

// inSync tells whether a stream has accepted what it is assigned of all types
// that it has asked for. One that has asked for nothing has not.
func (s *stream) inSync() bool {
	if s.assigned == nil {
		return false
	}
	for url, p := range s.types {
		if !p.inSync(s.assigned[url]) {
			return false
		}
	}
	return len(s.types) > 0
}
