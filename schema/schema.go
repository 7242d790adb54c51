// Package schema is the machine form of the service definition format: a JSON
// Schema (draft-07) for each kind of document, published as a file for editors
// and embedded for the loader, the command line and the reference. It says
// whether one document has the right shape, in words made for people. It reads
// no YAML and no files, knows nothing of other documents, and leaves to the
// loader whatever needs more than one key to decide.
package schema

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"dragoman/diag"
)

//go:embed *.schema.json
var files embed.FS

// Kinds returns the kinds of document that this release takes, sorted.
func Kinds() []string { return []string{"group", "listener", "runtime", "service"} }

// Later returns the kinds of document that the format has and this release
// does not, sorted.
func Later() []string { return []string{"defaults", "envoy"} }

// Text returns the JSON Schema of a kind, as published.
func Text(kind string) ([]byte, error) {
	if err := known(kind); err != nil {
		return nil, err
	}
	return files.ReadFile(kind + ".schema.json")
}

// known refuses kinds that have no schema.
func known(kind string) error {
	switch {
	case slices.Contains(Kinds(), kind):
		return nil
	case slices.Contains(Later(), kind):
		return fmt.Errorf("%q documents are not supported yet", kind)
	}
	return fmt.Errorf("no kind %q, %s", kind, suggest(kind, Kinds(), "the kinds are "+strings.Join(Kinds(), ", ")))
}

// suggest is did you mean where there is something to suggest, and otherwise
// what is given.
func suggest(word string, candidates []string, otherwise string) string {
	if near, ok := diag.Nearest(word, candidates); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return otherwise
}

// A document is the schema of one kind: as data, for words; as a rule, for a
// quick yes; and compiled, for what is wrong.
type document struct {
	kind      string
	root      *node
	rule      *rule
	validator func() *jsonschema.Schema
}

// documents holds every schema, read once, when first needed. The validator is
// another matter: it takes milliseconds and half a megabyte, and is made when
// something is wrong.
//
//nolint:gochecknoglobals // written once
var documents = sync.OnceValue(func() map[string]*document {
	out := map[string]*document{}
	for _, kind := range Kinds() {
		text, err := Text(kind)
		if err != nil {
			panic(err) // it is embedded
		}
		d := &document{kind: kind, root: parse(text)}
		d.rule = d.rules()
		d.validator = sync.OnceValue(func() *jsonschema.Schema { return compile(kind, text) })
		out[kind] = d
	}
	return out
})

// compile panics on a schema that is none: it is embedded, and tested.
func compile(kind string, text []byte) *jsonschema.Schema {
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft7
	url := "embedded:///" + kind + ".schema.json"
	if err := c.AddResource(url, bytes.NewReader(text)); err != nil {
		panic(err)
	}
	return c.MustCompile(url)
}
