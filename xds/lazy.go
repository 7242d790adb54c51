package xds

// put makes an entry of a map, and the map with the first: of the maps here most
// are empty most of the time.
func put[V any](m *map[string]V, name string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[name] = v
}

// room makes a map for a number of entries, unless it is there.
func room[V any](m *map[string]V, n int) {
	if *m == nil && n > 0 {
		*m = make(map[string]V, n)
	}
}

// trim drops a map without entries, which has the room of all that were in it.
func trim[V any](m *map[string]V) {
	if len(*m) == 0 {
		*m = nil
	}
}
