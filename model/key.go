package model

import (
	"fmt"
	"strings"
)

// Key is a text that two matches share when they match the same requests in
// the same words. Routes of one virtual host with one key are a conflict.
func (m Match) Key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %q %q", m.Path.Kind, m.Path.Value, m.Methods)
	for _, v := range m.Headers {
		fmt.Fprintf(&b, " h%s", v.key())
	}
	for _, v := range m.Query {
		fmt.Fprintf(&b, " q%s", v.key())
	}
	return b.String()
}

func (v ValueMatch) key() string {
	return fmt.Sprintf("%q %d %q %t %t", v.Name, v.Kind, v.Value, v.Not, v.IgnoreCase)
}

// Conditions counts what a match asks for beyond the path: the methods as
// one, and each header and query parameter.
func (m Match) Conditions() int {
	n := len(m.Headers) + len(m.Query)
	if len(m.Methods) > 0 {
		n++
	}
	return n
}
