package loader

import "gopkg.in/yaml.v3"

// keys are words that may be there once, each with its node. Most objects and
// lists have a few, which are found sooner than a map is made.
type keys struct {
	few [8]struct {
		text string
		at   *yaml.Node
	}
	n    int
	many map[string]*yaml.Node // those that few has no room for
}

// add returns the node of a word that is there already, or adds it and returns
// nil.
func (k *keys) add(text string, at *yaml.Node) *yaml.Node {
	for i := range k.few[:k.n] {
		if k.few[i].text == text {
			return k.few[i].at
		}
	}
	if k.n < len(k.few) {
		k.few[k.n].text, k.few[k.n].at = text, at
		k.n++
		return nil
	}
	if first := k.many[text]; first != nil {
		return first
	}
	if k.many == nil {
		k.many = map[string]*yaml.Node{}
	}
	k.many[text] = at
	return nil
}
