package loader

import (
	"fmt"
	"path"

	"dragoman/diag"
	"dragoman/model"
)

// group reads a group document. It refers to nothing, so the model's form is
// already the whole of it.
func (d *decoder) group(v value) *model.Group {
	at := v.get("group")
	out := &model.Group{Name: at.text, Origin: d.file.origin(spotOf(at.node))}
	for _, item := range v.get("match").items {
		line := model.NodeMatch{ID: item.get("id").text, Cluster: item.get("cluster").text}
		if _, err := path.Match(line.ID, ""); err != nil {
			d.problem(item.get("id").node, diag.BadValue, fmt.Sprintf("%q is not a pattern", line.ID),
				`close each [ with a ]; for a [, * or ? itself write \[, \* or \?`)
		}
		line.Metadata, _ = item.get("metadata").plain().(map[string]any) // the schema wants a mapping
		out.Match = append(out.Match, line)
	}
	return out
}
