// Package envoytest runs a real Envoy, the upstreams behind it and the client
// in front of it, for tests only.
//
// Everything listens on loopback and ends with its test; when a test fails, the
// tail of Envoy's log is in its output. The package knows nothing of Dragoman's
// own packages and does not decide what Envoy ought to do. No product code may
// import it.
//
// A typical test:
//
//	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "cart"})
//	e := envoytest.Start(t, envoytest.Options{Bootstrap: envoytest.Original(t, xdsPort)})
//	e.WaitLive(t)
//	envoytest.Eventually(t, 10*time.Second, "cart answers", func() error {
//		reply, err := envoytest.Ask(t, envoytest.Request{URL: "http://" + e.Listener(t, "http") + "/"})
//		…
//	})
package envoytest
