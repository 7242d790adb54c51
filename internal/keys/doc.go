// Package keys tests that every key of the format does something: for each
// property of the published schemas there is a row with the YAML that a user
// would write and a question that only the key's effect in a real Envoy answers
// rightly. Each question is put to a second Envoy too, whose files lack the key
// or have another value in its place, and must be answered wrongly there: a row
// that would pass without its key is no test of it.
//
// The package has tests alone. It asks once for each key and value; the edges
// of each, and what is refused, are tested beside the code that knows them.
package keys
