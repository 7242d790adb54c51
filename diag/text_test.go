package diag_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dragoman/diag"
)

// typo is the example of the format's description.
func typo() diag.Problem {
	return diag.Problem{
		Code: diag.UnknownKey, File: "services/cart.yaml", Line: 7, Col: 5, Width: 6, Field: "routes[0].timout",
		Msg: `unknown key "timout" in a route`, Hint: `did you mean "timeout"?`, Source: "    timout: 5s",
	}
}

func text(t *testing.T, color bool, ps ...diag.Problem) string {
	t.Helper()
	var b strings.Builder
	if err := diag.Text(&b, ps, color); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	for _, tt := range []struct {
		name string
		give diag.Problem
		want string
	}{
		{"as in the format's description", typo(), `
services/cart.yaml:7:5: unknown key "timout" in a route, did you mean "timeout"? [DRG1002 unknown-key]
    7 |     timout: 5s
      |     ^^^^^^
`},
		{"a warning", diag.Problem{
			Severity: diag.Warning, Code: diag.OddNumber, File: "a.yaml", Line: 1, Col: 7, Width: 4,
			Msg: "0644 is 420", Hint: "leave the zero out", Source: "port: 0644",
		}, `
a.yaml:1:7: warning: 0644 is 420, leave the zero out [DRG1014 odd-number]
    1 | port: 0644
      |       ^^^^
`},
		{"the field where the message does not name it", diag.Problem{
			Code: diag.UnknownName, File: "a.yaml", Line: 12, Col: 9, Width: 7, Field: "routes[2].to",
			Msg: `no service named "paymnts"`, Hint: `did you mean "payments"?`, Source: "    to: paymnts",
		}, `
a.yaml:12:9: routes[2].to: no service named "paymnts", did you mean "payments"? [DRG3003 unknown-name]
   12 |     to: paymnts
      |         ^^^^^^^
`},
		{"an item's field is named by its list", diag.Problem{
			Code: diag.NotYet, File: "a.yaml", Line: 1, Field: "upstream.endpoints[0]", Msg: `no "endpoints" here`,
		}, `
a.yaml:1: no "endpoints" here [DRG1011 not-yet]
`},
		{"related places", diag.Problem{
			Code: diag.DuplicateName, File: "services/b.yaml", Line: 1, Col: 10, Width: 4,
			Msg: `two services are named "cart"`, Source: "service: cart",
			Related: []diag.Place{{File: "services/a.yaml", Line: 3, Col: 1, Msg: "first defined here"}},
		}, `
services/b.yaml:1:10: two services are named "cart" [DRG3001 duplicate-name]
    1 | service: cart
      |          ^^^^
  services/a.yaml:3:1: first defined here
`},
		{"a file as a whole", diag.Problem{Code: diag.Unreadable, File: "a.yaml", Msg: "permission denied"}, `
a.yaml: permission denied [DRG1010 unreadable]
`},
		{"no file at all", diag.Problem{Code: diag.Rejected, Msg: "nothing to serve"}, `
nothing to serve [DRG4001 rejected]
`},
		{"tabs stay tabs", diag.Problem{
			Code: diag.Syntax, File: "a.yaml", Line: 2, Col: 3, Width: 1, Msg: "a tab", Source: "\t\tx: 1",
		}, "\na.yaml:2:3: a tab [DRG1001 syntax]\n    2 | \t\tx: 1\n      | \t\t^\n"},
		{"wide characters take two columns", diag.Problem{
			Code: diag.BadValue, File: "a.yaml", Line: 1, Col: 7, Width: 2, Msg: "no", Source: "名前: a 東京 b",
		}, `
a.yaml:1:7: no [DRG1005 bad-value]
    1 | 名前: a 東京 b
      |         ^^^^
`},
		{"combining characters take none", diag.Problem{
			Code: diag.BadValue, File: "a.yaml", Line: 1, Col: 7, Width: 3, Msg: "no", Source: "e\u0301a\u0300: yes",
		}, "\na.yaml:1:7: no [DRG1005 bad-value]\n    1 | e\u0301a\u0300: yes\n      |     ^^^\n"},
		{"behind the end of the line", diag.Problem{
			Code: diag.EmptyValue, File: "a.yaml", Line: 1, Col: 40, Width: 3, Msg: "the value is empty", Source: "upstream:",
		}, `
a.yaml:1:40: the value is empty [DRG1007 empty-value]
    1 | upstream:
      |          ^
`},
		{"nothing reaches the terminal that could move its cursor", diag.Problem{
			Code: diag.Syntax, File: "a.yaml", Line: 1, Col: 4, Width: 1, Msg: "bad \x1b[2J\nnews \u202e", Source: "a\x1b b",
		}, `
a.yaml:1:4: bad �[2J�news � [DRG1001 syntax]
    1 | a� b
      |    ^
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want[1:], text(t, false, tt.give)); diff != "" {
				t.Errorf("Text(%+v) (-want +got):\n%s", tt.give, diff)
			}
		})
	}
}

func TestTextCropsLongLines(t *testing.T) {
	long := strings.Repeat("a", 200) + "HERE" + strings.Repeat("b", 200)
	for _, tt := range []struct {
		name       string
		source     string
		col, width int
		want       string // the frame's two lines behind the bar
	}{
		{"in the middle", long, 201, 4, "…" + strings.Repeat("a", 40) + "HERE" + strings.Repeat("b", 56) + "…\n" + strings.Repeat(" ", 41) + "^^^^"},
		{"at the start", "HERE" + long, 1, 4, "HERE" + strings.Repeat("a", 96) + "…\n^^^^"},
		{"at the end", long + "END", 405, 3, "…" + strings.Repeat("b", 97) + "END\n" + strings.Repeat(" ", 98) + "^^^"},
		{"too wide", long, 201, 300, "…" + strings.Repeat("a", 40) + "HERE" + strings.Repeat("b", 56) + "…\n" + strings.Repeat(" ", 41) + strings.Repeat("^", 60)},
		{"not long", strings.Repeat("a", 100), 100, 1, strings.Repeat("a", 100) + "\n" + strings.Repeat(" ", 99) + "^"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := text(t, false, diag.Problem{File: "a", Line: 1, Col: tt.col, Width: tt.width, Msg: "m", Source: tt.source})
			_, frame, _ := strings.Cut(got, "\n")
			frame = strings.ReplaceAll(strings.TrimPrefix(frame, "    1 | "), "\n      | ", "\n")
			if diff := cmp.Diff(tt.want+"\n", frame); diff != "" {
				t.Errorf("frame of column %d, width %d (-want +got):\n%s", tt.col, tt.width, diff)
			}
		})
	}
}

func TestTextColor(t *testing.T) {
	warning := typo()
	warning.Severity = diag.Warning
	want := "services/cart.yaml:7:5: unknown key \"timout\" in a route, did you mean \"timeout\"? [DRG1002 unknown-key]\n" +
		"    7 |     timout: 5s\n      |     \x1b[31m^^^^^^\x1b[0m\n" +
		"services/cart.yaml:7:5: \x1b[33mwarning: \x1b[0munknown key \"timout\" in a route, did you mean \"timeout\"? [DRG1002 unknown-key]\n" +
		"    7 |     timout: 5s\n      |     \x1b[33m^^^^^^\x1b[0m\n"
	if diff := cmp.Diff(want, text(t, true, typo(), warning)); diff != "" {
		t.Errorf("Text in colour (-want +got):\n%s", diff)
	}
}

func FuzzText(f *testing.F) {
	f.Add("    timout: 5s", "unknown key", 5, 6)
	f.Add("\t名前\u0301", "", 1<<30, -1)
	f.Add("abc", "", 2, math.MaxInt)
	f.Fuzz(func(t *testing.T, source, msg string, col, width int) {
		got := text(t, false, diag.Problem{File: "a", Line: 1, Col: col, Width: width, Msg: msg, Source: source})
		want := 3
		if source == "" {
			want = 1
		}
		if n := strings.Count(got, "\n"); n != want {
			t.Errorf("%q has %d lines, want %d", got, n, want)
		}
		if strings.ContainsAny(got, "\x1b\r\a") {
			t.Errorf("%q has control characters", got)
		}
	})
}
