package refusal

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"dragoman/model"
)

// constraint ends the copy of the whole resource with which Envoy begins some
// messages.
const constraint = "Proto constraint validation failed"

// Own tells whether an Envoy refuses something for trouble of its own: a port
// that is taken on its host, an address that it does not have, a file that is
// not there. On another host the same may be fine.
func Own(words string) bool {
	return !strings.Contains(words, constraint) && own.MatchString(words)
}

// own is what Envoy 1.40 says then, and the system in its name.
var own = regexp.MustCompile(`(?i)cannot bind '` +
	`|unable to (open|read) file` +
	`|\binvalid path: /` +
	`|\bfile '?/\S* does not exist` +
	`|failed to load [a-z ]+ from /` +
	`|: (address already in use|permission denied|operation not permitted|cannot assign requested address|address family not supported by protocol` +
	`|too many open files|no such file or directory|no such device|no space left on device|read-only file system)\s*$`)

// maxWords is how much of Envoy's words is told.
const maxWords = 500

// Plain is what Envoy says, on one line, without the copy of the resource.
func Plain(words string) string {
	if i := strings.LastIndex(words, constraint); i >= 0 {
		words = words[i:]
	}
	words = strings.Join(strings.FieldsFunc(words, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if len(words) <= maxWords {
		return words
	}
	cut := maxWords
	for !utf8.RuneStart(words[cut]) {
		cut--
	}
	return words[:cut] + "…"
}

// A token is a text by which Envoy may name what somebody wrote.
type token struct {
	text    string
	service string
	at      model.Origin
}

// named finds the one service that words about the routes of a listener speak
// of: by its longest text that is in them. There is none if two services have
// that text, and none if the words only quote the whole resource.
func named(c *model.Config, listener, words string) (model.Origin, bool) {
	words = Plain(words)
	all := slices.DeleteFunc(tokens(c, listener), func(t token) bool { return t.text == listener || !says(words, t.text) })
	if len(all) == 0 {
		return model.Origin{}, false
	}
	slices.SortStableFunc(all, func(a, b token) int {
		return cmp.Or(cmp.Compare(len(b.text), len(a.text)), cmp.Compare(a.service, b.service), cmp.Compare(b.at.Line, a.at.Line))
	})
	for _, t := range all {
		if t.text == all[0].text && t.service != all[0].service {
			return model.Origin{}, false
		}
	}
	return all[0].at, all[0].at.File != ""
}

// tokens are those of the services on a listener.
func tokens(c *model.Config, listener string) []token {
	var out []token
	for s := range c.Services.All() {
		if !routed(s, listener) {
			continue
		}
		add := func(at model.Origin, texts ...string) {
			for _, text := range texts {
				if text != "" {
					out = append(out, token{text, s.Name, at})
				}
			}
		}
		add(s.Origin, s.Hosts...)
		for _, r := range s.Routes {
			add(r.Origin, r.Name)
			add(r.Origin, regexes(r.Match)...)
			if f, ok := r.Action.(*model.Forward); ok {
				for _, to := range f.To {
					add(r.Origin, to.Service)
				}
			}
		}
	}
	return out
}

func regexes(m model.Match) []string {
	var out []string
	if m.Path.Kind == model.PathRegex {
		out = append(out, m.Path.Value)
	}
	for _, v := range slices.Concat(m.Headers, m.Query) {
		if v.Kind == model.ValueRegex {
			out = append(out, v.Value)
		}
	}
	return out
}

// says tells whether words have a text in them, not as a part of a longer one.
// A text that is short or of letters alone may be there by chance, so it must
// be in quotes.
func says(words, text string) bool {
	common := len(text) < 3 || strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
	for from := 0; ; {
		i := strings.Index(words[from:], text)
		if i < 0 {
			return false
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(words[:i])
		after, _ := utf8.DecodeRuneInString(words[i+len(text):])
		quoted := strings.ContainsRune("'\"`", before) && before == after
		if quoted || !common && !joined(words[:i], words[i+len(text):]) {
			return true
		}
		_, size := utf8.DecodeRuneInString(text)
		from = i + size
	}
}

// joined tells whether a text between these is part of a longer name. A dot
// behind it may be the end of a sentence.
func joined(before, after string) bool {
	b, _ := utf8.DecodeLastRuneInString(before)
	a, size := utf8.DecodeRuneInString(after)
	next, _ := utf8.DecodeRuneInString(after[size:])
	return b == '.' || inName(b) || inName(a) || a == '.' && inName(next)
}

// inName tells the characters that names are made of.
func inName(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-/*", r))
}
