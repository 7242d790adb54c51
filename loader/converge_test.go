package loader_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dragoman/loader"
	"dragoman/model"
)

// TestConvergence edits a few files at random, well, badly and against each
// other. At every step what serves has no conflict, and the services of files
// that nobody touched serve on. Whenever the directory is
// right as a whole, and approved if it lost much, what serves is what a loader
// that reads it afresh serves, and nothing is held back. CONVERGE_RUNS makes it
// more than 40 random histories: each takes some 50 ms, or 200 ms under the race detector.
func TestConvergence(t *testing.T) {
	const steps = 60
	runs := 40
	if text := os.Getenv("CONVERGE_RUNS"); text != "" {
		var err error
		if runs, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	rows := cmp.Transformer("rows", func(t model.Services) []*model.Service { return slices.Collect(t.All()) })
	right := 0
	for range runs {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		l := loader.New(loader.Options{})
		dir := map[string]string{}
		var before loader.Result
		for step := range steps {
			change := randomChange(r, dir)
			maps.Copy(dir, change)
			maps.DeleteFunc(dir, func(_, content string) bool { return content == "" })
			res := apply(l, change)
			if err := errors.Join(consistent(res.Config), kept(before, res, change)); err != nil {
				t.Fatalf("seed %d, step %d: %v\nchange %v", seed, step, err, change)
			}
			before = res
			fresh := apply(loader.New(loader.Options{}), dir)
			if len(dir) == 0 || fresh.Problems.HasErrors() {
				continue
			}
			right++
			res = l.Approve()
			before = res
			if res.Problems.HasErrors() || len(res.Held) > 0 {
				t.Fatalf("seed %d, step %d: the directory is right, but %v is held back: %v", seed, step, res.Held, res.Problems)
			}
			if diff := cmp.Diff(fresh.Config, res.Config, rows); diff != "" {
				t.Fatalf("seed %d, step %d (-fresh +edited):\n%s", seed, step, diff)
			}
		}
	}
	if right < runs {
		t.Errorf("only %d directories of %d were right: the test proves little", right, runs*steps)
	}
}

// randomChange changes one to three of four files.
func randomChange(r *rand.Rand, dir map[string]string) map[string]string {
	change := map[string]string{}
	for range 1 + r.IntN(3) {
		path := fmt.Sprintf("f%d", r.IntN(4))
		switch r.IntN(12) {
		case 0:
			if dir[path] != "" {
				change[path] = ""
			}
		case 1:
			change[path] = "service: ["
		default:
			change[path] = randomFile(r)
		}
	}
	return change
}

// randomFile is right by itself, but takes its names from so few that it
// often meets another.
func randomFile(r *rand.Rand) string {
	var docs []string
	for i := range 1 + r.IntN(2) {
		name := fmt.Sprintf("s%d", r.IntN(10)*2+i)
		switch r.IntN(18) {
		case 0:
			docs = append(docs, fmt.Sprintf("listener: l%d\nport: %d\ndefault: %t\n", r.IntN(2)*2+i, 80+r.IntN(3), r.IntN(3) > 0))
		case 1:
			docs = append(docs, service(name, fmt.Sprintf("h%d", r.IntN(20)), fmt.Sprintf("routes: [{to: s%d}]", r.IntN(20))))
		case 2:
			docs = append(docs, service(name, fmt.Sprintf("h%d", r.IntN(20)), fmt.Sprintf("listeners: [l%d]", r.IntN(4))))
		case 3:
			docs = append(docs, fmt.Sprintf("service: %s\nupstream: grpc://10.0.0.%d:80\n", name, r.IntN(4)))
		case 4:
			docs = append(docs, fmt.Sprintf("service: %s\nroutes: [{path: /s%d, to: s%d}]\nproxyless: true\n", name, r.IntN(20), r.IntN(20)))
		case 5:
			docs = append(docs, fmt.Sprintf("service: l%d\nupstream: grpc://10.0.0.1\nproxyless: true\n", r.IntN(4)))
		case 6:
			wide := []string{"\"*\"", "\"*.org\"", "\"*.a.org\""}[r.IntN(3)]
			docs = append(docs, service(name, wide, fmt.Sprintf("timeout: %ds", r.IntN(9))))
		case 7, 8:
			docs = append(docs, service(name, fmt.Sprintf("h%d.a.org, h%d.org", r.IntN(9), r.IntN(9)), fmt.Sprintf("routes: [{prefix: /%d}, {path: /x, to: s%d}]", r.IntN(4), r.IntN(20))))
		case 9:
			docs = append(docs, fmt.Sprintf("group: g%d\nmatch: [{id: a}]\n---\nlistener: l%d\nport: %d\ngroups: [g%d]\n", i, r.IntN(2)*2+i, 80+r.IntN(3), r.IntN(2)))
		default:
			docs = append(docs, service(name, fmt.Sprintf("h%d", r.IntN(20)), fmt.Sprintf("timeout: %ds", r.IntN(9))))
		}
	}
	return strings.Join(docs, "---\n")
}

// kept says which service stopped serving though its file was neither changed
// nor held back until now.
func kept(before, after loader.Result, change map[string]string) error {
	if before.Config == nil {
		return nil
	}
	for s := range before.Config.Services.All() {
		_, touched := change[s.Origin.File]
		if !touched && !slices.Contains(before.Held, s.Origin.File) && after.Config.Services.Get(s.Name) == nil {
			return fmt.Errorf("%s of %s, which nobody touched, is gone", s.Name, s.Origin.File)
		}
	}
	return nil
}

// consistent says what is wrong with a configuration as a whole.
func consistent(c *model.Config) error {
	if c == nil {
		return nil
	}
	taken := map[string]string{}
	for _, l := range c.Listeners {
		for _, other := range c.Listeners {
			meet := len(l.Groups) == 0 || len(other.Groups) == 0 || slices.ContainsFunc(l.Groups, func(g string) bool { return slices.Contains(other.Groups, g) })
			if l != other && l.Port == other.Port && meet {
				return fmt.Errorf("the listeners %s and %s have one port", other.Name, l.Name)
			}
		}
	}
	for s := range c.Services.All() {
		for _, listener := range s.Listeners {
			if c.Listeners[listener] == nil {
				return fmt.Errorf("%s is on the listener %s, which is not there", s.Name, listener)
			}
			for _, host := range s.Hosts {
				for i := range s.Routes {
					key := listener + " " + host + " " + s.Routes[i].Match.Key()
					if other := taken[key]; other != "" {
						return fmt.Errorf("%s and %s have one route", other, s.Name)
					}
					taken[key] = s.Name
				}
			}
		}
		if s.Proxyless && c.Listeners[s.Name] != nil {
			return fmt.Errorf("the proxyless service %s has the s.Name of a listener", s.Name)
		}
		for i := range s.Routes {
			if err := targetsExist(c, s, s.Routes[i].Action); err != nil {
				return err
			}
		}
	}
	return nil
}

func targetsExist(c *model.Config, from *model.Service, a model.Action) error {
	f, ok := a.(*model.Forward)
	if !ok {
		return nil
	}
	for _, to := range f.To {
		s := c.Services.Get(to.Service)
		if s == nil || s.Upstream == nil {
			return fmt.Errorf("%s sends to %s, which is not there or has no upstream", from.Name, to.Service)
		}
		if from.Proxyless && s.Upstream.Protocol != model.HTTP2 {
			return fmt.Errorf("%s is proxyless and sends to %s, which is no gRPC server", from.Name, to.Service)
		}
	}
	return nil
}
