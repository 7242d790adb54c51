package schema

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"dragoman/diag"
)

// A Finding is one way in which a document breaks its schema.
type Finding struct {
	Path []string // the keys and indexes that lead to the place, unescaped
	Key  bool     // the place is the key that Path ends with, not its value
	Code diag.Code
	Msg  string
	Hint string // as in diag.Problem
}

// Validate checks a document against the schema of its kind and returns all
// that is wrong, in an order that depends on the document alone.
//
// A document is made of map[string]any, []any, string, bool, nil and numbers:
// json.Number, float64, int, int64 or uint64. Anything else is a finding.
func Validate(kind string, doc any) []Finding {
	switch {
	case slices.Contains(Later(), kind):
		return []Finding{{Path: []string{kind}, Key: true, Code: diag.NotYet, Msg: known(kind).Error()}}
	case !slices.Contains(Kinds(), kind):
		return []Finding{{Code: diag.UnknownKind, Msg: known(kind).Error()}}
	}
	if odd := oddities(nil, doc); len(odd) > 0 {
		return tidy(odd)
	}
	d := documents()[kind]
	err := d.check(doc)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return []Finding{{Code: diag.BadValue, Msg: "something in this document cannot be checked"}}
	}
	var found []finding
	for _, leaf := range leaves(invalid, nil) {
		found = append(found, d.describe(d.failure(leaf, doc))...)
	}
	return tidy(found)
}

// check asks the validator. It panics on numbers that it cannot compute with;
// oddities refuses those that we know of, and the rest must not end a server
// either.
func (d *document) check(doc any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("validating a %s: %v", d.kind, r)
		}
	}()
	return d.validator().Validate(doc)
}

// leaves are the errors that no other explains. The branches of an anyOf say
// nothing that the anyOf does not.
func leaves(e *jsonschema.ValidationError, out []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 || strings.HasSuffix(e.AbsoluteKeywordLocation, "/anyOf") {
		return append(out, e)
	}
	for _, c := range e.Causes {
		out = leaves(c, out)
	}
	return out
}

// A failure is one keyword of the schema that one value does not satisfy.
type failure struct {
	keyword string
	schema  *node    // has the keyword
	object  *node    // the nearest around it that has properties, or nil
	path    []string // of the value
	value   any      // a key, if isKey
	isKey   bool
	parent  any    // the mapping or list around the value; nil at the top
	beside  string // the key that forbids this one, for the keyword false, or that needs another
	needs   string // the key that beside needs, for the keyword dependencies
}

// failure looks up what an error of the validator is about. The validator's
// own words are not used: they are made for programmers, and in random order.
func (d *document) failure(e *jsonschema.ValidationError, doc any) failure {
	f := failure{path: pointer(e.InstanceLocation), value: doc}
	for _, t := range f.path {
		f.parent, f.value = f.value, member(f.value, t)
	}
	// The value of a key that is wrong is not what is wrong.
	if strings.Contains(e.KeywordLocation, "/propertyNames/") {
		f.isKey, f.value = true, f.path[len(f.path)-1]
	}
	place := pointer(e.AbsoluteKeywordLocation)
	at := len(place) - 1
	f.keyword = place[at]
	if i := slices.Index(place, "dependencies"); i >= 0 {
		f.keyword, f.beside, at = "false", place[i+1], i
		if needs, ok := d.walk(place).(string); ok {
			f.keyword, f.needs = "dependencies", needs
		}
	}
	f.schema, _ = d.walk(place[:at]).(*node)
	for i := at; i >= 0 && f.object == nil; i-- {
		if n, ok := d.walk(place[:i]).(*node); ok && n.child("properties") != nil {
			f.object = n
		}
	}
	return f
}

func member(v any, token string) any {
	switch v := v.(type) {
	case map[string]any:
		return v[token]
	case []any:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(v) {
			return v[i]
		}
	}
	return nil
}

// named reports whether the value stands behind a key, and not in a list or
// at the top.
func (f failure) named() bool {
	_, ok := f.parent.(map[string]any)
	return ok
}

// key is the last key that leads to the value.
func (f failure) key() string {
	for _, t := range slices.Backward(f.path) {
		if t != "" && strings.Trim(t, "0123456789") != "" {
			return t
		}
	}
	return ""
}

// finding places what is wrong with the value: at the value, or at its key
// where the value spans lines or cannot be seen.
func (f failure) finding(code diag.Code, msg, hint string) finding {
	key := f.isKey
	switch f.value.(type) {
	case nil, map[string]any, []any:
		key = f.named()
	}
	return finding{Finding: Finding{Path: f.path, Key: key, Code: code, Msg: msg, Hint: hint}}
}

// atKey places what is wrong at the last key of the path.
func (f failure) atKey(code diag.Code, msg, hint string) finding {
	return finding{Finding: Finding{Path: f.path, Key: true, Code: code, Msg: msg, Hint: hint}}
}
