package model

// A Group is a set of Envoys: those that any of its lines matches.
type Group struct {
	Name   string
	Origin Origin
	Match  []NodeMatch // at least one
}

// A NodeMatch is what an Envoy says of itself. All that is set must hold, and
// something is.
type NodeMatch struct {
	ID       string         // pattern of path.Match, in which * and ? take slashes too; "" is any
	Cluster  string         // "" is any
	Metadata map[string]any // string, bool, float64, int64, and map[string]any of these; other keys are free
}
