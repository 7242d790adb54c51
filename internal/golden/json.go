package golden

import (
	"bytes"
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Proto returns a message as plain JSON values, for JSON. Types inside an Any
// must be linked into the test.
func Proto(t testing.TB, m proto.Message) any {
	t.Helper()
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // a float64 would write 1e+06 for 1000000
	var out any
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Protos returns messages as a list of plain JSON values, in their order.
func Protos[M proto.Message](t testing.TB, ms []M) []any {
	t.Helper()
	out := make([]any, 0, len(ms))
	for _, m := range ms {
		out = append(out, Proto(t, m))
	}
	return out
}

// JSON returns a value as text that is equal for equal values: sorted keys, two
// spaces, a line break at the end. protojson's own spacing differs between
// builds by intent. Messages go through Proto or Protos first:
//
//	golden.JSON(t, map[string]any{"clusters": golden.Protos(t, clusters)})
func JSON(t testing.TB, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // people read <, > and & as such
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
