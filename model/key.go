package model

import "strconv"

// Key is a text that two matches share when they match the same requests in
// the same words. Routes of one virtual host with one key are a conflict.
func (m Match) Key() string {
	b := make([]byte, 0, 64)
	b = strconv.AppendInt(b, int64(m.Path.Kind), 10)
	b = strconv.AppendQuote(append(b, ' '), m.Path.Value)
	b = append(b, " ["...)
	for i, method := range m.Methods {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendQuote(b, method)
	}
	b = append(b, ']')
	for _, v := range m.Headers {
		b = v.appendKey(append(b, " h"...))
	}
	for _, v := range m.Query {
		b = v.appendKey(append(b, " q"...))
	}
	return string(b)
}

func (v ValueMatch) appendKey(b []byte) []byte {
	b = strconv.AppendQuote(b, v.Name)
	b = strconv.AppendInt(append(b, ' '), int64(v.Kind), 10)
	b = strconv.AppendQuote(append(b, ' '), v.Value)
	b = strconv.AppendBool(append(b, ' '), v.Not)
	return strconv.AppendBool(append(b, ' '), v.IgnoreCase)
}

// Conditions counts what a match asks for beyond the path: the methods as
// one, and each header and query parameter.
func (m Match) Conditions() int {
	n := len(m.Headers) + len(m.Query)
	if len(m.Methods) > 0 {
		n++
	}
	return n
}
