package loader

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"dragoman/diag"
	"dragoman/model"
)

// A listenerTLS is the files that a listener names. What else there is to say
// of TLS stands in the model already.
type listenerTLS struct {
	certificates []certificate // as they are sent, the default first
	clientCA     *fileName
}

// A certificate is the names of two files that belong together.
type certificate struct{ cert, key fileName }

// A fileName is how a document names another file.
type fileName struct {
	text  string // as it stands there
	path  string // from the configuration root, with slashes, or absolute
	at    spot
	field string
}

// pair is what the files are looked up by.
func (c certificate) pair() pair { return pair{c.cert.path, c.key.path} }

// materials are what all the files of a listener are looked up by.
func (t *listenerTLS) materials() []pair {
	var out []pair
	if t == nil {
		return nil
	}
	for _, c := range t.certificates {
		out = append(out, c.pair())
	}
	if t.clientCA != nil {
		out = append(out, pair{cert: t.clientCA.path})
	}
	return out
}

// tls reads what a listener says of TLS.
func (d *decoder) tls(v value) (*listenerTLS, *model.TLS) {
	if v.node == nil {
		return nil, nil
	}
	m := &model.TLS{ALPN: []string{"h2", "http/1.1"}}
	if v.get("minVersion").text == "1.3" {
		m.MinVersion = model.TLS13
	}
	if suites, ok := v.field("cipherSuites"); ok {
		m.CipherSuites = words(d.names(suites.value))
		if m.MinVersion == model.TLS13 {
			d.problem(suites.at, diag.NoEffect, "cipherSuites are of TLS 1.2, and minVersion is 1.3", "take one of them out")
		}
	}
	if v.has("alpn") {
		m.ALPN = words(d.names(v.get("alpn")))
	}
	t := &listenerTLS{certificates: d.certificates(v.get("certificates"))}
	if v.has("clientCA") {
		t.clientCA = new(d.fileName(v.get("clientCA")))
		m.RequireClient = true
	}
	if require, ok := v.field("requireClientCert"); ok {
		m.RequireClient = require.value.bool()
		if t.clientCA == nil {
			d.problem(require.at, diag.NoEffect, "there are no authorities to check clients against", "add clientCA: FILE")
		}
	}
	return t, m
}

func words(names []name) []string {
	var out []string
	for _, n := range names {
		out = append(out, n.text)
	}
	return out
}

// certificates puts the default first. The others, and all if none is marked,
// are in the order of their names.
func (d *decoder) certificates(v value) []certificate {
	var out []certificate
	first := map[string]*yaml.Node{}
	var marked *yaml.Node
	isDefault := map[string]bool{}
	for _, item := range v.items {
		c := certificate{d.fileName(item.get("cert")), d.fileName(item.get("key"))}
		if other := first[c.cert.path]; other != nil {
			d.problem(item.get("cert").node, diag.DuplicateKey, fmt.Sprintf("the certificate %s is listed twice", c.cert.text), "keep one of them").
				relate(d.file.path, other, "first here")
			continue
		}
		first[c.cert.path] = item.get("cert").node
		if fl, ok := item.field("default"); ok && fl.value.bool() {
			isDefault[c.cert.path] = true
			if marked != nil {
				d.problem(fl.at, diag.DuplicateKey, "two certificates are the default", "mark one of them").
					relate(d.file.path, marked, "the other is here")
			}
			marked = fl.at
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b certificate) int {
		if isDefault[a.cert.path] != isDefault[b.cert.path] {
			if isDefault[a.cert.path] {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.cert.text, b.cert.text)
	})
	return out
}

// fileName reads the name of a file that is no configuration itself.
func (d *decoder) fileName(v value) fileName {
	f := fileName{text: v.text, path: path.Clean(v.text), at: spotOf(v.node)}
	if !path.IsAbs(f.path) {
		f.path = path.Join(path.Dir(d.file.path), f.path)
	}
	at, _ := pathTo(d.top, v.node)
	f.field = fieldName(at)
	switch {
	case strings.HasPrefix(strings.TrimSpace(v.text), "-----BEGIN"):
		d.problem(v.node, diag.BadValue, "this is the content of a file", "put it into a file beside this one, and its name here")
	case IsConfig(f.path):
		d.problem(v.node, diag.BadValue, fmt.Sprintf("%s would be read as configuration", f.text), "give it another ending, such as .crt or .key")
	case !path.IsAbs(f.path) && slices.ContainsFunc(strings.Split(path.Clean(v.text), "/"), func(part string) bool { return hidden(part) && part != ".." }):
		d.problem(v.node, diag.BadValue, fmt.Sprintf("names that begin with a dot are not watched, as in %s", f.text), "give it another name")
	}
	return f
}

// external tells names that lead out of the configuration root.
func external(name string) bool {
	return path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../")
}
