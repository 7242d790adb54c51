package schema_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"dragoman/schema"
)

// A tree is a document as Validate takes it, in the form that Accepts takes.
type tree struct{ v any }

func (t tree) Type() schema.Type {
	switch t.v.(type) {
	case nil:
		return schema.Null
	case bool:
		return schema.Boolean
	case string:
		return schema.String
	case []any:
		return schema.Array
	case map[string]any:
		return schema.Object
	}
	return schema.Number
}

func (t tree) Text() string { return fmt.Sprint(t.v) }

func (t tree) Len() int {
	switch v := t.v.(type) {
	case []any:
		return len(v)
	case map[string]any:
		return len(v)
	}
	return 0
}

func (t tree) Item(i int) schema.Value { return tree{t.v.([]any)[i]} }

func (t tree) Field(i int) (string, schema.Value) {
	object := t.v.(map[string]any)
	key := slices.Sorted(maps.Keys(object))[i]
	return key, tree{object[key]}
}

// agree holds Accepts against the validator, which also takes fractions.
func agree(t *testing.T, kind string, doc any) bool {
	t.Helper()
	found := schema.Validate(kind, doc)
	accepted := schema.Accepts(kind, tree{doc})
	if accepted && len(found) > 0 || !accepted && len(found) == 0 && !fraction(doc) {
		text, _ := json.Marshal(doc)
		t.Errorf("Accepts(%s, %s) = %t, and Validate found\n%s", kind, text, accepted, lines(found))
	}
	return accepted
}

func fraction(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, fraction)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), fraction)
	case float64:
		return v != math.Trunc(v)
	}
	return false
}

// originals are documents of every kind, some of them wrong.
func originals(t *testing.T) map[string][]any {
	t.Helper()
	texts := []string{
		small, rich,
		"{listener: a, address: '::', port: 65535, default: true, trustedHops: 2, accessLog: {format: '%REQ(:path)%', path: /a, filter: {status: [404, 5xx, 200-299], minDuration: 1ms, runtime: a.b}}}",
		"{listener: a, port: 443, accessLog: json, groups: [b], tls: {certificates: [{cert: a, key: b}], minVersion: '1.3', alpn: [h2], clientCA: c, requireClientCert: false, cipherSuites: [ECDHE-RSA-AES128-GCM-SHA256]}}",
		"{group: a, match: [{id: 'a-*'}, {cluster: b, metadata: {c: {d: -2, e: true}, f: ''}}]}",
		"{group: b, match: [{metadata: {a: 1.5}}]}",
		"{runtime: a, values: {a: 1, b: true, d: {e: f}}}",
		"{runtime: a, values: {a: 1.5}}",
	}
	mistakes, err := os.ReadFile("testdata/mistakes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]any{}
	for _, text := range append(texts, strings.Split(string(mistakes), "\n---\n")...) {
		doc := decode(t, text).(map[string]any)
		for _, kind := range schema.Kinds() {
			if _, ok := doc[kind]; ok {
				out[kind] = append(out[kind], doc)
			}
		}
	}
	return out
}

// mutant copies a value and changes one of its parts: the value is replaced by
// another, or a key goes, or comes.
func mutant(r *rand.Rand, v any, others []any, keys []string) any {
	if r.IntN(4) == 0 {
		return others[r.IntN(len(others))]
	}
	switch v := v.(type) {
	case []any:
		out := slices.Clone(v)
		if len(out) == 0 || r.IntN(6) == 0 {
			return out[:len(out)/2]
		}
		i := r.IntN(len(out))
		out[i] = mutant(r, out[i], others, keys)
		return out
	case map[string]any:
		out := maps.Clone(v)
		key := keys[r.IntN(len(keys))]
		if has := slices.Sorted(maps.Keys(out)); len(has) > 0 && r.IntN(4) > 0 {
			key = has[r.IntN(len(has))]
		}
		if r.IntN(6) == 0 {
			delete(out, key)
			return out
		}
		out[key] = mutant(r, out[key], others, keys)
		return out
	}
	return others[r.IntN(len(others))]
}

// dissect adds all values in a value, and all keys.
func dissect(v any, values []any, keys []string) ([]any, []string) {
	values = append(values, v)
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			values, keys = dissect(item, values, keys)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			values, keys = dissect(v[key], values, append(keys, key))
		}
	}
	return values, keys
}

// Accepts says of any document what the validator says: of right ones, wrong
// ones, and thousands that were made of them.
func TestAcceptsAgreesWithTheValidator(t *testing.T) {
	all := originals(t)
	var values []any
	var keys []string
	for _, kind := range schema.Kinds() {
		for _, doc := range all[kind] {
			values, keys = dissect(doc, values, keys)
		}
	}
	values = append(values, nil, "", "0", "off", 0, -1, 1<<40, 1.2, []any{}, map[string]any{}, strings.Repeat("a", 300))
	keys = append(keys, "x-own", "", "$ref")
	for _, kind := range schema.Kinds() {
		if len(all[kind]) == 0 {
			t.Fatalf("no document of the kind %s", kind)
		}
		right, wrong := 0, 0
		for i := range 240 {
			r := rand.New(rand.NewPCG(5, uint64(i)))
			doc := all[kind][i%len(all[kind])]
			for range i / 60 {
				doc = mutant(r, doc, values, keys)
			}
			if agree(t, kind, doc) {
				right++
			} else {
				wrong++
			}
		}
		if right < 20 || wrong < 20 {
			t.Errorf("of the kind %s %d were right and %d wrong: that says too little", kind, right, wrong)
		}
	}
}

func TestAcceptsNoOtherKind(t *testing.T) {
	if schema.Accepts("defaults", tree{map[string]any{}}) {
		t.Error("a kind that there is not is accepted")
	}
}
