package xds_test

import (
	"fmt"
	"strings"
	"testing"

	"dragoman/xds"
)

// "How the client specifies what resources to return": a first request without
// names and one for "*" ask for everything, of listeners and of clusters.
func TestConformWildcard(t *testing.T) {
	eachType(t, []string{"cds", "lds"}, func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		legacy, explicit := s.ads(delta), s.single(typ, delta)
		legacy.ask(typ)
		explicit.ask(typ, "*")
		both := []*talk{legacy, explicit}
		for _, x := range both {
			x.take(typ + " a=1 b=1")
		}
		s.put("cds a=1 b=1 c=1; lds a=1 b=1 c=1")
		for _, x := range both {
			x.take(typ + x.form(" a=1 b=1 c=1", " c=1"))
		}
		s.put("cds a=1 c=1; lds a=1 c=1")
		for _, x := range both {
			x.take(typ + x.form(" a=1 c=1", " -b"))
		}
		s.put("cds a=1 c=2; lds a=1 c=2")
		for _, x := range both {
			x.take(typ + x.form(" a=1 c=2", " c=2"))
		}
	})
}

// An empty wildcard is answered too: else Envoy would wait for it at its start.
func TestConformEmptyWildcard(t *testing.T) {
	eachType(t, []string{"cds", "lds"}, func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		x := s.ads(delta)
		x.ask(typ)
		s.await(xds.Opened, 1)
		s.put("rds a=1")
		x.take(typ)
		x.silent("after the empty response")
		s.put("cds a=1; lds a=1")
		x.take(typ + " a=1")
		s.put("")
		x.take(typ + x.form("", " -a"))
		x.silent("when there is nothing again")
	})
}

// The same section's example of the state of the world, step by step.
func TestConformWildcardToNamesSotw(t *testing.T) {
	for _, typ := range []string{"cds", "lds"} {
		t.Run(typ, func(t *testing.T) {
			s := serve(t, quick())
			s.put(everything("1"))
			x := s.ads(false)
			x.ask(typ)
			x.take(typ + " a=1 b=1")
			x.ask(typ, "*", "a") // the wildcard goes on
			x.settled()
			x.has(typ + " a=1 b=1")
			s.put(everything("2"))
			x.reach(typ + " a=2 b=2")
			x.ask(typ, "a") // leaves the wildcard
			x.settled()
			s.put(everything("3"))
			x.take(typ + " a=3")
			x.ask(typ) // leaves a, and is no wildcard any more
			x.settled()
			s.put(everything("4"))
			x.silent("after an empty list that followed names")
			x.ask(typ, "*")
			x.reach(typ + " a=4 b=4")
		})
	}
}

// The same section's example of delta.
func TestConformWildcardToNamesDelta(t *testing.T) {
	for _, typ := range []string{"cds", "lds"} {
		t.Run(typ, func(t *testing.T) {
			s := serve(t, quick())
			s.put(everything("1"))
			x := s.ads(true)
			x.ask(typ)
			x.take(typ + " a=1 b=1")
			x.change(typ, []string{"a"}, nil) // the wildcard goes on
			x.take(typ + " a=1")              // "Subscribing to Resources": what is named is sent
			s.put(everything("2"))
			x.reach(typ + " a=2 b=2")
			x.change(typ, nil, []string{"*"}) // leaves the wildcard
			x.settled()
			s.put(everything("3"))
			x.take(typ + " a=3")
			x.change(typ, nil, []string{"a"}) // leaves a, and is no wildcard any more
			x.settled()
			s.put(everything("4"))
			x.silent("after the last name has gone")
			x.change(typ, []string{"*"}, nil)
			x.reach(typ + " a=4 b=4")
		})
	}
}

// "*" beside names is everything and the names.
func TestConformWildcardAndNames(t *testing.T) {
	eachType(t, []string{"cds", "lds"}, func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "*", "a", "ghost")
		x.take(typ + x.form(" a=1 b=1", " a=1 b=1 -ghost"))
		s.put("cds a=1 b=1 ghost=1; lds a=1 b=1 ghost=1")
		x.take(typ + x.form(" a=1 b=1 ghost=1", " ghost=1"))
		s.put(everything("1"))
		x.take(typ + x.form(" a=1 b=1", " -ghost"))
		x.silent("in the end")
	})
}

// "Unsubscribing from Resources", the exception: who leaves a name and has the
// wildcard is told whether the wildcard has it.
func TestConformLeavingANameOfTheWildcard(t *testing.T) {
	for _, typ := range []string{"cds", "lds"} {
		t.Run(typ, func(t *testing.T) {
			s := serve(t, quick())
			s.put(everything("1"))
			x := s.ads(true)
			x.ask(typ, "*", "a", "ghost")
			x.take(typ + " a=1 b=1 -ghost")
			x.change(typ, nil, []string{"a"})
			x.take(typ + " a=1")
			x.change(typ, nil, []string{"ghost"})
			x.take(typ + " -ghost")
			x.silent("after both have gone")
			s.put(everything("2"))
			x.reach(typ + " a=2 b=2")
		})
	}
}

// Who asks for names gets these and no others, at first and when they change.
func TestConformSubset(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "b")
		x.take(typ + " b=1")
		s.put("cds a=2 b=1; eds a=2 b=1; lds a=2 b=1; rds a=2 b=1")
		x.silent("after another has changed")
		s.put(everything("3"))
		x.take(typ + " b=3")
	})
}

// "Grouping Resources into Responses": of listeners and clusters the state of
// the world has all that is subscribed each time. Of others, and in delta, what
// has changed is enough.
func TestConformGrouping(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "a", "b")
		x.take(typ + " a=1 b=1")
		s.put("cds a=1 b=2; eds a=1 b=2; lds a=1 b=2; rds a=1 b=2")
		if full := typ == "cds" || typ == "lds"; full && !delta {
			x.take(typ + " a=1 b=2")
			return
		}
		x.take(typ + " b=2")
	})
}

// A name more is answered with its resource, also if that has not changed.
func TestConformMoreNames(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "a")
		x.take(typ + " a=1")
		x.ask(typ, "a", "b")
		r := x.next()
		x.ack(r)
		if r.has["b"] != "1" {
			t.Errorf("the response to one more name is %q", r)
		}
		x.has(typ + " a=1 b=1")
		x.silent("after it")
		s.put(everything("2"))
		x.reach(typ + " a=2 b=2")
	})
}

// In the state of the world names may change with an ACK.
func TestConformMoreNamesWithAnACK(t *testing.T) {
	for _, typ := range fourTypes() {
		t.Run(typ, func(t *testing.T) {
			s := serve(t, quick())
			s.put(everything("1"))
			x := s.ads(false)
			x.ask(typ, "a")
			r := x.want(typ + " a=1")
			x.names[typ] = []string{"b", "a"}
			x.ack(r)
			x.reach(typ + " a=1 b=1")
			x.settled()
			s.put(everything("2"))
			x.reach(typ + " a=2 b=2")
		})
	}
}

// "Unsubscribing From Resources": of a name that was left nothing more comes.
// Asked for again it is sent, changed or not.
func TestConformFewerNames(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "a", "b")
		x.take(typ + " a=1 b=1")
		x.ask(typ, "a")
		x.settled()
		s.put(everything("2"))
		x.take(typ + " a=2")
		x.ask(typ, "a", "b")
		x.settled()
		x.has(typ + " a=2 b=2")
		x.ask(typ, "a")
		x.settled()
		x.ask(typ, "a", "b")
		r := x.next()
		x.ack(r)
		if r.has["b"] != "2" {
			t.Errorf("the response to a name that is back is %q", r)
		}
		x.silent("in the end")
	})
}

// The last name may go too, and come back.
func TestConformNoNames(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "a", "b")
		x.take(typ + " a=1 b=1")
		x.ask(typ)
		x.settled()
		s.put(everything("2"))
		x.silent("after the last name has gone")
		s.put(more("3"))
		x.silent("after another publication")
		x.state[typ] = nil
		x.ask(typ, "b")
		x.reach(typ + " b=3")
		x.ask(typ)
		x.settled()
		x.ask(typ, "b")
		x.take(typ + " b=3")
	})
}

// "Subscribing to Resources": in delta a name that is already subscribed is
// answered again, since the client may have forgotten the resource.
func TestConformSubscribedAgain(t *testing.T) {
	for _, typ := range fourTypes() {
		t.Run(typ, func(t *testing.T) {
			s := serve(t, quick())
			s.put(everything("1"))
			x := s.ads(true)
			x.ask(typ, "a", "b")
			x.take(typ + " a=1 b=1")
			x.change(typ, []string{"b"}, nil)
			x.take(typ + " b=1")
			x.change(typ, []string{"a", "ghost"}, nil)
			x.take(typ + " a=1 -ghost")
			x.silent("after it")
		})
	}
}

// "Unsubscribing from Resources": superfluous names are ignored.
func TestConformPhantomUnsubscriptions(t *testing.T) {
	for _, typ := range fourTypes() {
		t.Run(typ, func(t *testing.T) {
			s := serve(t, quick())
			s.put(everything("1"))
			x := s.ads(true)
			x.ask(typ, "a")
			x.take(typ + " a=1")
			x.change(typ, nil, []string{"b", "ghost", "*"})
			x.silent("after leaving what was not asked for")
			s.put(everything("2"))
			x.take(typ + " a=2")
		})
	}
}

// "Knowing When a Requested Resource Does Not Exist": delta says so at once.
// The state of the world cannot; of route configurations and endpoints nothing
// comes, of listeners and clusters those that exist. In both forms a resource
// comes when it is there.
func TestConformResourceThatDoesNotExist(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "a", "ghost")
		x.take(typ + x.form(" a=1", " a=1 -ghost"))
		x.silent("while it does not exist")
		s.put("cds a=1 ghost=1; eds a=1 ghost=1; lds a=1 ghost=1; rds a=1 ghost=1")
		x.reach(typ + " a=1 ghost=1")
		s.put("cds a=1 ghost=2; eds a=1 ghost=2; lds a=1 ghost=2; rds a=1 ghost=2")
		x.reach(typ + " a=1 ghost=2")
		x.silent("in the end")
	})
}

// The same when it is the only one that is asked for.
func TestConformOnlyAResourceThatDoesNotExist(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "ghost")
		switch {
		case delta:
			x.take(typ + " -ghost")
		case typ == "eds" || typ == "rds":
			x.silent("while it does not exist")
		default:
			x.settled() // an empty response tells grpc's clients that there is none
		}
		s.put(everything("2"))
		if typ == "eds" || typ == "rds" || delta {
			x.silent("after another publication")
		} else {
			x.settled()
		}
		s.put("cds ghost=1; eds ghost=1; lds ghost=1; rds ghost=1")
		x.take(typ + " ghost=1")
	})
}

// "Deleting Resources": delta names what is gone; listeners and clusters are
// left out of the next response; of others nothing is said.
func TestConformRemovedResource(t *testing.T) {
	eachType(t, fourTypes(), func(t trial) {
		delta, typ := t.delta, t.typ
		s := serve(t, quick())
		s.put(everything("1"))
		x := s.ads(delta)
		x.ask(typ, "a", "b")
		x.take(typ + " a=1 b=1")
		s.put("cds a=1; eds a=1; lds a=1; rds a=1")
		switch {
		case delta:
			x.take(typ + " -b")
		case typ == "cds" || typ == "lds":
			x.take(typ + " a=1")
		}
		x.silent("after it has gone")
		s.put(everything("1"))
		if delta {
			x.take(typ + " b=1")
		}
		x.reach(typ + " a=1 b=1")
		x.settled()
		s.put("cds a=2; eds a=2; lds a=2; rds a=2")
		x.reach(typ + x.form(map[bool]string{true: " a=2", false: " a=2 b=1"}[typ == "cds" || typ == "lds"], " a=2"))
	})
}

// A secret is sent to nobody who does not name it, so that there is no
// wildcard for them, of either kind.
func TestConformSecretsHaveNoWildcard(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		for _, names := range [][]string{nil, {"*"}} {
			s := serve(t, quick())
			s.put(everything("1"))
			x := s.ads(delta)
			x.ask("sds", names...)
			for _, r := range x.settled() {
				if len(r.has) > 0 {
					t.Errorf("the response to %q is %q", names, r)
				}
			}
		}
	})
}

// A cluster that has changed is not warm again until its endpoints come, so
// that they are sent although they have not changed, after the cluster. Those
// of other clusters are not.
func TestConformEndpointsFollowTheirCluster(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, quick())
		s.put("cds eds-a=1 eds-b=1; eds eds-a=1 eds-b=1")
		x := s.ads(delta)
		x.ask("cds")
		x.take("cds eds-a=1 eds-b=1")
		x.ask("eds", "eds-a", "eds-b")
		x.take("eds eds-a=1 eds-b=1")
		s.put("cds eds-a=2 eds-b=1; eds eds-a=1 eds-b=1")
		// Envoy says that it has the cluster when the endpoints are there.
		r := x.want(x.form("cds eds-a=2 eds-b=1", "cds eds-a=2"))
		x.take("eds eds-a=1")
		x.ack(r)
		x.silent("after both")
		s.put("cds eds-a=2 eds-b=1; eds eds-a=1 eds-b=2")
		x.take("eds eds-b=2")
		x.silent("after endpoints alone")
		s.put("cds eds-a=3 eds-b=3; eds eds-a=3 eds-b=2")
		r = x.want("cds eds-a=3 eds-b=3")
		x.take("eds eds-a=3 eds-b=2")
		x.ack(r)
		x.silent("in the end")
	})
}

// Who has asked for endpoints after their cluster changed is not sent them twice.
func TestConformEndpointsOfANewCluster(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, quick())
		s.put("cds eds-a=1; eds eds-a=1")
		x := s.ads(delta)
		x.ask("cds")
		x.take("cds eds-a=1")
		x.ask("eds", "eds-a")
		x.take("eds eds-a=1")
		s.put("cds eds-a=1 eds-b=1; eds eds-a=1 eds-b=1")
		r := x.want(x.form("cds eds-a=1 eds-b=1", "cds eds-b=1"))
		x.ask("eds", "eds-a", "eds-b")
		e := x.next()
		x.ack(e)
		if e.typ != "eds" || e.has["eds-b"] != "1" {
			t.Fatalf("the next response is %q, want eds-b=1 in it", e)
		}
		x.ack(r)
		x.silent("in the end")
	})
}

// A client that does not read costs itself: others get what is published.
func TestConformSlowClients(t *testing.T) {
	bothForms(t, func(t trial) {
		delta := t.delta
		s := serve(t, quick())
		s.put(crowd(1))
		slow := s.ads(delta) // reads one response, and no more before somebody takes it
		for range 20 {
			slow.ask("cds", "*")
			slow.ask("lds", "*")
			slow.ask("rds", "generation")
			slow.ask("eds", "generation")
		}
		x := s.ads(delta)
		x.ask("cds")
		s.await(xds.Opened, 2)
		for edition := 1; edition <= 8; edition++ {
			s.put(crowd(edition))
			for r := x.next(); ; r = x.next() {
				x.ack(r)
				if r.has["generation"] == fmt.Sprint(edition) {
					break
				}
			}
		}
	})
}

// crowd is more than a client's window has room for.
func crowd(edition int) string {
	var names strings.Builder
	for i := range 300 {
		fmt.Fprintf(&names, " %0500d=%d", i, edition) // long names, so that a few are much
	}
	generation := fmt.Sprint(" generation=", edition)
	return "cds" + generation + names.String() + "; lds" + generation + names.String() + "; rds" + generation + "; eds" + generation
}
