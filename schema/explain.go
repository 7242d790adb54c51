package schema

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// index is the place in a list in a field such as routes[2].to.
var index = regexp.MustCompile(`\[[0-9]*\]`)

// Explain says what a field such as service.routes.retry means: its form,
// its description, its default, examples, and the keys below it. Lists are
// passed through: routes[2].to is routes.to.
func Explain(field string) (string, error) {
	kind, rest, _ := strings.Cut(index.ReplaceAllString(field, ""), ".")
	if d := documents()["service"]; slices.Contains(d.root.properties(), kind) && kind != d.kind {
		return "", fmt.Errorf("fields begin with their kind, did you mean %q?", "service."+field)
	}
	if err := known(kind); err != nil {
		return "", err
	}
	d := documents()[kind]
	n, at := d.root, kind
	if rest != "" {
		for token := range strings.SplitSeq(rest, ".") {
			next, err := d.step(n, token, at)
			if err != nil {
				return "", err
			}
			n, at = next, at+"."+token
		}
	}
	return d.explanation(at, n), nil
}

// step goes from a field to a key below it.
func (d *document) step(n *node, key, at string) (*node, error) {
	object := d.objectIn(n)
	if values := n.child("additionalProperties"); values != nil && n.child("properties") == nil {
		return d.resolve(values), nil // the key is a name of the user's
	}
	if object == nil {
		return nil, fmt.Errorf("%s is a %s and has no keys", at, d.form(n))
	}
	if p := d.property(object, key); p != nil {
		return p, nil
	}
	if later(key, object.words("x-not-yet")) {
		return nil, fmt.Errorf("%s.%s is not supported yet", at, key)
	}
	hint := suggest(key, object.properties(), "the keys are "+strings.Join(object.properties(), ", "))
	return nil, fmt.Errorf("no field %q in %s, %s", key, at, hint)
}

func (d *document) explanation(field string, n *node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n%s\n", field, d.form(n), n.text("description"))
	if values := d.choices(n); len(values) > 0 {
		fmt.Fprintf(&b, "\nAny of: %s\n", strings.Join(values, ", "))
	}
	if v := defaultOf(n); v != "" {
		fmt.Fprintf(&b, "\nDefault: %s\n", v)
	}
	if examples := n.list("examples"); len(examples) > 0 {
		b.WriteString("\nExamples:\n")
		for _, e := range examples {
			fmt.Fprintf(&b, "  %s\n", flow(e))
		}
	}
	if object := d.objectIn(n); object != nil {
		b.WriteString("\nKeys:\n")
		d.explainKeys(&b, object)
	}
	return b.String()
}

// explainKeys lists keys with their forms, and the required ones as such.
func (d *document) explainKeys(b *strings.Builder, object *node) {
	width := 0
	for _, key := range object.properties() {
		width = max(width, len(key))
	}
	required := object.words("required")
	for _, key := range object.properties() {
		form := d.form(object.child("properties").child(key))
		if slices.Contains(required, key) {
			form += ", required"
		}
		fmt.Fprintf(b, "  %-*s  %s\n", width, key, form)
	}
	if not := object.words("x-not-yet"); len(not) > 0 {
		fmt.Fprintf(b, "\nNot supported yet: %s\n", strings.Join(not, ", "))
	}
}
