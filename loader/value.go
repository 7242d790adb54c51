package loader

import (
	"encoding/json"
	"math"
	"strconv"

	"gopkg.in/yaml.v3"

	"dragoman/schema"
)

// A value is a YAML node within bounds: aliases and merge keys are resolved,
// keys are strings and unique, scalars are what JSON knows. It keeps the node
// it came from, for its place.
type value struct {
	kind   schema.Type
	node   *yaml.Node
	text   string  // of a scalar; a number in JSON's form
	fields []field // of an object, in the order of the file
	items  []value // of a list
}

// The kinds of value are the schema's types.
const (
	null    = schema.Null
	boolean = schema.Boolean
	number  = schema.Number
	text    = schema.String
	list    = schema.Array
	object  = schema.Object
)

type field struct {
	key   string
	at    *yaml.Node
	value value
}

// Type and the methods below it are how the schema sees a value.
func (v *value) Type() schema.Type { return v.kind }

// Text returns the text of a scalar.
func (v *value) Text() string { return v.text }

// Len returns how many items or fields there are.
func (v *value) Len() int { return len(v.items) + len(v.fields) }

// Item returns a part of a list.
func (v *value) Item(i int) schema.Value { return &v.items[i] }

// Field returns a part of an object.
func (v *value) Field(i int) (string, schema.Value) { return v.fields[i].key, &v.fields[i].value }

// get returns the value of a key; a missing one is null with no node.
func (v value) get(key string) value {
	if i := v.index(key); i >= 0 {
		return v.fields[i].value
	}
	return value{}
}

// field returns the field of a key, and whether it is there.
func (v value) field(key string) (field, bool) {
	if i := v.index(key); i >= 0 {
		return v.fields[i], true
	}
	return field{}, false
}

func (v value) has(key string) bool { return v.index(key) >= 0 }

// index is where the field of a key is, -1 if it is not there.
func (v value) index(key string) int {
	for i := range v.fields {
		if v.fields[i].key == key {
			return i
		}
	}
	return -1
}

// bool, integer and strings read what the schema has checked.
func (v value) bool() bool { return v.text == "true" }

// integer takes 80.0 as well as 80: JSON Schema calls both integers.
func (v value) integer() int64 {
	if v.kind != number {
		return 0 // it is not there
	}
	if i, err := strconv.ParseInt(v.text, 10, 64); err == nil {
		return i
	}
	f, _ := strconv.ParseFloat(v.text, 64) // the schema bounds it
	return int64(f)
}

// json returns the value as encoding/json would decode it, numbers as
// json.Number.
func (v value) json() any {
	return v.tree(func(number string) any { return json.Number(number) })
}

// plain returns the value with numbers as int64 or float64.
func (v value) plain() any {
	return v.tree(func(number string) any {
		if i, err := strconv.ParseInt(number, 10, 64); err == nil {
			return i
		}
		f, _ := strconv.ParseFloat(number, 64) // jsonNumber wrote it
		return f
	})
}

// tree returns the value as maps, slices and scalars.
func (v value) tree(num func(string) any) any {
	switch v.kind {
	case null:
		return nil
	case boolean:
		return v.bool()
	case number:
		return num(v.text)
	case text:
		return v.text
	case list:
		out := make([]any, len(v.items))
		for i, item := range v.items {
			out[i] = item.tree(num)
		}
		return out
	case object:
		out := make(map[string]any, len(v.fields))
		for _, f := range v.fields {
			out[f.key] = f.value.tree(num)
		}
		return out
	}
	panic("loader: impossible kind of value " + strconv.Itoa(int(v.kind)))
}

// simple says that a number stands in a file as JSON has it: decimal digits
// without a leading zero, of a number that an int64 surely holds. yaml.v3 makes
// a decoder with two maps to read one.
func simple(s string) bool {
	if s == "" || len(s) > 18 || s[0] == '0' && s != "0" {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// jsonNumber writes a YAML number as JSON does, and reports whether it can.
// NaN and the infinities cannot, and would make the schema's validator panic.
func jsonNumber(n *yaml.Node) (string, bool) {
	if n.ShortTag() == "!!int" && simple(n.Value) {
		return n.Value, true
	}
	var i int64
	if n.Decode(&i) == nil && n.ShortTag() == "!!int" {
		return strconv.FormatInt(i, 10), true
	}
	var u uint64
	if n.Decode(&u) == nil && n.ShortTag() == "!!int" {
		return strconv.FormatUint(u, 10), true
	}
	var f float64
	if n.Decode(&f) != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return "", false
	}
	return strconv.FormatFloat(f, 'g', -1, 64), true
}
