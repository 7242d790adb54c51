package loader_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"dragoman/loader"
)

// Whatever is in a file, reading it ends soon, takes little memory, does not
// panic, and every problem has a place.
func FuzzApply(f *testing.F) {
	for _, pattern := range []string{"testdata/problems/*/*.yaml", "../examples/*/*.yaml", "../translator/testdata/*/*.yaml"} {
		seeds, _ := filepath.Glob(pattern) // the pattern is right
		for _, path := range seeds {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	for _, end := range []string{"\r", "\r\n", "\u0085", "\u2028", "\u2029"} {
		f.Add([]byte("service: a" + end + "---" + end + "- b"))
	}
	f.Fuzz(func(t *testing.T, data []byte) { sound(t, data) })
}

func sound(t *testing.T, data []byte) {
	t.Helper()
	lines := linesOf(data)
	res := loader.New(loader.Options{}).Apply([]loader.Source{{Path: "a.yaml", Data: data}})
	for _, p := range res.Problems {
		if p.File == "" || p.Line < 1 || p.Line > lines || p.Col < 1 || p.Width < 1 || p.Msg == "" || p.Code.Name() == "" {
			t.Errorf("a problem without a place or words: %+v", p)
		}
	}
	if res.Config == nil && len(res.Problems) == 0 {
		t.Error("neither a configuration nor a problem")
	}
}

// linesOf counts lines as YAML 1.1 ends them.
func linesOf(data []byte) int {
	lines := 1
	for _, end := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} {
		lines += bytes.Count(data, []byte(end))
	}
	return lines - bytes.Count(data, []byte("\r\n"))
}

// The worst that 1 MiB can hold, for a parser that has no limits of its own.
func TestBounds(t *testing.T) {
	const mib, tokens = 1 << 20, 149_000 // just below what is refused unread
	inputs := map[string]string{
		"many items":     "a: [" + strings.Repeat("1,", tokens) + "1]",
		"many lines":     strings.Repeat("- a\n", tokens/2),
		"many newlines":  "a: 'x" + strings.Repeat("\n", tokens) + "'",
		"many comments":  strings.Repeat("#\n", tokens/2) + "a: b",
		"many heads":     strings.Repeat("#\n- a\n", tokens/4),
		"many dashes":    strings.Repeat("- ", tokens),
		"deep dashes":    strings.Repeat("- ", 9000) + "a",
		"many question":  strings.Repeat("? ", tokens/2),
		"many docs":      strings.Repeat("--- a\n", tokens/4),
		"many keys":      manyKeys(tokens * 4),
		"many flow keys": "{" + strings.Repeat("a,", tokens-10) + "}",
		"pairs":          "[" + strings.Repeat("a: b,", tokens/2-10) + "]",
		"list":           "a: [" + strings.Repeat("1,", mib/2-4) + "1]",
		"lines":          strings.Repeat("- a\n", mib/4),
		"short lines":    strings.Repeat("-\n", mib/2),
		"newlines":       "a: 'x" + strings.Repeat("\n", mib-10) + "'",
		"keys":           manyKeys(mib),
		"documents":      strings.Repeat("---\n", mib/4),
		"comments":       strings.Repeat("#\n", mib/2),
		"brackets":       strings.Repeat("[", mib),
		"braces":         strings.Repeat("{a: ", mib/4),
		"indentation":    manyIndents(1200),
		"anchors":        strings.Repeat("- &a b\n", mib/7),
		"aliases":        "- &a b\n" + strings.Repeat("- *a\n", mib/5-2),
		"alias bomb":     bomb("[*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]", "[1,1,1,1,1,1,1,1,1,1]"),
		"merge bomb":     bomb("{<<: [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]}", "{k: v}"),
		"text":           "a: " + strings.Repeat("x", mib-3),
		"escapes":        `a: "` + strings.Repeat(`\u263a`, mib/6-2) + `"`,
		"spaces":         strings.Repeat(" ", mib),
		"question":       strings.Repeat("? ", mib/2),
		"dashes":         strings.Repeat("- ", mib/2),
		"tags":           strings.Repeat("- !a b\n", mib/7),
		"dots":           strings.Repeat("...\n", mib/4),
		"percents":       strings.Repeat("%a\n", mib/3),
		"routes":         "service: a\nroutes:\n" + strings.Repeat("  - {prefix: /, to: x, timeout: 1x}\n", mib/37-1),
		"carriage":       strings.Repeat("\r", mib),
		"long comment":   "a: b #" + strings.Repeat("é", mib/2-4),
		"block":          "a: |\n" + strings.Repeat(" x\n", mib/3-2),
		"folded":         "a: >\n" + strings.Repeat(" x\n", mib/3-2),
	}
	for name, input := range inputs {
		t.Run(name, func(t *testing.T) {
			if len(input) > mib {
				t.Fatalf("the input has %d bytes", len(input))
			}
			start := time.Now()
			if peak := peakDuring(func() { sound(t, []byte(input)) }); peak > 100<<20 {
				t.Errorf("%d MiB of memory", peak>>20)
			}
			// Not a timing: this is the difference between milliseconds and hours.
			if d := time.Since(start); d > time.Minute {
				t.Errorf("it took %v", d)
			}
		})
	}
}

func manyKeys(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size-20; i++ {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	return b.String()
}

func manyIndents(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "k:\n")
	}
	return b.String()
}

// bomb makes each of 20 anchors of ten of the one before.
func bomb(form, first string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "x-a: &a %s\n", first)
	for c := 'b'; c < 'u'; c++ {
		args := make([]any, 10)
		for i := range args {
			args[i] = c - 1
		}
		fmt.Fprintf(&b, "x-%c: &%c "+form+"\n", append([]any{c, c}, args...)...)
	}
	return b.String() + "service: a\nupstream: http://10.0.0.1:80\n"
}

// peakDuring returns how much the live heap grew while f ran.
func peakDuring(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	debug.FreeOSMemory()
	before, peak, done := heap(), uint64(0), make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	for tick := time.NewTicker(time.Millisecond); ; {
		select {
		case <-done:
			tick.Stop()
			return peak
		case <-tick.C:
			if now := heap(); now > before {
				peak = max(peak, now-before)
			}
		}
	}
}

func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
