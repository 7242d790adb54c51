package diag

import (
	"encoding/json"
	"io"
)

// formatVersion is that of JSON's output: the first number changes when
// something that was there means something else or goes away.
const formatVersion = "1.0"

type jsonReport struct {
	FormatVersion string        `json:"format_version"`
	Valid         bool          `json:"valid"`
	ErrorCount    int           `json:"error_count"`
	WarningCount  int           `json:"warning_count"`
	Problems      []jsonProblem `json:"problems"`
}

type jsonProblem struct {
	Severity  string      `json:"severity"`
	Code      string      `json:"code"`
	Rule      string      `json:"rule"`
	File      string      `json:"file,omitzero"`
	Line      int         `json:"line,omitzero"`
	Column    int         `json:"column,omitzero"`
	EndColumn int         `json:"end_column,omitzero"` // the first that is not marked
	Field     string      `json:"field,omitzero"`
	Message   string      `json:"message"`
	Hint      string      `json:"hint,omitzero"`
	Source    string      `json:"source,omitzero"`
	Related   []jsonPlace `json:"related,omitempty"`
}

type jsonPlace struct {
	File    string `json:"file,omitzero"`
	Line    int    `json:"line,omitzero"`
	Column  int    `json:"column,omitzero"`
	Message string `json:"message"`
}

// JSON prints problems for programs, in the order given: one object, whose
// format_version says how to read it. What is unknown is left out.
func JSON(w io.Writer, ps Problems) error {
	errs := len(ps.Errors())
	r := jsonReport{
		FormatVersion: formatVersion,
		Valid:         errs == 0,
		ErrorCount:    errs,
		WarningCount:  len(ps) - errs,
		Problems:      make([]jsonProblem, len(ps)),
	}
	for i, p := range ps {
		r.Problems[i] = p.json()
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

func (p Problem) json() jsonProblem {
	out := jsonProblem{
		Severity: p.Severity.String(),
		Code:     p.Code.ID(),
		Rule:     p.Code.Name(),
		File:     p.File,
		Line:     p.Line,
		Column:   p.Col,
		Field:    p.Field,
		Message:  p.Msg,
		Hint:     p.Hint,
		Source:   p.Source,
	}
	if p.Col > 0 {
		out.EndColumn = p.end()
	}
	for _, r := range p.Related {
		out.Related = append(out.Related, jsonPlace{r.File, r.Line, r.Col, r.Msg})
	}
	return out
}

// end is the first column behind what a problem marks.
func (p Problem) end() int { return p.Col + max(p.Width, 1) }
