package diag

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// perStep is how many errors, and as many warnings, GitHub shows of one step
// of a workflow. It drops the others without a word.
// https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md#limitations
const perStep = 10

// GitHub prints problems as workflow commands, which GitHub shows beside the
// lines of a pull request. Files must be relative to the repository: see
// Problems.Under. Of more than GitHub would show, the tenth says how many.
func GitHub(w io.Writer, ps Problems) error {
	total := map[Severity]int{}
	for _, p := range ps {
		total[p.Severity]++
	}
	b := bufio.NewWriter(w)
	seen := map[Severity]int{}
	for _, p := range ps {
		seen[p.Severity]++
		switch n := seen[p.Severity]; {
		case n < perStep || n == perStep && total[p.Severity] == perStep:
			fmt.Fprint(b, p.command(""))
		case n == perStep:
			fmt.Fprint(b, p.command(fmt.Sprintf("\nand %d more %ss", total[p.Severity]-n, p.Severity)))
		}
	}
	return b.Flush()
}

// command is one workflow command.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
func (p Problem) command(more string) string {
	var props []string
	if p.File != "" {
		props = append(props, "file="+property(p.File))
	}
	if p.Line > 0 {
		props = append(props, fmt.Sprintf("line=%d,endLine=%d", p.Line, p.Line))
	}
	if p.Line > 0 && p.Col > 0 {
		props = append(props, fmt.Sprintf("col=%d,endColumn=%d", p.Col, p.end()))
	}
	props = append(props, "title="+property(p.Code.String()))
	lines := []string{p.what()}
	for _, r := range p.Related {
		lines = append(lines, place(r.File, r.Line, r.Col)+printable(r.Msg))
	}
	return fmt.Sprintf("::%s %s::%s\n", p.Severity, strings.Join(props, ","), data(strings.Join(lines, "\n")+more))
}

// data and property escape what the command's own syntax would swallow.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}
