package faults_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// A cut is a way in which the network fails for a while.
type cut struct {
	name       string
	begin, end func(*wire)
	deaf       bool // nothing arrives before the end
}

func cuts() []cut {
	out := []cut{
		{"blackhole", (*wire).block, (*wire).unblock, true},
		{"reset", func(w *wire) { w.refuse(true) }, func(w *wire) { w.refuse(false) }, true},
		{"half open, the server does not know", func(w *wire) { w.lose(func(p *pair) net.Conn { return p.envoy }) }, func(*wire) {}, false},
	}
	if long { // Envoy asks every 30 s whether there is still somebody
		out = append(out, cut{"half open, Envoy does not know", func(w *wire) { w.lose(func(p *pair) net.Conn { return p.server }) }, func(*wire) {}, false})
	}
	return out
}

// The network between Envoy and the control plane fails, while files are
// edited. What was edited arrives when it is back.
func TestTheNetworkIsCut(t *testing.T) {
	t.Parallel()
	for form := range forms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			var line *wire
			w := create(t, options{form: form, bootstrap: func(text string, xds int) string {
				line = lay(t, fmt.Sprintf("localhost:%d", xds))
				text = strings.Replace(text, fmt.Sprintf("port_value: %d", xds), fmt.Sprintf("port_value: %d", line.port()), 1)
				return strings.Replace(text, `address: "localhost"`, `address: "127.0.0.1"`, 1)
			}})
			for i, c := range cuts() {
				t.Run(c.name, func(t *testing.T) {
					l := w.load(t)
					c.begin(line)
					w.edit(t, i+1)
					hold(t, time.Duration(pick(1, 5))*time.Second)
					if c.deaf && w.revision(t) != i {
						t.Error("the edit arrived over a network that was cut")
					}
					c.end(line)
					took := w.sees(t, i+1)
					over(t, l, "network: "+c.name+", "+form, slowest("the edit arrived after", []time.Duration{took}))
				})
			}
		})
	}
}
