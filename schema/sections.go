package schema

import "slices"

// A section is a mapping of the format with keys of its own, at the first
// place where it stands.
type section struct {
	path   string // service.upstream.dns
	object *node  // has properties
}

// sections lists the mappings of a kind from the top down: all at one depth
// before those below them. A mapping that stands in several places is listed
// at the first.
func (d *document) sections() []section {
	out := []section{{d.kind, d.root}}
	seen := map[*node]bool{}
	for i := 0; i < len(out); i++ {
		for _, key := range out[i].object.properties() {
			object := d.objectIn(out[i].object.child("properties").child(key))
			if object == nil || seen[object.child("properties")] {
				continue
			}
			seen[object.child("properties")] = true
			out = append(out, section{out[i].path + "." + key, object})
		}
	}
	return out
}

// objectIn finds the mapping with keys of its own that a schema takes, be it
// in a list or as the values of a mapping; nil when there is none.
func (d *document) objectIn(n *node) *node {
	for seen := []*node{}; n != nil && !slices.Contains(seen, n); {
		seen = append(seen, n)
		n = d.resolve(n)
		switch {
		case n.child("properties") != nil:
			return n
		case n.child("additionalProperties") != nil:
			n = n.child("additionalProperties")
		default:
			n = n.child("items")
		}
	}
	return nil
}
