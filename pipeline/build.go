package pipeline

import (
	"errors"
	"slices"
	"strings"

	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/diag"
	"dragoman/model"
	"dragoman/snapshot"
	"dragoman/translator"
)

// Build translates a configuration and checks the result as a whole. There is
// a snapshot unless the problems have errors.
func Build(c *model.Config, o translator.Options) (*snapshot.Snapshot, diag.Problems) {
	return newBuilder(o).build(c)
}

// A builder builds one configuration after another, and of each what is new.
type builder struct {
	translator *translator.Translator
	snapshots  snapshot.Builder
	begun      bool
}

func newBuilder(o translator.Options) *builder { return &builder{translator: translator.New(o)} }

func (b *builder) build(c *model.Config) (*snapshot.Snapshot, diag.Problems) {
	if !b.begun {
		b.begin(c)
	}
	resources, problems := b.translator.Translate(c)
	if problems.HasErrors() {
		return nil, problems
	}
	snap, err := b.snapshots.Build(resources)
	if err == nil {
		err = snap.Check()
	}
	if err == nil {
		return snap, problems
	}
	faults, ok := errors.AsType[snapshot.Faults](err)
	if !ok {
		faults = snapshot.Faults{{Msg: err.Error()}}
	}
	for _, f := range faults {
		problems = append(problems, inconsistent(c, f))
	}
	return nil, problems
}

// step is how many services a builder begins with at once.
const step = 1000

// begin goes to the first configuration in steps. A message takes several times
// what its bytes do: so those of all services are never there at once. What is
// wrong with a step is no matter, since services of it may need others to come.
func (b *builder) begin(c *model.Config) {
	b.begun = true
	part := *c
	part.Services = model.Services{}
	for some := range slices.Chunk(slices.Collect(c.Services.All()), step) {
		if part.Services = part.Services.Put(some...); part.Services.Len() == c.Services.Len() {
			return // That is no step any more.
		}
		if resources, problems := b.translator.Translate(&part); !problems.HasErrors() {
			_, _ = b.snapshots.Build(resources)
		}
	}
}

// inconsistent places a fault where the resource comes from. The loader leaves
// none of these to be found, so one is a bug, which must not reach an Envoy
// all the same.
func inconsistent(c *model.Config, f snapshot.Fault) diag.Problem {
	at := model.Origin{File: ".", Line: 1, Col: 1}
	switch f.Type {
	case resource.ClusterType, resource.EndpointType:
		if s := c.Services.Get(f.Name); s != nil {
			at = s.Origin
		}
	case resource.ListenerType, resource.RouteType, resource.ScopedRouteType:
		name, _, _ := strings.Cut(f.Name, "/") // the routes of one host are LISTENER/HOST
		if l := c.Listeners[name]; l != nil && l.Origin.File != "" {
			at = l.Origin
		}
	}
	return diag.Problem{
		Code: diag.Rejected, File: at.File, Line: at.Line, Col: at.Col, Width: 1,
		Msg: "the translation for Envoy does not hold together: " + f.Error(), Hint: "please report this with the file",
	}
}
