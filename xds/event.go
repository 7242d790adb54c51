package xds

// An EventKind says what has happened.
type EventKind int

// The kinds of events.
const (
	Published EventKind = iota // a snapshot: Versions is set, and no stream; what follows from it comes after
	Opened                     // a stream has said who it is
	Closed                     // it has ended
	Asked                      // it wants resources of a type that it did not want before
	Dropped                    // it wants none of a type any more
	Offered                    // a response is about to be sent
	Accepted                   // the Envoy has a version: it has taken the response, or needs none
	Refused                    // it has refused the response: Words says why
)

// An Event is what those who want to know who runs what are told.
type Event struct {
	Kind   EventKind
	Stream uint64 // the number of the stream, of no other in the life of the server

	// Opened says who it is.
	Node, Cluster, Peer, Protocol, Service string

	Type, Version string            // of a response
	Words         string            // of a refusal
	Versions      map[string]string // of a publication, by type URL
}
