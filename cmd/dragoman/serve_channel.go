package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/spf13/pflag"

	"dragoman/access"
	"dragoman/snapshot"
	"dragoman/xds"
)

// A channel is what the flags of serve say about who may speak to it.
type channel struct {
	files access.Files
	rules string // path

	maxStreams int
}

func (c *channel) flags(f *pflag.FlagSet) {
	f.StringVar(&c.files.Cert, "tls-cert", "", "speak TLS, with the certificate in this file; it is read again when it changes")
	f.StringVar(&c.files.Key, "tls-key", "", "file with the private key of --tls-cert")
	f.StringVar(&c.files.ClientCA, "tls-client-ca", "", "require a certificate of clients, of an authority in this file")
	f.StringVar(&c.rules, "authorize", "", "file of rules that say which nodes the owner of a client's certificate may be; it is read again when it changes")
	f.IntVar(&c.maxStreams, "max-streams", 20_000, "how many xDS streams, and connections, there may be at once; one client may have half of them")
}

// check refuses flags that mean nothing together.
func (c *channel) check() error {
	switch {
	case (c.files.Cert == "") != (c.files.Key == ""):
		return errors.New("--tls-cert and --tls-key go together")
	case c.files.ClientCA != "" && c.files.Cert == "":
		return errors.New("--tls-client-ca is for TLS: it needs --tls-cert and --tls-key")
	case c.rules != "" && c.files.ClientCA == "":
		return errors.New("--authorize goes by the certificates of clients: it needs --tls-client-ca")
	case c.maxStreams < 2:
		return errors.New("--max-streams must be 2 at least: one client may have half of them")
	}
	return nil
}

// A guard is what the files of a channel say, now and when they change.
type guard struct {
	certificates *access.Certificates // nil for plain text
	rules        *access.Rules        // nil if any client may be any node
}

// open reads the files.
func (c *channel) open(log *slog.Logger) (guard, error) {
	var g guard
	var certs, rules error
	if c.files.Cert != "" {
		g.certificates, certs = access.OpenCertificates(c.files, log)
	}
	if c.rules != "" {
		g.rules, rules = access.OpenRules(c.rules, log)
	}
	return g, errors.Join(certs, rules)
}

// options are a server's with this channel, guarded so.
func (c *channel) options(g guard, log *slog.Logger) xds.Options {
	o := xds.Options{Log: log, MaxOpen: c.maxStreams}
	if g.certificates != nil {
		o.TLS = g.certificates.Config
	}
	if g.rules != nil {
		o.Authorize = func(identity []string, node *corev3.Node, snap *snapshot.Snapshot) error {
			return g.rules.Check(identity, claim(node, snap))
		}
	}
	return o
}

// claim is who a node says it is, with the groups that it would be served for.
func claim(node *corev3.Node, snap *snapshot.Snapshot) access.Claim {
	out := access.Claim{Node: node.GetId(), Cluster: node.GetCluster(), NoGroups: snap == nil}
	if snap != nil {
		out.Groups = snap.Groups(node)
	}
	return out
}

// run follows the files until ctx ends.
func (g guard) run(ctx context.Context) error {
	var wg sync.WaitGroup
	if g.certificates != nil {
		wg.Go(func() { g.certificates.Run(ctx) })
	}
	if g.rules != nil {
		wg.Go(func() { g.rules.Run(ctx) })
	}
	wg.Wait()
	return nil
}

// warn says what of the channel is open to others. Loopback is not.
func (c *channel) warn(ls []net.Listener, log *slog.Logger) {
	for _, l := range ls {
		tcp, ok := l.Addr().(*net.TCPAddr)
		switch {
		case !ok || tcp.IP.IsLoopback():
		case c.files.Cert == "":
			log.Warn("whoever reaches this address can read the whole configuration, and nothing is encrypted; private keys are withheld there: see --tls-cert",
				slog.String("address", l.Addr().String()))
		case c.files.ClientCA == "":
			log.Warn("whoever reaches this address can read the whole configuration: see --tls-client-ca",
				slog.String("address", l.Addr().String()))
		}
	}
}
