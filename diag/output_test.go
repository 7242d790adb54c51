package diag_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dragoman/diag"
)

func TestJSON(t *testing.T) {
	twin := diag.Problem{
		Severity: diag.Warning, Code: diag.DuplicateName, File: "b.yaml", Msg: "100% <sure>",
		Related: []diag.Place{{File: "a.yaml", Line: 3, Col: 1, Msg: "first defined here"}},
	}
	const want = `{
  "format_version": "1.0",
  "valid": false,
  "error_count": 1,
  "warning_count": 1,
  "problems": [
    {
      "severity": "error",
      "code": "DRG1002",
      "rule": "unknown-key",
      "file": "services/cart.yaml",
      "line": 7,
      "column": 5,
      "end_column": 11,
      "field": "routes[0].timout",
      "message": "unknown key \"timout\" in a route",
      "hint": "did you mean \"timeout\"?",
      "source": "    timout: 5s"
    },
    {
      "severity": "warning",
      "code": "DRG3001",
      "rule": "duplicate-name",
      "file": "b.yaml",
      "message": "100% <sure>",
      "related": [
        {
          "file": "a.yaml",
          "line": 3,
          "column": 1,
          "message": "first defined here"
        }
      ]
    }
  ]
}
`
	var b strings.Builder
	if err := diag.JSON(&b, diag.Problems{typo(), twin}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestJSONOfNothing(t *testing.T) {
	const want = `{
  "format_version": "1.0",
  "valid": true,
  "error_count": 0,
  "warning_count": 0,
  "problems": []
}
`
	var b strings.Builder
	if err := diag.JSON(&b, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("JSON(nil) (-want +got):\n%s", diff)
	}
}

func github(t *testing.T, ps diag.Problems) string {
	t.Helper()
	var b strings.Builder
	if err := diag.GitHub(&b, ps); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGitHub(t *testing.T) {
	for _, tt := range []struct {
		name string
		give diag.Problem
		want string
	}{
		{
			"an error", typo(),
			`::error file=services/cart.yaml,line=7,endLine=7,col=5,endColumn=11,title=DRG1002 unknown-key::` +
				`unknown key "timout" in a route, did you mean "timeout"?`,
		},
		{
			"escapes",
			diag.Problem{
				Severity: diag.Warning, Code: diag.BadFormat, File: "a,b:c%d.yaml", Line: 1, Col: 2, Width: 0, Field: "accessLog.format",
				Msg: "a lone %, with ::", Related: []diag.Place{{File: "a.yaml", Line: 3, Col: 1, Msg: "first here"}},
			},
			`::warning file=a%2Cb%3Ac%25d.yaml,line=1,endLine=1,col=2,endColumn=3,title=DRG2003 bad-format::` +
				`accessLog.format: a lone %25, with ::%0Aa.yaml:3:1: first here`,
		},
		{
			"no place",
			diag.Problem{Code: diag.Rejected, Msg: "nothing to serve"},
			"::error title=DRG4001 rejected::nothing to serve",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want+"\n", github(t, diag.Problems{tt.give})); diff != "" {
				t.Errorf("GitHub(%+v) (-want +got):\n%s", tt.give, diff)
			}
		})
	}
}

func TestGitHubSaysWhatItLeavesOut(t *testing.T) {
	var ps diag.Problems
	for i := range 12 {
		ps = append(ps, diag.Problem{File: "a.yaml", Line: i + 1, Col: 1, Msg: fmt.Sprintf("error %d", i+1)})
	}
	for i := range 10 {
		ps = append(ps, diag.Problem{Severity: diag.Warning, File: "a.yaml", Line: i + 1, Col: 1, Msg: fmt.Sprintf("warning %d", i+1)})
	}
	lines := strings.Split(strings.TrimSpace(github(t, ps)), "\n")
	if len(lines) != 20 {
		t.Fatalf("GitHub of 12 errors and 10 warnings prints %d annotations, want 20", len(lines))
	}
	for i, want := range map[int]string{8: "::error 9", 9: "::error 10%0Aand 2 more errors", 19: "::warning 10"} {
		if !strings.HasSuffix(lines[i], want) {
			t.Errorf("annotation %d is %q, want it to end with %q", i+1, lines[i], want)
		}
	}
}

func TestErr(t *testing.T) {
	warning := diag.Problem{Severity: diag.Warning, Code: diag.OddNumber, Msg: "odd"}
	if err := (diag.Problems{warning}).Err(); err != nil {
		t.Errorf("Err() of a warning = %v, want nil", err)
	}
	err := diag.Problems{warning, typo(), {Code: diag.Rejected, Msg: "refused"}}.Err()
	const want = `services/cart.yaml:7:5: unknown key "timout" in a route, did you mean "timeout"? [DRG1002 unknown-key]
refused [DRG4001 rejected]`
	if err == nil || err.Error() != want {
		t.Errorf("Err() = %v, want %s", err, want)
	}
	if ps, ok := errors.AsType[diag.Problems](err); !ok || len(ps) != 2 {
		t.Errorf("errors.AsType[Problems](%v) = %v, %t, want two problems", err, ps, ok)
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"service", "hosts", "listeners", "upstream", "routes", "timeout", "idleTimeout", "to", "prefix", "path"}
	for _, tt := range []struct {
		word       string
		candidates []string
		want       string // "" for none
	}{
		{"timout", keys, "timeout"},
		{"upstreem", keys, "upstream"},
		{"idle_timeout", keys, "idleTimeout"},
		{"IDLE-TIMEOUT", keys, "idleTimeout"},
		{"lisetners", keys, "listeners"}, // two letters in the wrong order
		{"host", keys, "hosts"},
		{"rotues", keys, "routes"},
		{"backend", keys, ""},
		{"x", []string{"y"}, ""},
		{"t", keys, "to"},
		{"ab", []string{"cd"}, ""},
		{"", keys, ""},
		{"_-", keys, ""},
		{"get", []string{"GET", "PUT"}, "GET"},
		{"roundrobin", []string{"random", "round-robin"}, "round-robin"},
		{"cat", []string{"hat", "bat"}, "bat"}, // equally near: the alphabet's first
		{"cat", []string{"bat", "hat"}, "bat"},
		{"cart", []string{"carts", "Cart"}, "Cart"}, // nearer wins over first
		{"größe", []string{"grösse", "größen"}, "größen"},
		{"abcdef", []string{"abxyef"}, "abxyef"}, // two in six
		{"abcde", []string{"abxye"}, ""},         // two in five
	} {
		got, ok := diag.Nearest(tt.word, tt.candidates)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("Nearest(%q, %q) = %q, %t, want %q", tt.word, tt.candidates, got, ok, tt.want)
		}
	}
}

func TestSort(t *testing.T) {
	want := diag.Problems{
		{File: "a", Line: 1, Col: 1},
		{File: "a", Line: 1, Col: 2, Code: 1},
		{File: "a", Line: 1, Col: 2, Code: 2},
		{File: "a", Line: 2, Col: 1, Msg: "a"},
		{File: "a", Line: 2, Col: 1, Msg: "b"},
		{File: "b", Line: 1},
	}
	got := diag.Problems{want[5], want[4], want[1], want[3], want[2], want[0]}
	got.Sort()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Sort (-want +got):\n%s", diff)
	}
}
