package model_test

import (
	"testing"

	"dragoman/model"
)

// Keys decide the order of routes that nothing else decides: they stay as they
// are.
func TestKey(t *testing.T) {
	for want, m := range map[string]model.Match{
		`1 "/" []`: {Path: model.PathMatch{Kind: model.PathPrefix, Value: "/"}},
		`0 "/\"é\"" ["GET" "HEAD"] h"x-a" 3 "b" true false q"c" 5 "" false true`: {
			Path:    model.PathMatch{Kind: model.PathExact, Value: `/"é"`},
			Methods: []string{"GET", "HEAD"},
			Headers: []model.ValueMatch{{Name: "x-a", Kind: model.ValueContains, Value: "b", Not: true}},
			Query:   []model.ValueMatch{{Name: "c", Kind: model.ValuePresent, IgnoreCase: true}},
		},
	} {
		if got := m.Key(); got != want {
			t.Errorf("Key of %+v = %s, want %s", m, got, want)
		}
	}
}
