//go:build race

package e2e_test

// buildFlags make the program under test like the tests themselves.
var buildFlags = []string{"-race"}
