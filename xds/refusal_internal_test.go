package xds

import (
	"slices"
	"strings"
	"testing"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"
)

func TestBlame(t *testing.T) {
	const (
		cds, lds, rds = resourcev3.ClusterType, resourcev3.ListenerType, resourcev3.RouteType
		eds           = resourcev3.EndpointType
	)
	for _, c := range []struct {
		name, typeURL, words string
		candidates           []string
		want                 []Refusal
		unsure               []string
	}{
		{"nothing that it did not have", cds, "no", nil, nil, nil},
		{"the only one", rds, "no", []string{"a"}, []Refusal{{"a", "no"}}, nil},
		{
			"the only one, with its frame", cds, "Error adding/updating cluster(s) a: no such host",
			[]string{"a"},
			[]Refusal{{"a", "no such host"}},
			nil,
		},
		{
			"two of three clusters", cds, "Error adding/updating cluster(s) a: bad, really, c: malformed: x",
			[]string{"a", "b", "c"},
			[]Refusal{{"a", "bad, really"}, {"c", "malformed: x"}},
			nil,
		},
		{
			"listeners are on lines", lds, "Error adding/updating listener(s) web: cannot bind '0.0.0.0:80': Address already in use\napi: no\n",
			[]string{"api", "other", "web"},
			[]Refusal{{"web", "cannot bind '0.0.0.0:80': Address already in use"}, {"api", "no"}},
			nil,
		},
		{
			"names with commas and colons", cds, "Error adding/updating cluster(s) a, b: x: no, a: no",
			[]string{"a", "a, b: x", "b"},
			[]Refusal{{"a, b: x", "no"}, {"a", "no"}},
			nil,
		},
		{
			"a name that begins like another", cds, "Error adding/updating cluster(s) a-b: no",
			[]string{"a", "a-b"},
			[]Refusal{{"a-b", "no"}},
			nil,
		},
		{
			"one that is not in the response", cds, "Error adding/updating cluster(s) z: no",
			[]string{"a", "b"},
			nil,
			[]string{"a", "b"},
		},
		{
			"a dump", cds, `Proto constraint validation failed (ClusterValidationError.ConnectTimeout: value must be greater than 0s): name: "b" load_assignment { cluster_name: "a" }`,
			[]string{"a", "b"},
			[]Refusal{{"b", `Proto constraint validation failed (ClusterValidationError.ConnectTimeout: value must be greater than 0s): name: "b" load_assignment { cluster_name: "a" }`}},
			nil,
		},
		{
			"a dump of endpoints", eds, `constraint: cluster_name: "b" endpoints { name: "a" }`,
			[]string{"a", "b"},
			[]Refusal{{"b", `constraint: cluster_name: "b" endpoints { name: "a" }`}},
			nil,
		},
		{
			"behind its kind", rds, "Only unique values for domains are permitted. Duplicate entry of domain x in route http",
			[]string{"domain", "http", "x"},
			[]Refusal{{"http", "Only unique values for domains are permitted. Duplicate entry of domain x in route http"}},
			nil,
		},
		{"what it refers to is not it", rds, "route: unknown cluster 'a'", []string{"a", "b"}, nil, []string{"a", "b"}},
		{"two are mentioned", rds, "route a and route b clash", []string{"a", "b", "c"}, nil, []string{"a", "b", "c"}},
		{"a word that happens to be a name", cds, "there is a problem to solve", []string{"a", "to"}, nil, []string{"a", "to"}},
		{"nobody is named", eds, "malformed IP address: foo", []string{"a", "b"}, nil, []string{"a", "b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, unsure := blame(c.typeURL, c.words, c.candidates)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("guilty (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.unsure, unsure); diff != "" {
				t.Errorf("unsure (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever an Envoy says, it is about candidates, each once, or about any.
func FuzzRefusal(f *testing.F) {
	f.Add(resourcev3.ClusterType, "Error adding/updating cluster(s) a: no, b: no", "a\nb\na, b")
	f.Add(resourcev3.ListenerType, "Error adding/updating listener(s) \xff: \n\n", "\xff\n")
	f.Add(resourcev3.EndpointType, `cluster_name: "x" in cluster 'x'`, "x\ny")
	f.Add("", "route \"a\" \"", "\"\n\"a\n ")
	f.Fuzz(func(t *testing.T, typeURL, words, names string) {
		candidates := slices.Compact(slices.Sorted(strings.SplitSeq(names, "\n")))
		guilty, unsure := blame(typeURL, words, candidates)
		if (len(guilty) == 0) != (len(unsure) == len(candidates)) {
			t.Errorf("%q are guilty, and of %q %q may be", guilty, candidates, unsure)
		}
		seen := map[string]bool{}
		for _, g := range guilty {
			if !slices.Contains(candidates, g.Name) || seen[g.Name] || len(g.Words) > len(words) {
				t.Errorf("%q is guilty, of %q", g, candidates)
			}
			seen[g.Name] = true
		}
	})
}

// Nothing of a key is in the log, the API or a problem, whatever an Envoy says.
func TestWithoutKeys(t *testing.T) {
	for words, want := range map[string]string{
		"": "",
		"Failed to load certificate chain from <inline>":                                               "Failed to load certificate chain from <inline>",
		`Proto constraint: name: "a" inline_string: "-----BEGIN EC PRIVATE KEY-----\nMHc` + "\n`: why": `Proto constraint: name: "a" inline_string: "[redacted]`,
		"PRIVATE KEY-----\nMHc": "[redacted]",
		"-----BEGIN CERTIFICATE-----\nMII -----END CERTIFICATE-----, -----BEGIN PRIVATE KEY": "-----BEGIN CERTIFICATE-----\nMII -----END CERTIFICATE-----, [redacted]",
	} {
		if got := withoutKeys(words); got != want {
			t.Errorf("withoutKeys(%q) = %q, want %q", words, got, want)
		}
	}
}
