package xds_test

import (
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"

	"dragoman/xds"
)

// fourTypes are those of the protocol document. Its rules are the same for the
// others.
func fourTypes() []string { return []string{"cds", "eds", "lds", "rds"} }

// everything has two resources of each type in an edition.
func everything(edition string) string {
	return strings.ReplaceAll("cds a=N b=N; eds a=N b=N; lds a=N b=N; rds a=N b=N", "N", edition)
}

// more has one more of each.
func more(edition string) string { return strings.ReplaceAll(everything(edition), "b=", "z=1 b=") }

// "Basic Protocol Overview": a first request is answered with the resources, a
// version and a nonce, on the stream of all types and on that of one.
func TestConformFirstResponse(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		version := s.put(everything("1")).Versions[typeURLs[typ]]
		for _, x := range []*talk{s.ads(delta), s.single(typ, delta)} {
			x.ask(typ, "a", "b")
			if r := x.take(typ + " a=1 b=1"); r.version != version {
				t.Errorf("the version is %q, want that of the snapshot, %q", r.version, version)
			}
		}
	})
}

// "Basic Protocol Overview": nothing is sent before there is something. An
// empty response in its place would delete what a client has.
func TestConformNothingBeforeTheFirstSnapshot(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		x := s.ads(delta)
		x.ask(typ, "a", "b")
		y := s.single(typ, delta)
		y.ask(typ, "a", "b")
		s.await(xds.Opened, 2)
		s.put(everything("1"))
		x.take(typ + " a=1 b=1")
		y.take(typ + " a=1 b=1")
	})
}

// "When to send an update": an ACK is not answered, a change is, and a
// publication without one is not.
func TestConformACK(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "a", "b")
		x.take(typ + " a=1 b=1")
		x.silent("after an ACK")
		s.put(everything("1"))
		x.silent("after a publication that changes nothing")
		s.put(everything("2"))
		x.reach(typ + " a=2 b=2")
		s.put(everything("1"))
		x.reach(typ + " a=1 b=1")
	})
}

// The same on a stream of one type: what comes next is always the change.
func TestConformACKOnASingleStream(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.single(typ, delta)
		x.ask(typ, "a", "b")
		x.take(typ + " a=1 b=1")
		for _, edition := range []string{"1", "2", "2", "3"} {
			s.put(everything(edition))
		}
		x.reach(typ + " a=3 b=3") // 2 may come on the way
		s.put(everything("4"))
		x.reach(typ + " a=4 b=4")
	})
}

// "NACK": the refused content is not sent again, a different one is.
func TestConformNACK(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "a")
		x.take(typ + " a=1")
		s.put(everything("2"))
		x.nack(x.want(typ + " a=2"))
		s.await(xds.Refused, 1)
		for _, r := range x.settled() {
			if r.has["a"] == "2" {
				t.Fatalf("sent again: %q", r)
			}
		}
		s.put(more("2"))
		for _, r := range x.settled() {
			if r.has["a"] == "2" {
				t.Fatalf("sent again with another publication: %q", r)
			}
		}
		s.put(everything("3"))
		x.take(typ + " a=3")
		x.silent("in the end")
	})
}

// "NACK", the first response of a stream: there is nothing to go back to.
func TestConformNACKOfTheFirstResponse(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "a")
		x.nack(x.want(typ + " a=1"))
		s.await(xds.Refused, 1)
		for _, r := range x.settled() {
			if len(r.has) > 0 {
				t.Fatalf("sent again: %q", r)
			}
		}
		s.put(everything("2"))
		x.take(typ + " a=2")
	})
}

// Envoy may have applied a part of what it refused, so that the content that it
// accepted before is sent when it is published again.
func TestConformBackAfterANACK(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "a")
		x.take(typ + " a=1")
		s.put(everything("2"))
		x.nack(x.want(typ + " a=2"))
		s.await(xds.Refused, 1)
		s.put(everything("1"))
		if r := x.next(); r.has["a"] != "1" {
			t.Errorf("the response is %q, want a=1", r)
		} else {
			x.ack(r)
		}
		x.silent("in the end")
	})
}

// "ACK and NACK semantics summary": error_detail makes a NACK, and nothing
// else. An old version beside an open nonce does not.
func TestConformOnlyErrorDetailIsANACK(t *testing.T) {
	s := serve(t, quick())
	s.put(everything("1"))
	x := s.ads(false)
	x.ask("rds", "a")
	x.take("rds a=1")
	s.put(everything("2"))
	r := x.want("rds a=2")
	x.answer(r, "") // with the version of before
	x.silent("after an ACK with an old version")
	if n := s.count(xds.Refused); n > 0 {
		t.Errorf("%d refusals, want none", n)
	}
}

// "Resource updates": a request whose nonce is stale is not answered, and says
// nothing of the newer response.
func TestConformStaleNonce(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "a")
		old := x.take(typ + " a=1")
		s.put(everything("2"))
		r := x.want(typ + " a=2")
		x.answer(old, "")
		x.silent("after a stale ACK")
		x.answer(old, "a stale no")
		x.silent("after a stale NACK")
		x.answer(said{typ: typ, nonce: "not one of yours"}, "a stray no")
		x.silent("after a stray NACK")
		x.ack(r)
		s.put(everything("3"))
		x.take(typ + " a=3")
		if n := s.count(xds.Refused); n > 0 {
			t.Errorf("%d refusals, want none", n)
		}
	})
}

// "Resource updates": names in a stale request of the state of the world are
// not answered; they come again with the answer to the newer response.
func TestConformStaleNames(t *testing.T) {
	s := serve(t, quick())
	s.put(everything("1"))
	x := s.ads(false)
	x.ask("rds", "a")
	old := x.take("rds a=1")
	s.put(everything("2"))
	r := x.want("rds a=2")
	x.names["rds"] = []string{"a", "b"}
	x.answer(old, "")
	x.silent("after names with a stale nonce")
	x.ack(r)
	x.reach("rds a=2 b=2")
}

// "Incremental xDS": in delta the subscriptions of a request count even if its
// nonce is stale.
func TestConformStaleNoncesDoNotHideSubscriptions(t *testing.T) {
	s := serve(t, quick())
	s.put(everything("1"))
	x := s.ads(true)
	x.ask("rds", "a")
	old := x.take("rds a=1")
	s.put(everything("2"))
	x.take("rds a=2")
	x.names["rds"] = []string{"a", "b"}
	x.send(&discoveryv3.DeltaDiscoveryRequest{
		TypeUrl: typeURLs["rds"], ResponseNonce: old.nonce, ResourceNamesSubscribe: []string{"b"},
	})
	x.take("rds b=2")
	x.send(&discoveryv3.DeltaDiscoveryRequest{
		TypeUrl: typeURLs["rds"], ResponseNonce: old.nonce, ResourceNamesUnsubscribe: []string{"b"},
	})
	x.silent("after leaving b")
	s.put(everything("3"))
	x.take("rds a=3")
}

// "When to send an update": a request supersedes those before it of its type.
func TestConformTheLatestRequestCounts(t *testing.T) {
	s := serve(t, quick())
	x := s.ads(false)
	x.ask("eds", "a")
	x.ask("eds", "a", "b")
	x.ask("eds", "b")
	s.await(xds.Opened, 1)
	s.put("cds c=1")
	x.silent("before there is a resource")
	s.put(everything("1"))
	x.take("eds b=1")
	x.silent("after it")
}

// "ACK/NACK and resource type instance version": a nonce does not survive its
// stream. A new stream begins without one, with the version that the client
// has seen, and gets names that the old stream had not asked for.
func TestConformNewStream(t *testing.T) {
	for _, typ := range []string{"eds", "rds"} {
		t.Run(typ, func(t *testing.T) {
			s := serve(t, quick())
			s.put(everything("1"))
			x := s.ads(false)
			x.ask(typ, "a")
			x.take(typ + " a=1")
			x.hangUp()
			y := s.ads(false)
			y.accepted, y.state = x.accepted, x.state
			y.ask(typ, "a", "b")
			y.reach(typ + " a=1 b=1")
			y.settled()
			s.put(everything("2"))
			y.reach(typ + " a=2 b=2")
		})
	}
}

// A new stream of a client that has the newest of a wildcard may be told
// nothing, or all of it; what is published next comes.
func TestConformNewStreamOfAWildcard(t *testing.T) {
	for _, typ := range []string{"cds", "lds"} {
		t.Run(typ, func(t *testing.T) {
			s := serve(t, quick())
			s.put(everything("1"))
			x := s.ads(false)
			x.ask(typ)
			x.take(typ + " a=1 b=1")
			x.hangUp()
			for range 2 {
				y := s.ads(false)
				y.accepted[typ], y.state[typ] = x.accepted[typ], x.state[typ]
				y.ask(typ)
				y.settled()
				y.has(typ + " a=1 b=1")
				y.hangUp()
			}
			s.put(everything("2"))
			z := s.ads(false)
			z.accepted[typ], z.state[typ] = x.accepted[typ], x.state[typ]
			z.ask(typ)
			z.take(typ + " a=2 b=2")
		})
	}
}

// "Basic Protocol Overview": only the first request is sure to have the node,
// and it may come again.
func TestConformNode(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask("cds")
		x.take("cds a=1 b=1")
		x.node = &corev3.Node{Id: "conform", Cluster: "conform"}
		x.ask("lds")
		x.take("lds a=1 b=1")
		x.ask("rds", "b")
		x.take("rds b=1")
		if n := s.count(xds.Opened); n != 1 {
			t.Errorf("%d streams were opened, want 1", n)
		}
	})
}

// Two streams of one node have nothing in common but what they are told.
func TestConformTwoStreamsOfOneNode(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, quick())
		s.put(everything("1"))
		x, y := s.ads(delta), s.ads(delta)
		x.ask("cds")
		x.take("cds a=1 b=1")
		y.ask("cds")
		r := y.want("cds a=1 b=1")
		x.nack(said{typ: "cds", nonce: "of another stream"})
		y.ack(r)
		s.put(everything("2"))
		x.nack(x.want("cds a=2 b=2"))
		y.take("cds a=2 b=2")
		s.put(everything("3"))
		y.take("cds a=3 b=3")
		x.reach("cds a=3 b=3")
	})
}

// A stream of one type has no other, and the type need not be said. On the
// stream of all types it must be, and it must be known.
func TestConformTypes(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.single("lds", delta)
		x.asked["lds"] = true
		x.ask("")
		x.take("lds a=1 b=1")
		x.ask("cds")
		if got := x.status().Code(); got != codes.InvalidArgument {
			t.Errorf("another type on a stream of one ends it with %v, want InvalidArgument", got)
		}
		y := s.ads(delta)
		y.ask("")
		if got := y.status().Code(); got != codes.InvalidArgument {
			t.Errorf("no type on ADS ends it with %v, want InvalidArgument", got)
		}
		z := s.ads(delta)
		z.ask("cds")
		z.take("cds a=1 b=1")
		var m discoveryv3.DiscoveryRequest // both forms have the type in one field
		m.TypeUrl = "type.googleapis.com/made.up"
		if delta {
			z.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: m.GetTypeUrl()})
		} else {
			z.send(&m)
		}
		if got := z.status().Code(); got != codes.InvalidArgument {
			t.Errorf("an unknown type ends a stream with %v, want InvalidArgument", got)
		}
	})
}

// "Aggregated Discovery Service": the exchanges of several types share a
// stream and do not mix. Answers may come in any order, and what was not asked
// for is not sent (which every response is checked for).
func TestConformTypesInterleave(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		var open []said
		for _, typ := range []string{"rds", "cds", "lds"} {
			x.ask(typ, "a")
		}
		for range 3 {
			open = append(open, x.next())
		}
		slices.SortFunc(open, func(a, b said) int { return strings.Compare(b.typ, a.typ) })
		for _, r := range open {
			x.ack(r)
		}
		x.silent("after all answers")
		x.has("cds a=1")
		x.has("lds a=1")
		x.has("rds a=1")
		s.put("cds a=1 b=2; eds a=9; lds a=1 b=1; rds a=2 b=2")
		x.nack(x.want("rds a=2"))
		s.await(xds.Refused, 1)
		s.put("cds a=1 b=3; eds a=8; lds a=2 b=2; rds a=2 b=2")
		for _, r := range append(x.reach("lds a=2"), x.settled()...) {
			if r.typ == "rds" && len(r.has) > 0 {
				t.Errorf("a refused %q is sent again with another type", r)
			}
		}
		s.put("lds a=2 b=2; rds a=3 b=3")
		x.reach("rds a=3")
		x.reach("cds")
	})
}

// A refusal is an event of its own stream and type, once.
func TestConformOneRefusalOneEvent(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask("lds", "a")
		r := x.want("lds a=1")
		refusal := &rpcstatus.Status{Message: "no"}
		for range 3 { // the same three times: the nonce is open once
			if delta {
				x.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURLs["lds"], ResponseNonce: r.nonce, ErrorDetail: refusal})
			} else {
				x.send(&discoveryv3.DiscoveryRequest{TypeUrl: typeURLs["lds"], ResponseNonce: r.nonce, ErrorDetail: refusal})
			}
		}
		s.await(xds.Refused, 1)
		for _, r := range x.settled() {
			t.Logf("after the refusal: %q", r)
		}
		if n := s.count(xds.Refused); n != 1 {
			t.Errorf("%d refusals, want 1", n)
		}
	})
}
