package schema

import (
	"fmt"
	"slices"
	"strings"
)

// Reference is the field reference in Markdown: each kind, and each mapping
// in it, with a table of its keys.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Field reference\n\n" +
		"Generated from the JSON Schemas in `schema/`; `dragoman schema --explain FIELD` prints the same on a terminal.\n" +
		"Keys that begin with `x-` are ignored at the top of a document.\n")
	for _, kind := range []string{"service", "listener", "group", "runtime"} {
		d := documents()[kind]
		sections := d.sections()
		for _, s := range sections {
			d.reference(&b, s, sections)
		}
	}
	fmt.Fprintf(&b, "\nDocuments of the kinds %s are not supported yet.\n", inCode(Later()))
	return b.String()
}

func (d *document) reference(b *strings.Builder, s section, all []section) {
	level := "###"
	if s.path == d.kind {
		level = "##"
	}
	fmt.Fprintf(b, "\n%s %s\n\n%s\n\n| key | form | default | meaning |\n|---|---|---|---|\n", level, s.path, s.object.text("description"))
	required := s.object.words("required")
	for _, key := range s.object.properties() {
		n := d.property(s.object, key)
		fallback := cell(defaultOf(n))
		if slices.Contains(required, key) {
			fallback = "required"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", key, cell(d.form(n)), fallback, d.meaning(n, all))
	}
	if not := s.object.words("x-not-yet"); len(not) > 0 {
		fmt.Fprintf(b, "\nNot supported yet: %s.\n", inCode(not))
	}
}

// meaning is a field's description with its choices, examples, and where its
// keys are described.
func (d *document) meaning(n *node, all []section) string {
	out := cell(n.text("description"))
	if values := d.choices(n); len(values) > 0 {
		out += " Any of " + inCode(values) + "."
	}
	var examples []string
	for _, e := range n.list("examples") {
		examples = append(examples, flow(e))
	}
	if len(examples) > 0 {
		out += " For example " + inCode(examples) + "."
	}
	object := d.objectIn(n)
	if object == nil {
		return out
	}
	for _, s := range all {
		if s.object.child("properties") == object.child("properties") {
			return out + fmt.Sprintf(" Keys: [%s](#%s).", s.path, strings.ToLower(strings.ReplaceAll(s.path, ".", "")))
		}
	}
	return out
}

func inCode(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = "`" + cell(w) + "`"
	}
	return strings.Join(out, ", ")
}

// cell keeps a text within its cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
