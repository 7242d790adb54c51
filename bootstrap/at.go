package bootstrap

import "gopkg.in/yaml.v3"

// at is a place in a document, with the key that leads to it. The zero value
// is a place that is not there.
type at struct{ key, node *yaml.Node }

func (a at) there() bool { return a.node != nil && a.node.Tag != "!!null" }

// get follows keys down. Envoy takes a proto's names in both spellings, and so
// does this.
func (a at) get(path ...string) at {
	for _, name := range path {
		a = a.field(name)
	}
	return a
}

func (a at) field(name string) at {
	if a.node == nil || a.node.Kind != yaml.MappingNode {
		return at{}
	}
	for i := 0; i < len(a.node.Content); i += 2 {
		if key := a.node.Content[i]; key.Value == name || key.Value == camel(name) {
			return at{key, resolve(a.node.Content[i+1])}
		}
	}
	return at{}
}

// items are the elements of a list.
func (a at) items() []at {
	if a.node == nil || a.node.Kind != yaml.SequenceNode {
		return nil
	}
	var out []at
	for _, item := range a.node.Content {
		out = append(out, at{node: resolve(item)})
	}
	return out
}

// value is that of a scalar.
func (a at) value() string {
	if a.node == nil || a.node.Kind != yaml.ScalarNode || a.node.Tag == "!!null" {
		return ""
	}
	return a.node.Value
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// camel is the JSON spelling of a proto's name.
func camel(name string) string {
	out, upper := make([]byte, 0, len(name)), false
	for i := range len(name) {
		switch ch := name[i]; {
		case ch == '_':
			upper = true
		case upper && 'a' <= ch && ch <= 'z':
			out, upper = append(out, ch-'a'+'A'), false
		default:
			out, upper = append(out, ch), false
		}
	}
	return string(out)
}
