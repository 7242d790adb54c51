package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dragoman/internal/envoytest"
)

// serve and the Envoy of bootstrap, whole: it becomes LIVE, and from then on
// routes; an edit changes what it does; the server ends quickly under it.
func TestBootstrapRoutes(t *testing.T) {
	envoytest.Binary(t)
	for _, tt := range []struct {
		name         string
		listen, dial string // hosts
		flags        []string
		envoyFirst   bool
	}{
		{name: "delta", listen: "localhost", dial: "localhost"},
		{name: "sotw", listen: "localhost", dial: "localhost", flags: []string{"--sotw"}},
		{name: "address", listen: "localhost", dial: "127.0.0.1"},
		{name: "one family of a name", listen: "127.0.0.1", dial: "localhost"},
		{name: "Envoy first", listen: "localhost", dial: "localhost", envoyFirst: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			xds, port := envoytest.FreePort(t), envoytest.FreePort(t)
			dir := t.TempDir()
			one := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "one"})
			two := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "two"})
			edit(t, dir, port, one.Addr)
			bootstrap := output(t, append([]string{
				"bootstrap", "--xds", fmt.Sprintf("%s:%d", tt.dial, xds), "--envoy-admin", "127.0.0.1:0",
			}, tt.flags...)...)

			var stop func()
			serve := func() { stop = serving(t, fmt.Sprintf("%s:%d", tt.listen, xds), dir) }
			if !tt.envoyFirst {
				serve()
			}
			e := envoytest.Start(t, envoytest.Options{Bootstrap: bootstrap})
			if tt.envoyFirst {
				serve()
			}
			e.WaitLive(t)
			if got, err := upstreamOf(t, port); err != nil || got != "one" {
				t.Fatalf("as soon as Envoy is LIVE, asking it: got %q, %v, want one", got, err)
			}
			edit(t, dir, port, two.Addr)
			envoytest.Eventually(t, 30*time.Second, "the edit", func() error {
				if got, err := upstreamOf(t, port); err != nil || got != "two" {
					return fmt.Errorf("got %q, %w, want two", got, err)
				}
				return nil
			})
			stop()
			if got, err := upstreamOf(t, port); err != nil || got != "two" {
				t.Errorf("after the end of serve: got %q, %v, want two", got, err)
			}
		})
	}
}

// edit writes the whole configuration, by a rename as careful editors do.
func edit(t *testing.T, dir string, port int, upstream string) {
	t.Helper()
	text := fmt.Sprintf("service: web\nhosts: ['*']\nupstream: http://%s\n---\nlistener: http\naddress: 127.0.0.1\nport: %d\n", upstream, port)
	hidden := filepath.Join(dir, ".web.yaml")
	if err := os.WriteFile(hidden, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(hidden, filepath.Join(dir, "web.yaml")); err != nil {
		t.Fatal(err)
	}
}

func upstreamOf(t *testing.T, port int) (string, error) {
	t.Helper()
	reply, err := envoytest.Ask(t, envoytest.Request{URL: fmt.Sprintf("http://127.0.0.1:%d/", port)})
	return reply.Echo.Upstream, err
}

// output runs a command that must succeed.
func output(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), args, streams{new(bytes.Buffer), &stdout, &stderr}); code != exitOK {
		t.Fatalf("dragoman %v: exit %d\n%s", args, code, stderr.String())
	}
	return stdout.String()
}

// serving serves dir until the test ends or stop is called, which must not take
// long although an Envoy is connected.
func serving(t *testing.T, listen, dir string, flags ...string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var log bytes.Buffer // of the server alone until it has ended
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"serve", "--listen", listen, "--admin", "off", "--log-level", "debug", dir}, flags...), streams{new(bytes.Buffer), &log, &log})
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if t.Failed() {
			t.Logf("the server's log:\n%s", log.String())
		}
	})
	return func() {
		t.Helper()
		cancel()
		select {
		case code := <-ended:
			if code != exitOK {
				t.Errorf("serve: exit %d, want %d", code, exitOK)
			}
		case <-time.After(10 * time.Second):
			t.Error("serve goes on 10 s after it was told to end")
		}
	}
}
