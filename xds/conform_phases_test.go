package xds_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"dragoman/internal/envoytest"
	"dragoman/xds"
)

// "Eventual consistency considerations": make before break. New clusters come
// beside the old ones, routes when the client has them, and the old ones go
// when it has the routes, and a little later.
func TestConformMakeBeforeBreak(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		const linger = 50 * time.Millisecond
		s := serve(t, patient(linger))
		x := routed(s, delta)
		s.put("cds c2=1; rds r=2")
		made := x.want(x.form("cds c1=1 c2=1", "cds c2=1"))
		x.silent("while the new cluster is not acknowledged")
		x.ack(made)
		switched := x.want("rds r=2")
		for begin := time.Now(); time.Since(begin) < 2*linger; {
			x.silent("while the routes are not acknowledged")
		}
		begin := time.Now()
		x.ack(switched)
		x.take(x.form("cds c2=1", "cds -c1"))
		if took := time.Since(begin); took < linger {
			t.Errorf("the old cluster went after %v, want %v at least", took, linger)
		}
		x.silent("in the end")
	})
}

// routed is a client with cluster c1 and a route to it.
func routed(s *subject, delta bool) *talk {
	s.t.Helper()
	s.put("cds c1=1; rds r=1")
	x := s.ads(delta)
	x.ask("cds")
	x.take("cds c1=1")
	x.ask("rds", "r")
	x.take("rds r=1")
	return x
}

// The same with endpoints. They are asked for before the cluster is
// acknowledged, since Envoy waits with that until it has them.
func TestConformMakeBeforeBreakWithEndpoints(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, patient(time.Millisecond))
		s.put("cds eds-a=1; eds eds-a=1; rds r=1")
		x := s.ads(delta)
		x.ask("cds")
		x.take("cds eds-a=1")
		x.ask("eds", "eds-a")
		x.take("eds eds-a=1")
		x.ask("rds", "r")
		x.take("rds r=1")
		s.put("cds eds-b=1; eds eds-b=1; rds r=2")
		made := x.want(x.form("cds eds-a=1 eds-b=1", "cds eds-b=1"))
		x.ask("eds", "eds-a", "eds-b")
		ends := x.next()
		if ends.typ != "eds" || ends.has["eds-b"] != "1" {
			t.Fatalf("the next response is %q, want eds-b=1 in it", ends)
		}
		x.silent("while nothing is acknowledged")
		x.ack(ends)
		x.silent("while the cluster is not acknowledged")
		x.ack(made)
		x.take("rds r=2")
		x.reach("cds eds-b=1")
		if x.state["eds"]["eds-b"] != "1" {
			t.Errorf("the endpoints are %v, want those of eds-b in it", x.state["eds"])
		}
	})
}

// A client that has nothing waits for nothing: Envoy asks for routes and
// listeners before it acknowledges its first clusters.
func TestConformFirstConfigurationAtOnce(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, patient(time.Millisecond))
		s.put("cds c1=1; lds l=1; rds r=1")
		x := s.ads(delta)
		x.ask("cds")
		r := x.want("cds c1=1")
		x.ask("lds")
		x.take("lds l=1")
		x.ask("rds", "r")
		x.take("rds r=1")
		x.ack(r)
		x.silent("in the end")
	})
}

// What is asked for while clusters are on their way is answered as it was.
func TestConformAskedForInBetween(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, patient(time.Millisecond))
		s.put("cds c1=1; rds r=1 q=1")
		x := s.ads(delta)
		x.ask("cds")
		x.take("cds c1=1")
		x.ask("rds", "r")
		x.take("rds r=1")
		s.put("cds c2=1; rds r=2 q=2")
		made := x.want(x.form("cds c1=1 c2=1", "cds c2=1"))
		x.ask("rds", "r", "q")
		r := x.next()
		x.ack(r)
		if r.typ != "rds" || r.has["q"] != "1" || r.has["r"] == "2" {
			t.Errorf("the next response is %q, want q=1 in it", r)
		}
		x.ack(made)
		x.careful("cds c2=1", "rds q=2 r=2")
	})
}

// careful takes all responses until the client has just this, and fails when a
// route is without its cluster at any time.
func (x *talk) careful(clusters, routes string) {
	x.t.Helper()
	for !x.is(clusters) || !x.is(routes) {
		r := x.next()
		x.ack(r)
		x.whole(r)
	}
}

// whole fails unless every route has its cluster.
func (x *talk) whole(after said) {
	x.t.Helper()
	for name, edition := range x.state["rds"] {
		if x.state["cds"]["c"+edition] == "" {
			x.t.Fatalf("after %q route %s is without its cluster c%s; there are %v", after, name, edition, x.state["cds"])
		}
	}
}

// What is published while the client has not answered waits, is not lost, and
// does not keep the routes from what they wait for.
func TestConformPublishedInBetween(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, patient(time.Millisecond))
		x := routed(s, delta)
		s.put("cds c2=1; rds r=2")
		made := x.want(x.form("cds c1=1 c2=1", "cds c2=1"))
		s.put("cds c3=1; rds r=3")
		s.put("cds c4=1; rds r=4")
		x.silent("while clusters are not acknowledged")
		x.ack(made)
		x.careful("cds c4=1", "rds r=4")
	})
}

// Publications and answers come at random times, and no route is ever without
// its cluster.
func TestConformNoRouteLacksItsCluster(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		const seed, rounds = 3, 200
		random := rand.New(rand.NewPCG(seed, 0))
		s := serve(t, patient(time.Millisecond))
		x := routed(s, delta)
		var open []said
		for i := range rounds {
			if random.IntN(2) == 0 {
				s.put(randomWorld(random, fmt.Sprint(i+2)))
			}
			for range random.IntN(3) {
				select {
				case r := <-x.got:
					x.last[r.typ] = r
					open = append(open, r)
				default:
				}
			}
			for len(open) > 0 && random.IntN(2) == 0 {
				x.ack(open[0])
				x.whole(open[0])
				open = open[1:]
			}
		}
		s.put("cds c1=9; rds r=1") // unlike all before
		for _, r := range open {
			x.ack(r)
			x.whole(r)
		}
		x.careful("cds c1=9", "rds r=1")
		x.silent("in the end")
	})
}

// randomWorld has a route to one of its clusters, whose names come again.
func randomWorld(random *rand.Rand, edition string) string {
	to := 1 + random.IntN(4)
	clusters := map[int]bool{to: true}
	for range random.IntN(4) {
		clusters[1+random.IntN(4)] = true
	}
	var b strings.Builder
	fmt.Fprintf(&b, "rds r=%d; cds", to)
	for n := range clusters {
		fmt.Fprintf(&b, " c%d=%d", n, 1+random.IntN(2))
	}
	fmt.Fprintf(&b, " z=%s", edition)
	return b.String()
}

// What lingers and comes back was never gone.
func TestConformBackBeforeItIsGone(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, patient(time.Hour))
		s.put("cds a=1 b=1; rds r=1")
		x := s.ads(delta)
		x.ask("cds")
		x.take("cds a=1 b=1")
		s.put("cds a=1; rds r=1")
		x.silent("while b lingers")
		s.put("cds a=2; rds r=1")
		x.take(x.form("cds a=2 b=1", "cds a=2"))
		s.put("cds a=2 b=1; rds r=1")
		x.silent("after b is back")
		s.put("cds a=2 b=2; rds r=1")
		x.take(x.form("cds a=2 b=2", "cds b=2"))
	})
}

// A client that does not answer gets its routes all the same, in the end.
func TestConformTheWaitIsBounded(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		const warm = 100 * time.Millisecond
		s := serve(t, xds.Options{Linger: time.Millisecond, WarmTimeout: warm})
		x := routed(s, delta)
		begin := time.Now()
		s.put("cds c2=1; rds r=2")
		x.want(x.form("cds c1=1 c2=1", "cds c2=1"))
		x.want("rds r=2")
		if took := time.Since(begin); took < warm {
			t.Errorf("the routes came after %v, want %v at least", took, warm)
		}
		if n := s.count(xds.Stuck); n != 1 {
			t.Errorf("%d events say that an Envoy is stuck, want 1", n)
		}
	})
}

// A stream that follows a broken one says what the client has: by its version,
// or by those of its resources. From there it is make before break as well.
func TestConformMakeBeforeBreakAfterAReconnect(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, patient(time.Millisecond))
		s.put("cds c1=1; rds r=1")
		x := s.ads(delta)
		clusters, routes := first(x, "cds", " c1=1"), first(x, "rds", " r=1", "r")
		x.hangUp()
		s.put("cds c2=1; rds r=2")
		y := s.ads(delta)
		if delta {
			y.resume("cds", clusters.versions, x.state["cds"])
			y.resume("rds", routes.versions, x.state["rds"], "r")
		} else {
			y.accepted, y.state = x.accepted, x.state
			y.ask("cds")
			y.ask("rds", "r")
		}
		y.careful("cds c2=1", "rds r=2")
	})
}

// So it is after a restart, if what served before it is known, be it that the
// client comes back before that.
func TestConformMakeBeforeBreakAfterARestart(t *testing.T) {
	for _, late := range []bool{false, true} {
		bothForms(t, func(t trial) {
			old := serve(t, patient(time.Millisecond))
			served := old.put("cds c1=1; rds r=1")
			x := old.ads(t.delta)
			clusters, routes := first(x, "cds", " c1=1"), first(x, "rds", " r=1", "r")
			s := serve(t, patient(time.Millisecond))
			if !late {
				s.Remember(served)
			}
			y := s.ads(t.delta)
			if t.delta {
				y.resume("cds", clusters.versions, x.state["cds"])
				y.resume("rds", routes.versions, x.state["rds"], "r")
			} else {
				y.accepted, y.state = x.accepted, x.state
				y.ask("cds")
				y.ask("rds", "r")
			}
			envoytest.Eventually(t, 30*time.Second, "both types are asked for", func() error {
				if n := s.count(xds.Asked); n != 2 {
					return fmt.Errorf("%d are", n)
				}
				return nil
			})
			s.Remember(served)
			s.put("cds c2=1; rds r=2")
			y.careful("cds c2=1", "rds r=2")
		})
	}
}

// Streams of one type on one connection are one Envoy: the routes wait for the
// clusters of another stream.
func TestConformMakeBeforeBreakOnSingleStreams(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, patient(time.Millisecond))
		s.put("cds c1=1; rds r=1")
		x, y := s.single("cds", delta), s.single("rds", delta)
		first(x, "cds", " c1=1")
		first(y, "rds", " r=1", "r")
		s.put("cds c2=1; rds r=2")
		r := x.want(x.form("cds c1=1 c2=1", "cds c2=1"))
		for range 5 { // new streams of that Envoy get what the others have
			z := s.single("rds", delta)
			first(z, "rds", " r=1", "r")
			z.hangUp()
		}
		select {
		case r := <-y.got:
			t.Fatalf("%q comes before the clusters are acknowledged", r)
		default:
		}
		x.ack(r)
		y.take("rds r=2")
		x.reach("cds c2=1")
	})
}

// picky takes responses until the client has just this, but for those with a
// bad resource, which it refuses with words about it, whole or in part. It
// returns how many it has refused.
func (x *talk) picky(until, bad, words string, whole bool) int {
	x.t.Helper()
	name, edition, _ := strings.Cut(bad, "=")
	refused := 0
	for !x.is(until) {
		r := x.next()
		if r.has[name] != edition {
			x.ack(r)
			continue
		}
		refused++
		if x.answer(r, words); !whole {
			before := x.state[r.typ][name]
			x.apply(r)
			delete(x.state[r.typ], name)
			if before != "" {
				x.state[r.typ][name] = before
			}
		}
	}
	return refused
}

// A refused cluster or listener is refused once. Its siblings come, whether the
// client took them from the refused response or not, and so does what is
// published later, in both forms.
func TestConformSiblingsOfARefusedResource(t *testing.T) {
	for typ, words := range map[string]string{
		"cds": "Error adding/updating cluster(s) bad: no such thing",
		"lds": "Error adding/updating listener(s) bad: cannot bind '0.0.0.0:80'",
	} {
		for name, whole := range map[string]bool{"in part": false, "whole": true} {
			t.Run(typ+" "+name, func(t *testing.T) {
				bothForms(t, func(t trial) { siblings(t, whole, typ, words) })
			})
		}
	}
}

func siblings(t trial, whole bool, typ, words string) {
	t.Helper()
	s := serve(t, quick())
	s.put(typ + " a=1 b=1")
	x := s.ads(t.delta)
	first(x, typ, " a=1 b=1")
	s.put(typ + " a=2 b=1 bad=1 good=1")
	if n := x.picky(typ+" a=2 b=1 good=1", "bad=1", words, whole); n != 1 {
		t.Errorf("bad was refused %d times, want once", n)
	}
	for edition := 3; edition < 6; edition++ {
		rest := fmt.Sprintf(" a=%d b=1 good=1", edition)
		s.put(typ + rest + " bad=1")
		if n := x.picky(typ+rest, "bad=1", words, whole); n != 0 {
			t.Errorf("with another edit bad was sent again")
		}
	}
	x.settled()
	s.put(typ + " a=5 b=1 bad=2 good=1")
	x.reach(typ + " a=5 b=1 bad=2 good=1")
	if n := s.count(xds.Refused); n != 1 {
		t.Errorf("%d refusals are told, want 1", n)
	}
}

// A change that is refused leaves the client with the content that it had.
func TestConformRefusedChange(t *testing.T) {
	for typ, words := range map[string]string{
		"cds": "Error adding/updating cluster(s) b: no such thing",
		"lds": "Error adding/updating listener(s) b: cannot bind '0.0.0.0:80'",
	} {
		t.Run(typ, func(t *testing.T) {
			bothForms(t, func(t trial) {
				delta := t.delta
				s := serve(t, quick())
				s.put(typ + " a=1 b=1")
				x := s.ads(delta)
				first(x, typ, " a=1 b=1")
				s.put(typ + " a=2 b=2")
				if n := x.picky(typ+" a=2 b=1", "b=2", words, true); n != 1 {
					t.Errorf("b was refused %d times, want once", n)
				}
				s.put(typ + " a=3 b=2")
				x.reach(typ + " a=3 b=1")
				s.put(typ + " a=3 b=3")
				x.reach(typ + " a=3 b=3")
			})
		})
	}
}

// One listener of twenty is refused, at the start. The others are there, and
// follow every edit.
func TestConformOneListenerOfTwenty(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		const words = "Error adding/updating listener(s) l07: cannot bind '0.0.0.0:80': Address already in use"
		others := func(edition int) string {
			var b strings.Builder
			for i := range 20 {
				if i != 7 {
					fmt.Fprintf(&b, " l%02d=%d", i, edition)
				}
			}
			return b.String()
		}
		s := serve(t, quick())
		s.put("lds l07=1" + others(1))
		x := s.ads(delta)
		x.ask("lds")
		refused := x.picky("lds"+others(1), "l07=1", words, false)
		for edition := 2; edition < 6; edition++ {
			s.put("lds l07=1" + others(edition))
			refused += x.picky("lds"+others(edition), "l07=1", words, false)
		}
		if refused != 1 {
			t.Errorf("it was refused %d times, want once", refused)
		}
	})
}

// A client that does not say which resource it refuses is asked for each. No
// good one is lost, and the bad one is refused once by itself.
func TestConformRefusalWithoutAName(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "a", "b", "bad", "good")
		if delta {
			x.take(typ + " a=1 b=1 -bad -good")
		} else {
			x.take(typ + " a=1 b=1")
		}
		s.put(strings.ReplaceAll("cds N; eds N; lds N; rds N", "N", "a=2 b=2 bad=1 good=1"))
		if n := x.picky(typ+" a=2 b=2 good=1", "bad=1", "no", true); n > 2 {
			t.Errorf("bad was refused %d times, want twice at most: in company and alone", n)
		}
		for _, r := range x.settled() {
			t.Errorf("%q comes after all has been told", r)
		}
		s.put(strings.ReplaceAll("cds N; eds N; lds N; rds N", "N", "a=3 b=3 bad=1 good=1"))
		if n := x.picky(typ+" a=3 b=3 good=1", "bad=1", "no", true); n > 0 {
			t.Errorf("bad was sent again")
		}
	})
}
