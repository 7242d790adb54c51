package fleet

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Snapshot is the fleet at one moment. It never changes.
type Snapshot struct {
	Published Published
	Nodes     []Node            // by name, also those that have left
	NACKs     map[string]uint64 // since the start, by type URL
}

// Published is what there is for Envoys to have.
type Published struct {
	Versions map[string]string // by type URL; nil before the first
	At       time.Time
}

// A Node is one Envoy.
type Node struct {
	ID, Cluster, Peer string

	Connected bool
	Since     time.Time // of being connected, or of not being so
	InSync    bool      // connected, and all of its streams are in sync
	Streams   []StreamState
}

// A StreamState is what became of one stream.
type StreamState struct {
	Stream

	Since  time.Time
	InSync bool // all types are
	Types  []Type
}

// A Type is how far a stream has come with a resource type.
type Type struct {
	URL      string
	InSync   bool
	Offered  Mark   // what was sent last
	Accepted Mark   // what the Envoy has
	Refused  Mark   // what it refused and has accepted nothing since
	Words    string // why
}

// A Mark is a version and since when it is the one. Its zero value is none.
type Mark struct {
	Version string
	At      time.Time
}

// set changes the version. The time of the one that is there already stays.
func (m *Mark) set(version string) {
	if m.Version != version {
		*m = Mark{Version: version, At: time.Now()}
	}
}

// Counts are how many Envoys there are.
type Counts struct{ Connected, InSync int }

// Counts counts the Envoys of a snapshot.
func (s Snapshot) Counts() Counts {
	var c Counts
	for _, n := range s.Nodes {
		if n.Connected {
			c.Connected++
		}
		if n.InSync {
			c.InSync++
		}
	}
	return c
}

// Snapshot returns the fleet as it is now.
func (f *Fleet) Snapshot() Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget()
	s := Snapshot{Published: f.published, NACKs: maps.Clone(f.nacks)} // Published replaces its map, so that it may be shared
	for id, e := range f.envoys {
		s.Nodes = append(s.Nodes, f.node(id, e))
	}
	s.Nodes = append(s.Nodes, f.gone...)
	slices.SortFunc(s.Nodes, func(a, b Node) int {
		return cmp.Or(
			strings.Compare(a.ID, b.ID),
			strings.Compare(a.Cluster, b.Cluster),
			strings.Compare(a.Peer, b.Peer),
			a.Since.Compare(b.Since),
		)
	})
	return s
}

// node is an Envoy as it is now.
func (f *Fleet) node(id identity, e *envoy) Node {
	n := Node{ID: id.node, Cluster: id.cluster, Peer: id.peer, Connected: true, Since: e.since, InSync: true}
	for _, key := range slices.Sorted(maps.Keys(e.streams)) {
		s := e.streams[key]
		state := StreamState{Stream: s.Stream, Since: s.since, InSync: s.inSync()}
		for _, url := range slices.Sorted(maps.Keys(s.types)) {
			p := s.types[url]
			state.Types = append(state.Types, Type{
				URL:      url,
				InSync:   p.inSync(s.assigned[url]),
				Offered:  p.offered,
				Accepted: p.accepted,
				Refused:  p.refused,
				Words:    p.words,
			})
		}
		n.InSync = n.InSync && state.InSync
		n.Streams = append(n.Streams, state)
	}
	return n
}

// leave keeps what is known of an Envoy that is gone, as it was last.
func (f *Fleet) leave(n Node) {
	n.Connected, n.InSync, n.Since = false, false, time.Now()
	f.gone = append(f.gone, n)
	f.forget()
}

// forget drops those that are gone for long, and those that are too many.
func (f *Fleet) forget() {
	start := max(0, len(f.gone)-maxGone)
	for start < len(f.gone) && time.Since(f.gone[start].Since) >= keepGone {
		start++
	}
	f.gone = slices.Delete(f.gone, 0, start)
}

// back drops the one of a name that is gone for longest when an Envoy of that
// name comes: most likely it is the same one, from another port.
func (f *Fleet) back(id identity) {
	i := slices.IndexFunc(f.gone, func(n Node) bool { return n.ID == id.node && n.Cluster == id.cluster })
	if i >= 0 {
		f.gone = slices.Delete(f.gone, i, i+1)
	}
}
