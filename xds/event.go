package xds

import "dragoman/snapshot"

// An EventKind says what has happened.
type EventKind int

// The kinds of events.
const (
	Published EventKind = iota // a snapshot: Versions is set, and no stream; what follows from it comes after
	Assigned                   // what a stream is to have from now on: Versions, of its own view
	Opened                     // a stream has said who it is
	Closed                     // it has ended
	Asked                      // it wants resources of a type that it did not want before
	Dropped                    // it wants none of a type any more
	Offered                    // a response is about to be sent
	Accepted                   // the Envoy has a version: it has taken the response, or needs none
	Partly                     // the Envoy has a version but for what it refuses, which Names has
	Refused                    // it has refused the response: Words says why
	Stuck                      // it has not answered in time: Names are the resources that were sent
)

// An Event is what those who want to know who runs what are told.
type Event struct {
	Kind   EventKind
	Stream uint64 // the number of the stream, of no other in the life of the server

	// Opened says who it is.
	Node, Cluster, Peer, Protocol, Service string

	Type, Version string            // of a response
	Versions      map[string]string // of a publication or an assignment, by type URL

	Snapshot *snapshot.Snapshot // of a publication

	// Of a refusal: Envoy's words, and the resources that they are about. If
	// they do not say, Names are those that may be, which are then tried alone.
	Words     string
	Resources []Refusal
	Names     []string
}
