package diag_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dragoman/diag"
	"dragoman/internal/golden"
	"dragoman/loader"
	"dragoman/model"
	"dragoman/pipeline"
	"dragoman/translator"
)

const pages = "../docs/errors"

// withoutExample are the codes that no files by themselves cause, but a file
// system, a change, an Envoy, or a mistake of ours.
func withoutExample() []diag.Code {
	return []diag.Code{
		diag.Unreadable, diag.StillUsed, diag.Emptied, diag.MostGone, diag.Frozen, diag.Drains,
		diag.Rejected, diag.Refused, diag.OwnTrouble, diag.RolledBack, diag.NotReady,
		diag.Certificate, diag.KeyMismatch, diag.OutOfDate, diag.EndsSoon, diag.NoServerName,
	}
}

// Every code has a page and every page a code. The examples are loaded: what
// the page says is answered is what a person sees.
func TestEveryCodeHasAPage(t *testing.T) {
	t.Parallel()
	compared := []string{filepath.Join(pages, "README.md")}
	var index strings.Builder
	index.WriteString("# Errors\n\nEach kind of problem has a number that never changes. 1xxx is a file by itself, 2xxx what it means, 3xxx files\ntogether, 4xxx what is beyond them, 5xxx other files that they name.\n\n| code | |\n|---|---|\n")
	for code := diag.Code(1000); code < 10000; code++ {
		if code.Name() == "" {
			continue
		}
		file := filepath.Join(pages, code.ID()+".md")
		compared = append(compared, file)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		page := string(text)
		fmt.Fprintf(&index, "| [%s](%s.md) | %s |\n", code, code.ID(), sentence(t, code, page))
		golden.Text(t, file, answered(t, code, page))
	}
	golden.Text(t, compared[0], index.String())
	golden.Orphans(t, filepath.Join(pages, "*.md"), compared)
}

// sentence is the first one of a page.
func sentence(t *testing.T, code diag.Code, page string) string {
	t.Helper()
	text, ok := strings.CutPrefix(page, "# "+code.String()+"\n\n")
	if !ok {
		t.Errorf("the page of %s does not begin with its name", code)
	}
	first, _, _ := strings.Cut(text, "\n")
	first, _, _ = strings.Cut(first, ". ")
	return strings.TrimSuffix(first, ".") + "."
}

// answered returns a page with what its example is answered with.
func answered(t *testing.T, code diag.Code, page string) string {
	t.Helper()
	before, rest, ok := strings.Cut(page, "\n```text\n")
	if ok == slices.Contains(withoutExample(), code) {
		t.Errorf("%s: has an example: %t, want the opposite", code, ok)
	}
	if !ok {
		return page
	}
	_, after, _ := strings.Cut(rest, "```\n")
	problems := load(t, before)
	if !slices.ContainsFunc(problems, func(p diag.Problem) bool { return p.Code == code }) {
		t.Errorf("the example of %s gives %v", code, problems)
	}
	var b strings.Builder
	if err := diag.Text(&b, problems, false); err != nil {
		t.Fatal(err)
	}
	return before + "\n```text\n" + b.String() + "```\n" + after
}

// load reads the YAML blocks of a page, each a file that its first line names.
func load(t *testing.T, page string) diag.Problems {
	t.Helper()
	var files []loader.Source
	for i, block := range strings.Split(page, "```yaml\n# ") {
		if i == 0 {
			continue
		}
		text, _, _ := strings.Cut(block, "```")
		name, _, _ := strings.Cut(text, "\n")
		files = append(files, loader.Source{Path: name, Data: []byte("# " + text)})
	}
	l := loader.New(loader.Options{Check: func(c *model.Config) diag.Problems {
		_, problems := pipeline.Build(c, translator.Options{})
		return problems
	}})
	return l.Apply(files).Problems
}
