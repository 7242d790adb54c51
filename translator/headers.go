package translator

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"dragoman/model"
)

// headerChanges are Envoy's in the order in which it makes them: it removes
// first, and then goes through the list.
func headerChanges(c *model.HeaderChanges) (add []*corev3.HeaderValueOption, remove []string) {
	if c == nil {
		return nil, nil
	}
	for _, h := range c.Set {
		add = append(add, header(h, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD))
	}
	for _, h := range c.Add {
		add = append(add, header(h, corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD))
	}
	return add, c.Remove
}

// header keeps a value that was written as empty. One that only turns out
// empty, such as a request header that is not there, adds no header.
func header(h model.Header, action corev3.HeaderValueOption_HeaderAppendAction) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:         &corev3.HeaderValue{Key: h.Name, Value: h.Value},
		AppendAction:   action,
		KeepEmptyValue: h.Value == "",
	}
}

// literal is a text in Envoy's format that stands for itself.
func literal(text string) string {
	return strings.ReplaceAll(text, "%", "%%")
}
