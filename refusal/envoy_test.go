package refusal_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/diag"
	"dragoman/internal/envoytest"
	"dragoman/model"
	"dragoman/refusal"
	"dragoman/snapshot"
	"dragoman/translator"
	"dragoman/xds"
)

const patience = 30 * time.Second

// A rig is a server of xDS with a tracker, and one Envoy.
type rig struct {
	*refusal.Tracker

	t      *testing.T
	server *xds.Server
	envoy  *envoytest.Envoy

	mu    sync.Mutex // guards what follows
	nacks []string
}

// startRig publishes something that is fine and waits for an Envoy to have it.
func startRig(t *testing.T, delta bool) *rig {
	t.Helper()
	ls, err := xds.Listen(t.Context(), "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t}
	r.Tracker = refusal.New(refusal.Options{Log: slog.New(slog.DiscardHandler), Present: refusal.Some})
	r.server = xds.New(xds.Options{Observe: r.observe, Linger: -1})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.server.Run(ctx, ls) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	r.publish(fine(0))
	bootstrap := envoytest.Original(t, ls[0].Addr().(*net.TCPAddr).Port)
	if delta {
		bootstrap = strings.ReplaceAll(bootstrap, "api_type: GRPC", "api_type: DELTA_GRPC")
	}
	r.envoy = envoytest.Start(t, envoytest.Options{Bootstrap: bootstrap})
	r.envoy.WaitLive(t)
	return r
}

// observe is what dragoman serve does with events.
func (r *rig) observe(e xds.Event) {
	switch e.Kind {
	case xds.Opened:
		r.Opened(refusal.Stream{ID: e.Stream, Node: e.Node, Cluster: e.Cluster, Peer: e.Peer})
	case xds.Closed:
		r.Closed(e.Stream)
	case xds.Assigned:
		r.Assigned(e.Stream, e.Versions)
	case xds.Asked:
		r.Asked(e.Stream, e.Type)
	case xds.Dropped:
		r.Dropped(e.Stream, e.Type)
	case xds.Accepted, xds.Partly:
		r.Accepted(e.Stream, e.Type, e.Version)
	case xds.Refused:
		in := refusal.Refusal{Stream: e.Stream, Type: e.Type, Version: e.Version, Words: e.Words, Candidates: e.Names}
		for _, one := range e.Resources {
			in.Resources = append(in.Resources, refusal.Resource(one))
		}
		r.Refused(in)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.nacks = append(r.nacks, e.Type+" "+e.Words)
	case xds.Published, xds.Offered, xds.Stuck:
	}
}

// publish publishes resources as if they were from service good and bad, each
// in its file, of which the latter has changed.
func (r *rig) publish(res translator.Resources) {
	r.t.Helper()
	s, err := snapshot.Build(res)
	if err != nil {
		r.t.Fatal(err)
	}
	config := refusal.Some()
	config.Listeners["bad"] = &model.Listener{Name: "bad", Origin: model.Origin{File: "l.yaml", Line: 4, Col: 1}, TLS: &model.TLS{Certificates: []model.Certificate{{Secret: "bad"}}}}
	r.Published(refusal.Publication{
		Version: s.Version, Types: s.Versions, Config: config, Files: []string{"bad.yaml"},
		Content: func(typeURL, name string) string {
			if one := s.All(typeURL).Get(name); one != nil {
				return one.Version
			}
			return ""
		},
	})
	if err := r.server.Publish(r.t.Context(), s); err != nil {
		r.t.Fatal(err)
	}
}

// answers waits until the good service answers with a number.
func (r *rig) answers(n int) {
	r.t.Helper()
	envoytest.Eventually(r.t, patience, fmt.Sprint("good answers ", n), func() error {
		reply, err := envoytest.Ask(r.t, envoytest.Request{URL: "http://" + r.envoy.Listener(r.t, "m") + "/", Host: "good.example.com"})
		if err == nil && reply.Status != 400+n {
			err = fmt.Errorf("it answers %d", reply.Status)
		}
		return err
	})
}

// problem waits for the one problem there is.
func (r *rig) problem() diag.Problem {
	r.t.Helper()
	var p diag.Problem
	envoytest.Eventually(r.t, patience, "a problem", func() error {
		all := r.Problems()
		if len(all) != 1 || strings.Contains(all[0].Msg, "one ") {
			return fmt.Errorf("there are %d, such as %q", len(all), fmt.Sprint(all))
		}
		p = all[0]
		return nil
	})
	return p
}

// with is something fine with the bad thing in it.
func (b bad) with(n int) translator.Resources {
	r := fine(n)
	b.put(&r)
	return r
}

// wants waits for a problem, and compares it.
func (r *rig) wants(b bad) {
	r.t.Helper()
	p, name, code, severity := r.problem(), "bad", diag.Refused, diag.Error
	if b.typ == resource.RouteType {
		name = "l"
	}
	if b.own {
		code, severity = diag.OwnTrouble, diag.Warning
	}
	if p.File != b.file || p.Line < 1 || p.Code != code || p.Severity != severity ||
		!strings.Contains(p.Msg, fmt.Sprintf("%q is refused by test-id: ", name)) {
		r.t.Errorf("the problem is %s %s %s: %s; want %s in %s about %q", p.At(), p.Severity, p.Code, p.Msg, code, b.file, name)
	}
}

func (r *rig) refusals() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.nacks)
}

// Whatever Envoy refuses is traced to its file, once for each content, and
// keeps nothing good from being applied: neither what came with it nor what
// comes after it. When it is mended it is over.
func TestEnvoyRefusals(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := uint32(taken.Addr().(*net.TCPAddr).Port)
	for form, delta := range map[string]bool{"sotw": false, "delta": true} {
		t.Run(form, func(t *testing.T) {
			r := startRig(t, delta)
			n := 0
			for _, b := range bads(port) {
				t.Run(b.name, func(t *testing.T) {
					r.t = t
					n += 3
					before := len(r.refusals())
					start := time.Now()
					r.publish(b.with(n))
					r.wants(b)
					t.Logf("a problem after %v", time.Since(start).Round(time.Millisecond))
					r.answers(n)
					r.publish(b.with(n + 1)) // good news, and the same
					r.answers(n + 1)
					want := 1
					if b.unnamed {
						want = 2 // with others, and alone
					}
					if got := r.refusals()[before:]; len(got) != want {
						t.Errorf("%d NACKs, want %d: %q", len(got), want, got)
					}
					r.publish(fine(n + 2))
					r.answers(n + 2)
					envoytest.Eventually(t, patience, "it is over", func() error {
						if all := r.Problems(); len(all) > 0 {
							return errors.New(all[0].Msg)
						}
						return nil
					})
				})
			}
		})
	}
}
