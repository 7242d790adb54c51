package access

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const someRules = `
rules:
  - identity: spiffe://example.org/envoy/edge-*
    nodes: [edge-1, edge-2]
    clusters: [edge]
  - identity: spiffe://example.org/ns/**
    nodes: ["*"]
  - {identity: "*.web.example.org", nodes: [web-*, "a.b+c"]}
`

func TestRules(t *testing.T) {
	const (
		none    = "the certificate has neither a URI nor a DNS name"
		unknown = "no rule is for this certificate"
		other   = "no rule lets this certificate be this node"
	)
	rules := opens(t, someRules)
	for _, tt := range []struct {
		identity      string // parted by spaces
		node, cluster string
		want          string // "" if it may
	}{
		{"spiffe://example.org/envoy/edge-7", "edge-1", "edge", ""},
		{"spiffe://example.org/envoy/edge-7", "edge-3", "edge", other},
		{"spiffe://example.org/envoy/edge-7", "edge-1", "web", other},
		{"spiffe://example.org/envoy/edge-7", "", "", other},
		{"spiffe://example.org/envoy/edge-7/more", "edge-1", "edge", unknown},
		{"spiffe://example.org/envoy/web", "edge-1", "edge", unknown},
		{"spiffe://evil.org/envoy/edge-7", "edge-1", "edge", unknown},
		{"xspiffe://example.org/envoy/edge-7", "edge-1", "edge", unknown},
		{"SPIFFE://example.org/envoy/edge-7", "edge-1", "edge", unknown},
		{"spiffe://example.org/ns/a/sa/b", "any\nnode", "", ""},
		{"a.web.example.org", "web-1", "", ""},
		{"A.Web.Example.org", "web-1", "", ""},
		{"a.b.web.example.org", "web-1", "", unknown},
		{"web.example.org", "web-1", "", unknown},
		{"aXwebXexampleXorg", "web-1", "", unknown},
		{"a.web.example.org", "a.b+c", "", ""},
		{"a.web.example.org", "aXb+c", "", other},
		{"a.web.example.org", "xweb-1", "", other},
		{"nobody.example.org a.web.example.org", "web-1", "", ""},
		{"a.web.example.org spiffe://example.org/envoy/edge-7", "edge-1", "edge", ""},
		{"", "web-1", "", none},
	} {
		got := ""
		if err := rules.Check(strings.Fields(tt.identity), Claim{Node: tt.node, Cluster: tt.cluster}); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("Check(%q, %q, %q) is %q, want %q", tt.identity, tt.node, tt.cluster, got, tt.want)
		}
	}
}

// A node gets what is for each of its groups, so each must be allowed.
func TestRulesForGroups(t *testing.T) {
	rules := opens(t, `
rules:
  - {identity: edge, groups: [edge, "public-*"]}
  - {identity: both, nodes: [both-*], groups: [edge]}
  - {identity: any, nodes: ["*"]}
`)
	for _, tt := range []struct {
		identity, node string
		groups         []string
		want           bool
	}{
		{"edge", "x", []string{"edge"}, true},
		{"edge", "x", []string{"edge", "public-1"}, true},
		{"edge", "x", nil, true},
		{"edge", "x", []string{"edge", "mesh"}, false},
		{"edge", "x", []string{"mesh"}, false},
		{"edge", "x", []string{"edge-2"}, false},
		{"both", "both-1", []string{"edge"}, true},
		{"both", "both-1", []string{"mesh"}, false},
		{"both", "x", []string{"edge"}, false},
		{"any", "x", []string{"edge", "mesh"}, true},
	} {
		err := rules.Check([]string{tt.identity}, Claim{Node: tt.node, Groups: tt.groups})
		if got := err == nil; got != tt.want {
			t.Errorf("%s may be %s in %v: %v, want %v", tt.identity, tt.node, tt.groups, err, tt.want)
		}
	}
	for identity, want := range map[string]bool{"edge": false, "both": false, "any": true} {
		if got := rules.Check([]string{identity}, Claim{Node: "both-1", NoGroups: true}) == nil; got != want {
			t.Errorf("before groups are known %s may be a node: %v, want %v", identity, got, want)
		}
	}
}

func opens(t *testing.T, text string) *Rules {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.yaml")
	write(t, path, text)
	r, err := OpenRules(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRulesThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                "rules.yaml: it is empty: without a rule every Envoy would be turned away",
		"rules: [":        "rules.yaml: yaml: line 1: did not find expected node content",
		"rules: []":       "rules.yaml:1:8: rules are a list of at least one: without a rule every Envoy would be turned away",
		"rules:":          "rules.yaml:1:7: rules are a list of at least one: without a rule every Envoy would be turned away",
		"[]":              `rules.yaml:1:1: the file has keys ["rules"], and this is none`,
		"{}":              `rules.yaml:1:1: it has no "rules"`,
		"rule: []":        `rules.yaml:1:1: the file has no "rule", only ["rules"]`,
		"rules: [a]":      `rules.yaml:1:9: a rule has keys ["identity" "nodes" "clusters" "groups"], and this is none`,
		"rules: [{}]":     `rules.yaml:1:9: a rule needs "identity"`,
		"a: 1\n---\nb: 2": "rules.yaml: rules are one YAML document, there is more",
		"rules: [{node: a}, {identity: a, nodes: []}, {identity: [], nodes: [a]}]": `rules.yaml:1:10: a rule has no "node", only ["identity" "nodes" "clusters" "groups"]` + "\n" +
			"rules.yaml:1:41: want a list of names, such as [edge-1, web-*]\n" +
			"rules.yaml:1:57: want a name, in which * stands for any",
		"rules: [{identity: a, nodes: [a, ], clusters: }]": "rules.yaml:1:47: want a list of names, such as [edge-1, web-*]",
		"rules: [{identity: a, nodes: [a, '']}]":           "rules.yaml:1:34: want a name, in which * stands for any",
		"rules: [{identity: a}]":                           `rules.yaml:1:9: a rule needs "nodes" or "groups"`,
		"rules: [{identity: a, identity: b, nodes: [a]}]":  `rules.yaml:1:23: "identity" is there twice`,
	} {
		_, err := parseRules("rules.yaml", []byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestRulesAreReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rules.yaml")
	synctest.Test(t, func(t *testing.T) {
		write(t, path, "rules: [{identity: a, nodes: [one]}]")
		log := new(journal)
		rules, err := OpenRules(path, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go rules.Run(ctx)
		may := func(node string, want bool) {
			t.Helper()
			if got := rules.Check([]string{"a"}, Claim{Node: node}) == nil; got != want {
				t.Errorf("may be %s: %v, want %v; the log:\n%s", node, got, want, log.String())
			}
		}
		write(t, path, "rules: [{identity: a, nodes: [two]}]")
		pass(inUse)
		may("one", false)
		may("two", true)
		write(t, path, "rules: []")
		pass(time.Minute)
		may("two", true)
		if got := log.String(); strings.Count(got, "level=ERROR") != 1 || !strings.Contains(got, "rules.yaml:1:8: rules are a list") {
			t.Errorf("want one error:\n%s", got)
		}
		write(t, path, "rules: [{identity: a, nodes: [three]}]")
		pass(inUse)
		may("three", true)
	})
}
