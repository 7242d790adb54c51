package keys_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// A row is a key of the format and what shows that it works.
//
// Its YAML has everything that the question needs and stands in one directory
// with that of all other rows. In it <name> and <host> are the row's own, <log>
// a file, <port> and <port-…> free ports, and <echo> and the like upstreams.
type row struct {
	key     string // as `dragoman schema --explain` takes it
	form    string // which value or form of the key, where there are several rows
	yaml    string
	instead string // what the key is if it is ignored; nothing takes it out
	ignored string // all of the YAML if the key is ignored, where more than the key differs
	check   check
}

// A check asks an Envoy that runs a row's YAML, and says what is wrong with
// the answer.
type check func(p *probe) error

func (r row) title() string { return strings.TrimSuffix(r.key+" "+r.form, " ") }

// name is the name of a row's objects.
func (r row) name() string {
	return strings.ToLower(strings.ReplaceAll(r.title(), " ", "-"))
}

func rows() []row {
	return slices.Concat(serviceRows(), upstreamRows(), endpointRows(), matchRows(), valueRows(), actionRows(),
		rewriteRows(), policyRows(), listenerRows(), tlsRows(), logRows(), groupRows(), runtimeRows())
}

func TestEveryKeyWorks(t *testing.T) {
	all := rows()
	up := newUpstreams(t)
	written, ignored := newSite(t, up, "main"), newSite(t, up, "spare")
	for _, r := range all {
		written.put(r, r.yaml)
		ignored.put(r, r.without(t))
	}
	layers := written.start(nil)
	ignored.start(layers)
	for _, r := range all {
		t.Run(r.name(), func(t *testing.T) {
			t.Parallel()
			if err := r.check(written.probe(t, r)); err != nil {
				t.Errorf("%s: %v", r.title(), err)
			}
			if err := r.check(ignored.probe(t, r)); err == nil {
				t.Errorf("%s: all is the same without the key", r.title())
			} else {
				t.Logf("without the key: %v", err)
			}
		})
	}
}

// Answers are the same where each host has a scope of routes.
func TestEveryKeyWorksByScope(t *testing.T) {
	site := newSite(t, newUpstreams(t), "main")
	site.scopesAbove = 0
	for _, r := range rows() {
		site.put(r, r.yaml)
	}
	site.start(nil)
	for _, r := range rows() {
		t.Run(r.name(), func(t *testing.T) {
			t.Parallel()
			if err := r.check(site.probe(t, r)); err != nil {
				t.Errorf("%s: %v", r.title(), err)
			}
		})
	}
}

func TestEveryKeyHasARow(t *testing.T) {
	missing := allKeys(t)
	titles := map[string]bool{}
	known := maps.Clone(missing)
	for _, r := range rows() {
		if _, ok := known[r.key]; !ok {
			t.Errorf("the row %s is of no key", r.title())
		}
		if titles[r.name()] {
			t.Errorf("there are two rows %s", r.title())
		}
		titles[r.name()] = true
		delete(missing, r.key)
	}
	for _, key := range slices.Sorted(maps.Keys(missing)) {
		t.Errorf("no row tests %s", key)
	}
}

func TestEveryValueHasARow(t *testing.T) {
	used := map[string][]string{}
	for _, r := range rows() {
		used[r.key] = append(used[r.key], r.scalars(t)...)
	}
	for _, d := range documents(t) {
		for key, schema := range d.keys() {
			for _, value := range d.values(schema) {
				if strings.HasPrefix(key, "service.upstream.endpoints") {
					key = "service.upstream" // a URL is a URL
				}
				if !slices.ContainsFunc(used[key], func(v string) bool { return v == value || strings.HasPrefix(v, value+"://") }) {
					t.Errorf("no row of %s has the value %s", key, value)
				}
			}
		}
	}
}
