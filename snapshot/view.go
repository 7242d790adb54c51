package snapshot

// A View is what one Envoy gets. Envoys in the same groups share theirs. It
// never changes.
type View struct {
	Version  string          // of the whole
	Shadowed []Shadowed      // listeners that it would have
	sets     map[string]*Set // by type URL
	empty    *Set            // for types that are not there
}

// Shadowed is a listener that Envoys of two groups do not get, since another of
// theirs has its address. The first by name is what they get.
type Shadowed struct{ Listener, By, Address string }

// NewView makes a view of sets by type URL; a type that is left out is empty.
func NewView(version string, sets map[string]*Set) *View {
	return &View{Version: version, sets: sets, empty: NewSet()}
}

// Set returns the resources of a type.
func (v *View) Set(typeURL string) *Set {
	if s := v.sets[typeURL]; s != nil {
		return s
	}
	return v.empty
}
