// Package refusal knows what Envoys refuse: it traces each refusal to the file
// and line that the resource is from, says so as a problem until it is over,
// and judges whether the file is to go back to what was accepted last.
//
// It is told by events, by many goroutines. It sends nothing, reads no files
// and puts nothing back itself.
package refusal

import "dragoman/model"

// A Publication is what every Envoy is to have from now on.
type Publication struct {
	Version string            // of the whole
	Types   map[string]string // versions by type URL
	Config  *model.Config     // what it was made of
	Files   []string          // those that differ from the publication before

	// Content is a hash of what a resource says, "" if there is none of that
	// name.
	Content func(typeURL, name string) string
}

// A Stream is one stream of an Envoy. Streams that agree in all but ID are the
// same Envoy's.
type Stream struct {
	ID                  uint64
	Node, Cluster, Peer string
}

// A Refusal is what an Envoy has said no to.
type Refusal struct {
	Stream        uint64
	Type, Version string
	Words         string     // Envoy's, about the whole response
	Resources     []Resource // those that are refused for certain
	Candidates    []string   // where none is certain: names, of which one is refused at least
}

// A Resource is refused, for what its words say.
type Resource struct{ Name, Words string }
