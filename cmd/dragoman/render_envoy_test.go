package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dragoman/internal/envoytest"
)

// A real Envoy runs what render --static prints, and reads from its YAML what
// was meant: text stays text, line by line.
func TestStaticRuns(t *testing.T) {
	envoytest.Binary(t)
	port := envoytest.FreePort(t)
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "up"})
	bodies := []string{"\n  yes:\n\n - no\n", "no", "0123", "a: b\n# c\n", "\"\\\t"}
	var b strings.Builder
	fmt.Fprintf(&b, "listener: http\naddress: 127.0.0.1\nport: %d\n---\nservice: n\nhosts: ['*']\nupstream: http://%s\nroutes:\n  - prefix: /\n", port, up.Addr)
	for i, body := range bodies {
		fmt.Fprintf(&b, "  - {path: /%d, respond: {status: 200, body: %q}}\n", i, body)
	}
	file := filepath.Join(t.TempDir(), "all.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"yaml", "json"} {
		t.Run(form, func(t *testing.T) {
			bootstrap := output(t, "render", "--static", "-o", form, file)
			bootstrap = strings.Replace(bootstrap, "9901", "0", 1)
			e := envoytest.Start(t, envoytest.Options{Bootstrap: bootstrap})
			e.WaitLive(t)
			address := "http://" + e.Listener(t, "http")
			for i, want := range bodies {
				reply, err := envoytest.Ask(t, envoytest.Request{URL: fmt.Sprintf("%s/%d", address, i)})
				if err != nil || reply.Body != want {
					t.Errorf("GET /%d: got %q, %v, want %q", i, reply.Body, err, want)
				}
			}
			reply, err := envoytest.Ask(t, envoytest.Request{URL: address + "/up"})
			if err != nil || reply.Echo.Upstream != "up" {
				t.Errorf("GET /up: got %d from %q, %v, want an answer from up", reply.Status, reply.Echo.Upstream, err)
			}
			e.Stop()
		})
	}
}
