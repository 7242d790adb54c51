package loader

import (
	"fmt"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"dragoman/diag"
	"dragoman/model"
	"dragoman/schema"
)

// A document is one object of a file, in the user's words. One of service,
// listener, group and runtime is set.
type document struct {
	file     *file
	kind     string
	name     name
	service  *service
	listener *listener
	group    *model.Group
	runtime  map[string]any

	// The model that resolve made last, and what it depended on.
	resolved *model.Service
	deps     string
}

// A name is a word in a file that other files may have to agree with.
type name struct {
	text string
	at   spot
}

// nameOf is a word with its place.
func nameOf(v value) name { return name{v.text, spotOf(v.node)} }

// origin is the place of the document's name, for the model.
func (d *document) origin() model.Origin { return d.file.origin(d.name.at) }

func (f *file) origin(m spot) model.Origin {
	return model.Origin{File: f.path, Line: int(m.line), Col: int(m.col)}
}

// place is a spot that stands beside a problem.
func (f *file) place(m spot, msg string) diag.Place {
	return diag.Place{File: f.path, Line: int(m.line), Col: int(m.col), Msg: msg}
}

// document decodes one document and adds it to the file, unless it is wrong.
func (f *file) document(v value) {
	if v.kind != object {
		f.notAMapping(v)
		return
	}
	kind, ok := f.kind(v)
	if !ok {
		return
	}
	named := nameOf(v.get(kind))
	f.defines = append(f.defines, definition{ref{kind, named.text}, named.at})
	if !f.valid(kind, v) {
		return
	}
	before := len(f.problems)
	d := &document{file: f, kind: kind, name: named}
	dec := &decoder{file: f, top: v}
	switch kind {
	case "service":
		d.service = dec.service(v)
	case "listener":
		d.listener = dec.listener(v)
	case "group":
		d.group = dec.group(v)
	case "runtime":
		d.runtime, _ = v.get("values").plain().(map[string]any) // the schema wants a mapping
	}
	if !f.problems[before:].HasErrors() {
		f.docs = append(f.docs, d)
		if d.listener != nil && d.listener.tls != nil {
			f.secured = append(f.secured, d)
		}
	}
}

// A ref is how documents refer to each other.
type ref struct{ kind, name string }

// kind finds the one key that says what a document is.
func (f *file) kind(v value) (string, bool) {
	found := make([]field, 0, 2)
	for _, fl := range v.fields {
		if slices.Contains(schema.Kinds(), fl.key) || slices.Contains(schema.Later(), fl.key) {
			found = append(found, fl)
		}
	}
	switch {
	case len(found) == 0:
		f.noKind(v)
		return "", false
	case len(found) > 1:
		f.problem(found[1].at, diag.UnknownKind,
			fmt.Sprintf("a document is one thing, and this is a %s and a %s", found[0].key, found[1].key),
			twoThings(found)).relate(f.path, found[0].at, "the other is here")
		return "", false
	case slices.Contains(schema.Later(), found[0].key):
		f.problem(found[0].at, diag.NotYet, fmt.Sprintf("%q documents are not supported yet", found[0].key), "take it out for now")
		return "", false
	}
	return found[0].key, true
}

// twoThings says what to do about a document of two kinds. One key is a kind
// here and nearly the name of a list there.
func twoThings(found []field) string {
	if found[0].key == "listener" && found[1].key == "group" && found[1].value.kind == text {
		return fmt.Sprintf("for a listener of a group write groups: [%s], and else put --- between two documents", found[1].value.text)
	}
	return "put --- between two documents"
}

func (f *file) noKind(v value) {
	if f.foreign(v) {
		return
	}
	at, hint := v.node, "begin it with service: NAME, listener: NAME, group: NAME or runtime: NAME"
	if name, ok := v.field("name"); ok {
		at, hint = name.at, "write service: NAME in the place of name: NAME"
	}
	for _, fl := range v.fields {
		if near, ok := diag.Nearest(fl.key, schema.Kinds()); ok {
			at, hint = fl.at, fmt.Sprintf("did you mean %q?", near)
			break
		}
	}
	f.problem(at, diag.UnknownKind, "nothing says what this document is", hint)
}

// valid checks a document against the schema of its kind and reports each
// finding at the node that it is about.
func (f *file) valid(kind string, v value) bool {
	if schema.Accepts(kind, &v) {
		return true
	}
	findings := schema.Validate(kind, v.json())
	for _, fi := range findings {
		f.problem(v.find(fi.Path, fi.Key), fi.Code, fi.Msg, fi.Hint).field(fieldName(fi.Path))
	}
	return len(findings) == 0
}

// find returns the node at a path, or of its last key. A path that leads
// nowhere ends at the last thing that is there. An empty value's node stands
// behind its key, so the key is what there is to see.
func (v value) find(path []string, key bool) *yaml.Node {
	at := v.node
	for i, token := range path {
		switch v.kind {
		case list:
			n, err := strconv.Atoi(token)
			if err != nil || n < 0 || n >= len(v.items) {
				return at
			}
			v = v.items[n]
			at = v.node
		case object:
			f, ok := v.field(token)
			if !ok {
				return at
			}
			v, at = f.value, f.value.node
			if v.kind == null || key && i == len(path)-1 {
				at = f.at
			}
		case null, boolean, number, text:
			return at
		}
	}
	return at
}
