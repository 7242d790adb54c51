package faults_test

import (
	"fmt"
	"slices"
	"testing"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/internal/envoytest"
)

// Clients ask for every secret, by no name and by all names. Each gets those of
// its own groups, and who is in none gets none.
func TestClientsAskForEverySecret(t *testing.T) {
	for form := range forms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			w := create(t, options{form: form})
			w.write(t, "listener.yaml", w.listener("default: true\n"))
			ca := envoytest.NewCA(t)
			groups := []string{"edge", "other"}
			for _, group := range groups {
				cert, key := envoytest.PEM(t, ca.Issue(t, group+".example.com"))
				w.write(t, "tls/"+group+".crt", string(cert))
				w.write(t, "tls/"+group+".key", string(key))
				w.write(t, group+".yaml", fmt.Sprintf(`group: %[1]s
match: [{id: "%[1]s-*"}]
---
listener: %[1]s
address: 127.0.0.1
port: %[2]d
groups: [%[1]s]
tls: {certificates: [{cert: tls/%[1]s.crt, key: tls/%[1]s.key}]}
`, group, envoytest.FreePort(t)))
			}
			w.edit(t, 1)
			w.sees(t, 1)
			l := w.load(t)
			rounds := pick(5, 100)
			for range rounds {
				for node, want := range map[string][]string{"stranger": nil, "edge-1": {secretOf("edge")}, "other-1": {secretOf("other")}} {
					if got := w.secrets(t, form, node, groups); !slices.Equal(got, want) {
						t.Errorf("%s gets the secrets %q, want %q", node, got, want)
					}
				}
			}
			over(t, l, "clients ask for every secret, "+form, figure("rounds", rounds), figure("NACKs", rejected(t, w.envoy)))
		})
	}
}

// secretOf is the name of the secret of a group's listener.
func secretOf(group string) string { return fmt.Sprintf("%[1]s/cert/tls/%[1]s.crt", group) }

// secrets are the names of all secrets that a node can get.
func (w *world) secrets(t *testing.T, form, node string, groups []string) []string {
	t.Helper()
	s, err := open(t.Context(), connect(t, w.Port), form, node)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, group := range groups {
		names = append(names, secretOf(group), group+"/cert/tls/"+group+".key", group)
	}
	// A runtime layer is always answered, and after what was asked for before it.
	for _, asked := range [][]string{nil, {"*"}, names} {
		if err := s.ask(resourcev3.SecretType, nil, asked...); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ask(resourcev3.RuntimeType, nil, "fence"); err != nil {
		t.Fatal(err)
	}
	var out []string
	for {
		r, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		if r.typeURL == resourcev3.RuntimeType {
			slices.Sort(out)
			return slices.Compact(out)
		}
		out = append(out, r.names...)
	}
}
