package pipeline_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"dragoman/diag"
	"dragoman/loader"
	"dragoman/model"
	"dragoman/pipeline"
	"dragoman/snapshot"
	"dragoman/translator"
)

// However a configuration came about, what is built with the memory of all
// before it is what is built from nothing, byte for byte.
func TestNothingIsRememberedWrongly(t *testing.T) {
	const histories, edits = 60, 60
	for seed := range uint64(histories) {
		r := rand.New(rand.NewPCG(seed, 1))
		o := translator.Options{}
		if seed%2 == 0 {
			o.ScopedRoutesAbove = new(4) // so that listeners come and go across it
		}
		b := pipeline.NewBuilder(o)
		l := loader.New(loader.Options{Check: func(c *model.Config) diag.Problems {
			got, problems := b.Build(c)
			want, wanted := pipeline.Build(c, o)
			if problems.Error() != wanted.Error() {
				t.Errorf("seed %d: the problems are\n%v\nwant\n%v", seed, problems, wanted)
			}
			if !problems.HasErrors() {
				same(t, got, want)
			}
			return problems
		}})
		for range edits {
			name := r.IntN(8)
			l.Apply([]loader.Source{{Path: fmt.Sprintf("s%d.yaml", name), Data: randomFile(r, name)}})
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

// The first configuration is gone to in steps, and is what it is at once.
func TestBuildBeginsInSteps(t *testing.T) {
	l := loader.New(loader.Options{})
	var sources []loader.Source
	for i := range 1200 {
		text := fmt.Sprintf("service: s%04d\nhosts: [s%04d.test]\nroutes: [{to: s%04d}]\nupstream: http://10.0.0.1:80\n", i, i, (i*7)%1200)
		sources = append(sources, loader.Source{Path: fmt.Sprintf("s%d.yaml", i), Data: []byte(text)})
	}
	res := l.Apply(sources)
	got, problems := pipeline.Build(res.Config, translator.Options{})
	if len(res.Problems)+len(problems) > 0 {
		t.Fatal(res.Problems, problems)
	}
	resources, _ := translator.Translate(res.Config, translator.Options{})
	want, err := snapshot.Build(resources)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
}

func same(t *testing.T, got, want *snapshot.Snapshot) {
	t.Helper()
	if got.Version != want.Version {
		t.Errorf("the version is %s, want %s", got.Version, want.Version)
	}
	for _, typeURL := range snapshot.Types() {
		if n := want.All(typeURL).Len(); got.All(typeURL).Len() != n {
			t.Errorf("%d resources of %s, want %d", got.All(typeURL).Len(), typeURL, n)
		}
		for w := range want.All(typeURL).All() {
			g := got.All(typeURL).Get(w.Name)
			if g == nil || g.Version != w.Version || string(g.Body.GetValue()) != string(w.Body.GetValue()) || fmt.Sprint(g.Needs) != fmt.Sprint(w.Needs) {
				t.Errorf("%s %s is %+v, want %+v", typeURL, w.Name, g, w)
			}
		}
	}
	for i := range 3 {
		node := &corev3.Node{Id: fmt.Sprint("edge-", i)}
		for _, typeURL := range snapshot.Types() {
			if g, w := got.View(node).Set(typeURL), want.View(node).Set(typeURL); g.Version() != w.Version() {
				t.Errorf("of %s, %s has version %s of %d, want %s of %d", typeURL, node.GetId(), g.Version(), g.Len(), w.Version(), w.Len())
			}
		}
	}
}

// randomFile is a file of a service that others send to, and that sends to
// others: what one is decides about the routes of another. Sometimes it is
// gone, wrong, or something else.
func randomFile(r *rand.Rand, name int) []byte {
	var b strings.Builder
	switch r.IntN(12) {
	case 0:
		return nil
	case 1:
		return []byte("service: 1 2 3\n")
	case 2:
		fmt.Fprintf(&b, "listener: l%d\nport: %d\ndefault: %t\n", r.IntN(3), 10000+r.IntN(3), r.IntN(2) == 0)
		if r.IntN(2) == 0 {
			fmt.Fprintf(&b, "routeDiscovery: %s\n", []string{"rds", "srds"}[r.IntN(2)])
		}
		if r.IntN(3) == 0 {
			fmt.Fprintf(&b, "groups: [g%d]\n", r.IntN(2))
		}
		b.WriteString("---\n")
	case 3:
		fmt.Fprintf(&b, "group: g%d\nmatch: [{id: \"edge-%d\"}]\n---\n", r.IntN(2), r.IntN(3))
	}
	called := fmt.Sprintf("s%d", name)
	if r.IntN(10) == 0 {
		called = fmt.Sprintf("l%d", r.IntN(3)) // as a listener, or another service
	}
	scheme := []string{"http", "https", "h2c", "grpc"}[r.IntN(4)]
	host := []string{"10.0.0.1", "10.0.0.2", "a.example.com"}[r.IntN(3)]
	fmt.Fprintf(&b, "# %d\nservice: %s\nupstream: %s://%s:%d\n", r.IntN(100), called, scheme, host, 80+r.IntN(3))
	if r.IntN(8) == 0 && scheme == "grpc" {
		b.WriteString("proxyless: true\n")
	}
	if r.IntN(8) == 0 {
		fmt.Fprintf(&b, "listeners: [l%d]\n", r.IntN(3))
	}
	if r.IntN(3) > 0 {
		fmt.Fprintf(&b, "hosts: [h%d.example.com, h%d.example.org]\n", r.IntN(6), name)
	}
	if r.IntN(2) == 0 {
		fmt.Fprintf(&b, "routes: [{prefix: /r%d, to: s%d}, {prefix: /, timeout: %ds}]\n", r.IntN(3), r.IntN(8), 1+r.IntN(2))
	}
	return []byte(b.String())
}
