package xds_test

import (
	"maps"
	"testing"
)

// first asks for names, takes the response and returns it.
func first(x *talk, typ, want string, names ...string) said {
	x.t.Helper()
	x.ask(typ, names...)
	return x.take(typ + want)
}

// Versions in delta are of the content: another server with the same content
// has the same, and what differs has another.
func TestConformVersionsOfResources(t *testing.T) {
	for _, typ := range fourTypes() {
		t.Run(typ, func(t *testing.T) {
			var versions []map[string]string
			for _, edition := range []string{"1", "1", "2"} {
				s := serve(t, quick())
				s.put(everything("7")) // what was before does not count
				s.put(everything(edition))
				x := s.ads(true)
				versions = append(versions, first(x, typ, " a="+edition+" b="+edition, "a", "b").versions)
			}
			if !maps.Equal(versions[0], versions[1]) {
				t.Errorf("the versions are %q after a restart, want %q", versions[1], versions[0])
			}
			for name, v := range versions[2] {
				if versions[0][name] == v {
					t.Errorf("%s has version %q in both editions", name, v)
				}
			}
		})
	}
}

// "Incremental xDS", reconnection: what the client has is not sent again. With
// nothing to say a server may say so or be silent.
func TestConformResumeWithEverything(t *testing.T) {
	for _, typ := range fourTypes() {
		for how, names := range resumptions(typ) {
			t.Run(typ+" "+how, func(t *testing.T) {
				s := serve(t, quick())
				s.put(everything("1"))
				has := first(s.ads(true), typ, " a=1 b=1", "a", "b").versions
				s.stop()

				s = serve(t, quick()) // another one, after a restart
				s.put(everything("1"))
				x := s.ads(true)
				x.resume(typ, has, map[string]string{"a": "1", "b": "1"}, names...)
				for _, r := range x.settled() {
					if r.String() != typ {
						t.Errorf("%q comes though the client has everything", r)
					}
				}
				s.put(everything("2"))
				x.reach(typ + " a=2 b=2")
			})
		}
	}
}

// resumptions are the ways to ask for a and b.
func resumptions(typ string) map[string][]string {
	out := map[string][]string{"by name": {"a", "b"}}
	if typ == "cds" || typ == "lds" {
		out["by wildcard"], out["by legacy wildcard"] = []string{"*"}, nil
	}
	return out
}

// What has changed is sent, what is gone is removed, and no more.
func TestConformResumeWithSomething(t *testing.T) {
	for _, typ := range fourTypes() {
		for how, names := range resumptions(typ) {
			t.Run(typ+" "+how, func(t *testing.T) {
				s := serve(t, quick())
				s.put(everything("1"))
				has := first(s.ads(true), typ, " a=1 b=1", "a", "b").versions
				has["gone"], has["stale"] = "an old version", "an old version"
				s.put("cds a=1 b=2 stale=1 new=1; eds a=1 b=2 stale=1 new=1; lds a=1 b=2 stale=1 new=1; rds a=1 b=2 stale=1 new=1")
				if len(names) == 2 {
					names = []string{"a", "b", "gone", "stale", "new"}
				}
				x := s.ads(true)
				x.resume(typ, has, map[string]string{"a": "1", "b": "1", "gone": "0", "stale": "0"}, names...)
				sent := map[string]int{}
				for _, r := range x.reach(typ + " a=1 b=2 stale=1 new=1") {
					for name := range r.has {
						sent[name]++
					}
					for _, name := range r.removed {
						sent["-"+name]++
					}
				}
				if want := (map[string]int{"b": 1, "stale": 1, "new": 1, "-gone": 1}); !maps.Equal(sent, want) {
					t.Errorf("sent %v, want %v", sent, want)
				}
				x.silent("in the end")
			})
		}
	}
}

// initial_resource_versions count in the first request of a type on a stream,
// of each type by itself.
func TestConformResumeOfSeveralTypes(t *testing.T) {
	s := serve(t, quick())
	s.put(everything("1"))
	x := s.ads(true)
	has := first(x, "cds", " a=1 b=1").versions
	y := s.ads(true)
	y.resume("cds", has, map[string]string{"a": "1", "b": "1"}, "*")
	y.resume("lds", nil, nil, "*")
	for _, r := range append(y.reach("lds a=1 b=1"), y.settled()...) {
		if r.typ == "cds" && len(r.has) > 0 {
			t.Errorf("%q comes though the client has it", r)
		}
	}
}

// The version beside a response is that of the type.
func TestConformSystemVersion(t *testing.T) {
	s := serve(t, quick())
	for _, edition := range []string{"1", "2"} {
		snap := s.put(everything(edition))
		x := s.ads(true)
		if got := first(x, "cds", " a="+edition+" b="+edition).version; got != snap.Versions[typeURLs["cds"]] {
			t.Errorf("system_version_info is %q, want %q", got, snap.Versions[typeURLs["cds"]])
		}
	}
}
