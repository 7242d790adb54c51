package loader

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"dragoman/diag"
	"dragoman/internal/sample"
	"dragoman/schema"
)

// A field that is added to file is easily forgotten in clone.
func TestCloneHasEverything(t *testing.T) {
	f := parse("l.yaml", []byte("listener: a\nport: 443\ntls: {certificates: [{cert: a.crt, key: a.key}]}\n---\nlistener: b\n"))
	was, is := reflect.ValueOf(f).Elem(), reflect.ValueOf(f.clone()).Elem()
	for i := range was.NumField() {
		name := was.Type().Field(i).Name
		if name == "split" {
			continue // made again when it is needed
		}
		if was.Field(i).IsZero() {
			t.Errorf("the test has no %s to clone", name)
		}
		if was.Field(i).IsZero() != is.Field(i).IsZero() {
			t.Errorf("clone leaves %s out", name)
		}
	}
}

// Words are found whether they are few or many.
func TestKeys(t *testing.T) {
	var seen keys
	nodes := make([]yaml.Node, 100)
	for i := range nodes {
		if first := seen.add(fmt.Sprint(i), &nodes[i]); first != nil {
			t.Fatalf("%d is there before it was added", i)
		}
	}
	for i := range nodes {
		if first := seen.add(fmt.Sprint(i), &yaml.Node{}); first != &nodes[i] {
			t.Errorf("add(%d) is not the first node of it", i)
		}
	}
}

// Many goroutines parse as one does. The race detector sees what they share.
func TestParseAll(t *testing.T) {
	texts := []string{
		"service: a%d\nhosts: [A%d.example.com]\nupstream: http://a\n",
		"service: a%d\nupstream: http://a\nretries: %d\n",
		"service: a%d\nupstream: {endpoints: [http://a, http://a]}\nwebsocket: %d\n",
		"listener: a%d\nport: %d\naccessLog: {filter: {status: [500-400]}}\n",
		"service: [%d\nupstream: %d\n",
		"group: a%d\nmatch: [{metadata: {a: 1.5, b: %d}}]\n",
	}
	var sources []Source
	for i := range 300 {
		text := fmt.Sprintf(texts[i%len(texts)], i, i)
		sources = append(sources, Source{Path: fmt.Sprintf("%d.yaml", i), Data: []byte(text)})
	}
	sources = append(sources, Source{Path: "cert.pem", Named: true}, Source{Path: "gone.yaml", Gone: true}, Source{Path: "odd.yaml", Problem: &diag.Problem{}})
	l := New(Options{})
	got := l.parseAll(sources)
	for i, s := range sources[:300] {
		want := parse(s.Path, s.Data)
		if diff := cmp.Diff(want.problems, got[i].problems); diff != "" || got[i].path != s.Path || len(got[i].docs) != len(want.docs) {
			t.Errorf("%s is %+v, want %+v\n%s", s.Path, got[i], want, diff)
		}
	}
	for i, s := range sources[300:] {
		if got[300+i] != nil {
			t.Errorf("%s has a content", s.Path)
		}
	}
	l.Apply(sources[:1])
	if again := l.parseAll(sources[:1]); again[0] != l.files["0.yaml"].good {
		t.Error("what serves was parsed again")
	}
}

// FuzzAccepts holds the two ways to ask the schema against each other, on the
// values of files.
func FuzzAccepts(f *testing.F) {
	for _, pattern := range []string{"testdata/problems/*/*.yaml", "../examples/*/*.yaml", "../examples/*/*/*.yaml", "../translator/testdata/*/*.yaml", "../schema/testdata/*.yaml"} {
		paths, _ := filepath.Glob(pattern) // the pattern is right
		if len(paths) == 0 {
			f.Fatalf("no file is like %s", pattern)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		f := &file{path: "a.yaml", text: string(data)}
		if !f.readable(data) {
			return
		}
		c := &converter{file: f}
		for _, n := range f.nodes(data) {
			v := c.convert(n, 0)
			if f.problems.HasErrors() || v.kind != object {
				return
			}
			for _, kind := range schema.Kinds() {
				accepted, found := schema.Accepts(kind, &v), schema.Validate(kind, v.json())
				if accepted && len(found) > 0 || !accepted && len(found) == 0 && !v.fraction() {
					t.Errorf("as a %s this is accepted: %t, and Validate finds %+v in\n%s", kind, accepted, found, data)
				}
			}
		}
	})
}

// fraction says that some number is no int64, of which Accepts says nothing.
func (v value) fraction() bool {
	if v.kind == number {
		_, err := strconv.ParseInt(v.text, 10, 64)
		return err != nil
	}
	return slices.ContainsFunc(v.items, value.fraction) || slices.ContainsFunc(v.fields, func(f field) bool { return f.value.fraction() })
}

// A file that holds on to the nodes that it was made of takes three times as
// much.
func TestLittleIsHeld(t *testing.T) {
	const files, most = 500, 2_500
	parse("a.yaml", sample.Service(0, 0)) // the schemas stay
	before := heap()
	all := make([]*file, files)
	for i := range all {
		all[i] = parse("a.yaml", sample.Service(i, 0))
	}
	if each := int64(heap()-before) / files; each > most {
		t.Errorf("a file holds %d bytes, want at most %d", each, most)
	}
	runtime.KeepAlive(all)
}
