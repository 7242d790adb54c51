package schema

import "github.com/santhosh-tekuri/jsonschema/v5"

// Both returns a schema as its rule and as the library has it. Documents for
// both are as Accepts and Validate take them.
func Both(text string) (rule func(Value) bool, library *jsonschema.Schema) {
	d := &document{kind: "test", root: parse([]byte(text))}
	r := d.rules()
	return func(v Value) bool { return whole(v) && r.accepts(v) }, compile("test", []byte(text))
}
