package loader

import (
	"fmt"

	"dragoman/diag"
)

// runtime reads the values of a layer. Envoy's runtime is a tree of keys with
// a string, a boolean or a number at each end, and refuses anything else.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime
func (d *decoder) runtime(v value) map[string]any {
	values := v.get("values")
	d.runtimeTree(values)
	out, _ := values.plain().(map[string]any) // the schema wants a mapping
	return out
}

func (d *decoder) runtimeTree(v value) {
	for _, f := range v.fields {
		switch f.value.kind {
		case list:
			d.problem(f.value.node, diag.WrongType, fmt.Sprintf("the runtime value of %q is a list", f.key), "Envoy takes a string, a number, true, false, or a mapping of these")
		case object:
			d.runtimeTree(f.value)
		case null, boolean, number, text: // the schema has refused null
		}
	}
}
