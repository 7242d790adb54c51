package schema_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"dragoman/internal/golden"
	"dragoman/schema"
)

// lines writes findings as one line each: where, which code, what, what to do.
func lines(fs []schema.Finding) string {
	var b strings.Builder
	for _, f := range fs {
		place := "/" + strings.Join(f.Path, "/")
		if f.Key {
			place += " (key)"
		}
		fmt.Fprintf(&b, "%s: %s", place, f.Msg)
		if f.Hint != "" {
			fmt.Fprintf(&b, ", %s", f.Hint)
		}
		fmt.Fprintf(&b, " [%s]\n", f.Code.Name())
	}
	return b.String()
}

func decode(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return v
}

// The documents of testdata/mistakes.yaml have many mistakes each.
func TestMistakes(t *testing.T) {
	text, err := os.ReadFile("testdata/mistakes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	for {
		var doc map[string]any
		if err := dec.Decode(&doc); err != nil {
			break
		}
		for _, kind := range schema.Kinds() {
			if name, ok := doc[kind]; ok {
				fmt.Fprintf(&b, "%s %v\n%s\n", kind, name, lines(schema.Validate(kind, doc)))
			}
		}
	}
	golden.Text(t, "testdata/mistakes.txt", b.String())
}

func TestValidDocuments(t *testing.T) {
	for _, tt := range []struct{ kind, give string }{
		{"service", small},
		{"service", rich},
		{"service", "{service: a, upstream: http://a, x-anchors: [1, ~, {b: c}]}"},
		{"service", "{service: a, routes: [{respond: {status: 204}}]}"},
		{"listener", "{listener: a, port: 1, accessLog: off}"},
		{"listener", "{listener: a, address: '::', port: 65535, default: true, trustedHops: 2, accessLog: {format: '%REQ(:path)%', path: /a, filter: {status: [404, 5xx, 200-299], minDuration: 1ms, runtime: a.b}}}"},
		{"runtime", "{runtime: a, values: {}}"},
		{"runtime", "{runtime: a, values: {a: 1, b: 1.5, c: true, d: {e: f}}}"},
	} {
		if got := schema.Validate(tt.kind, decode(t, tt.give)); len(got) > 0 {
			t.Errorf("Validate(%s, %s):\n%s", tt.kind, tt.give, lines(got))
		}
	}
}

// The validator panics at some of these, and knows no place for the others.
func TestWhatIsNotJSON(t *testing.T) {
	const tooLarge = "/values/a/b: the number %s is too large, too small or none [bad-value]"
	for _, tt := range []struct {
		give any
		want string
	}{
		{json.Number("1e5000000"), fmt.Sprintf(tooLarge, "1e5000000")},
		{json.Number("1e-5000000"), fmt.Sprintf(tooLarge, "1e-5000000")},
		{json.Number("NaN"), fmt.Sprintf(tooLarge, "NaN")},
		{json.Number("five"), fmt.Sprintf(tooLarge, "five")},
		{math.NaN(), "/values/a/b: expected a finite number [bad-value]"},
		{math.Inf(-1), "/values/a/b: expected a finite number [bad-value]"},
		{time.Time{}, "/values/a/b: expected text, a number, true or false, a list or a mapping [wrong-type]"},
		{map[any]any{1: 2}, "/values/a/b: expected text, a number, true or false, a list or a mapping [wrong-type]"},
		{json.Number("0e-99"), ""},
		{json.Number("-1.5e300"), ""},
		{uint64(math.MaxUint64), ""},
	} {
		doc := map[string]any{"runtime": "a", "values": map[string]any{"a": map[string]any{"b": tt.give}}}
		got := strings.TrimSuffix(lines(schema.Validate("runtime", doc)), "\n")
		if got != tt.want {
			t.Errorf("Validate(runtime with %v) = %q, want %q", tt.give, got, tt.want)
		}
	}
}

// Numbers of every allowed kind are numbers.
func TestNumbers(t *testing.T) {
	for _, port := range []any{80, int64(80), uint64(80), 80.0, json.Number("80"), json.Number("8e1")} {
		if got := schema.Validate("listener", map[string]any{"listener": "a", "port": port}); len(got) > 0 {
			t.Errorf("port %v of type %T: %s", port, port, lines(got))
		}
	}
}

// The validator's errors come in random order; findings do not.
func TestOrderIsStable(t *testing.T) {
	text, err := os.ReadFile("testdata/mistakes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc := decode(t, strings.Split(string(text), "\n---\n")[0])
	want := schema.Validate("service", doc)
	for range 50 {
		if diff := cmp.Diff(want, schema.Validate("service", doc)); diff != "" {
			t.Fatalf("the second time differs (-first +second):\n%s", diff)
		}
	}
}

func FuzzValidate(f *testing.F) {
	for _, text := range []string{small, rich, "{service: a, upstreem: ~, routes: [{to: {a: 1e999}}]}", "[]", "1e400"} {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err == nil {
			if b, err := json.Marshal(v); err == nil {
				f.Add(0, string(b))
				f.Add(2, string(b))
			}
		}
	}
	f.Add(1, `{"listener":"","port":1e1000000,"accessLog":{"filter":{"status":[null,"6xx",1e-999]}}}`)
	f.Fuzz(func(t *testing.T, kind int, text string) {
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		var doc any
		if dec.Decode(&doc) != nil {
			return
		}
		kinds := schema.Kinds()
		for _, fi := range schema.Validate(kinds[uint(kind)%uint(len(kinds))], doc) {
			if fi.Msg == "" || fi.Code.Name() == "" {
				t.Errorf("%+v has no message or no code", fi)
			}
			if fi.Key && len(fi.Path) == 0 {
				t.Errorf("%+v is about a key, and names none", fi)
			}
		}
	})
}

// A Go type or a regular expression in a message is a leak.
func TestMessagesAreForPeople(t *testing.T) {
	text, err := os.ReadFile("testdata/mistakes.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{"map[", "interface", "json.", "[a-z", "[^", `\x`, "anyOf", "additionalProperties", "%!"} {
		if strings.Contains(string(text), leak) {
			t.Errorf("testdata/mistakes.txt contains %q", leak)
		}
	}
}

const small = `{service: cart, hosts: [shop.example.com], upstream: "http://cart:8080"}`

const rich = `
service: shop
hosts: [shop.example.com, "*.shop.example.com"]
listeners: [public, internal]
upstream:
  endpoints: ["https://10.0.0.1:8443", {url: "https://10.0.0.2:8443", weight: 3}]
  discovery: strict-dns
  dns: {family: auto, refresh: 30s, respectTtl: true}
  connectTimeout: 500ms
  loadBalancing: least-request
timeout: 1m30s
idleTimeout: 0s
retry: {attempts: 2, on: [connect-failure, reset], perTryTimeout: 2s, backoff: {base: 50ms, max: 1s}, statuses: [502, 503]}
requestHeaders: {set: {x-team: shop}, add: {x-seen: "%REQ(x-id)%"}, remove: [x-debug]}
websocket: false
routes:
  - {prefix: /cart, to: cart, rewrite: /, name: cart, priority: 2}
  - {path: /old, redirect: {scheme: https, path: /new, code: 308, stripQuery: true}}
  - {path: /teapot, respond: {status: 418, body: "short and stout\n", contentType: text/plain; charset=utf-8}}
  - {regex: "/users/[0-9]+", methods: [GET, HEAD], rewrite: {regex: {pattern: ^/users/, with: /u/}, host: auto}}
  - {headers: {x-beta: "on", user-agent: {contains: Firefox, ignoreCase: true}}, query: {debug: {present: true, not: true}}}
  - {prefix: /, to: {shop: 90, shop-v2: 10}, timeout: 5s, responseHeaders: {set: {cache-control: no-store}}}
`

func BenchmarkValidate(b *testing.B) {
	for _, bb := range []struct{ name, text string }{{"small", small}, {"rich", rich}} {
		doc := decode(b, bb.text)
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := schema.Validate("service", doc); len(got) > 0 {
					b.Fatal(lines(got))
				}
			}
		})
	}
}
