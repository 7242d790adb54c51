//go:build race

package servetest

// flags build the program like the tests themselves.
func flags() []string { return []string{"-race"} }
