package pipeline

import (
	"dragoman/diag"
	"dragoman/model"
	"dragoman/snapshot"
	"dragoman/translator"
)

// A Builder is a builder for tests.
type Builder struct{ b *builder }

// NewBuilder returns one that remembers nothing.
func NewBuilder(o translator.Options) Builder { return Builder{newBuilder(o)} }

// Build builds the next configuration.
func (b Builder) Build(c *model.Config) (*snapshot.Snapshot, diag.Problems) { return b.b.build(c) }
