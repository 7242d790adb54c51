package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"

	"dragoman/bench/least"
)

// What people wrote around a section stays, and a file without it is not
// touched.
func TestReplaced(t *testing.T) {
	const page = "# Title\n<!-- begin a -->\nold\n<!-- end a -->\nafter\n<!-- begin b -->\n<!-- end b -->\n"
	got, err := replaced([]byte(page), "a", []byte("new\n"))
	want := strings.Replace(page, "old", "new", 1)
	if err != nil || string(got) != want {
		t.Errorf("replaced: %q, %v, want %q", got, err, want)
	}
	if _, err := replaced([]byte(page), "c", nil); err == nil || !strings.Contains(err.Error(), "begin c") {
		t.Errorf("without the section: %v, want an error that has the line", err)
	}
}

// A burst has arrived when each of its addresses has, in however many responses
// and however often.
func TestWantOfBurst(t *testing.T) {
	w := &want{mark: []byte("127.11."), seen: make([]bool, 152), missing: 152}
	var last string
	for i := range 152 {
		high, low := spread(i)
		last = fmt.Sprintf("127.11.%d.%d", high, low)
		if i < 151 && (w.in([]byte("x"+last)) || w.in([]byte(last+"127.11.1"))) {
			t.Fatalf("all seen after %d of 152", i+1)
		}
	}
	if !w.in([]byte(last)) {
		t.Errorf("%d are missing after all were sent", w.missing)
	}
}

// A client finds out what to ask for from what it is sent, in both forms.
func TestLearn(t *testing.T) {
	service := least.Document{Service: "cart", Hosts: []string{"cart.example.com"}, Upstream: "http://127.0.0.1:80"}
	made, err := least.Build(service)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := least.Build(least.Document{Listener: "http", Port: 80})
	if err != nil {
		t.Fatal(err)
	}
	for _, delta := range []bool{true, false} {
		var l lesson
		for typeURL, r := range map[string]*discoveryv3.Resource{
			resourcev3.ClusterType:     made[least.Key{TypeURL: resourcev3.ClusterType, Name: "cart"}],
			resourcev3.ScopedRouteType: made[least.Key{TypeURL: resourcev3.ScopedRouteType, Name: "cart"}],
			resourcev3.ListenerType:    listener[least.Key{TypeURL: resourcev3.ListenerType, Name: "http"}],
		} {
			var m proto.Message = &discoveryv3.DeltaDiscoveryResponse{TypeUrl: typeURL, Nonce: "7", Resources: []*discoveryv3.Resource{r}}
			if !delta {
				m = sotw(typeURL, r)
			}
			data, err := proto.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if h, err := head(data); err != nil || h != (response{typeURL: typeURL, nonce: "7", resources: 1}) {
				t.Errorf("head: %+v, %v", h, err)
			}
			if err := l.learn(typeURL, data, delta); err != nil {
				t.Fatal(err)
			}
		}
		if !l.scoped || !slices.Equal(l.endpoints, []string{"cart"}) || !slices.Equal(l.routes, []string{"cart"}) {
			t.Errorf("delta %t: learned %+v", delta, l)
		}
	}
}

func sotw(typeURL string, r *discoveryv3.Resource) *discoveryv3.DiscoveryResponse {
	m := &discoveryv3.DiscoveryResponse{TypeUrl: typeURL, Nonce: "7"}
	m.Resources = append(m.Resources, r.GetResource())
	return m
}

// The names that all clients share are a part of a request of either form.
func TestNames(t *testing.T) {
	of := newNames([]string{"a", "b"})
	pieces, err := request(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: "t"}, of)
	if err != nil {
		t.Fatal(err)
	}
	var delta discoveryv3.DeltaDiscoveryRequest
	var all discoveryv3.DiscoveryRequest
	data := slices.Concat(pieces...)
	if err := proto.Unmarshal(data, &delta); err != nil || !slices.Equal(delta.GetResourceNamesSubscribe(), []string{"a", "b"}) || delta.GetTypeUrl() != "t" {
		t.Errorf("delta: %v, %v", &delta, err)
	}
	if err := proto.Unmarshal(of.wire, &all); err != nil || !slices.Equal(all.GetResourceNames(), []string{"a", "b"}) {
		t.Errorf("SotW: %v, %v", &all, err)
	}
}

func TestVerdict(t *testing.T) {
	m := newTable()
	for _, d := range []time.Duration{1, 3, 90} {
		m.add(ours, "x", 10, d*time.Millisecond)
		m.add(bare, "x", 10, time.Millisecond)
		m.add(filesYAML, "x", 10, 60*time.Millisecond)
	}
	ours, to := cell{ours, "x", 10}, func(word string) cell { return cell{word, "x", 10} }
	for _, tt := range []struct {
		b               bound
		limit, measured string
		holds           bool
	}{
		{bound{"", ours, to(bare), 2}, "≤ 2.0×", "3.0×", false},
		{bound{"", ours, to(bare), 3}, "≤ 3.0×", "3.0×", true},
		{bound{"", ours, to(filesYAML), 1. / 20}, "≤ 1/20", "1/20", true},
		{bound{"", ours, to(filesYAML), 1. / 40}, "≤ 1/40", "1/20", false},
		{bound{"", ours, cell{}, float64(time.Second)}, "≤ 1.0 s", "3.0 ms", true},
		{bound{"", ours, to(cache), 2}, "≤ 2.0×", "", false},
	} {
		limit, measured, holds := tt.b.verdict(m)
		if limit != tt.limit || measured != tt.measured || holds != tt.holds {
			t.Errorf("%+v: %q %q %t, want %q %q %t", tt.b, limit, measured, holds, tt.limit, tt.measured, tt.holds)
		}
	}
}

// Each bound is of words and figures that are measured.
func TestBoundsHaveSubjects(t *testing.T) {
	all := words(kinds())
	for _, b := range bounds() {
		if !slices.Contains(all, b.of.word) || b.to.word != "" && !slices.Contains(all, b.to.word) {
			t.Errorf("%s: of %q and %q, which are no subjects", b.what, b.of.word, b.to.word)
		}
	}
}

func TestChoose(t *testing.T) {
	s, k, err := choose("push,bareloop,burst")
	if err != nil || !slices.Equal(s, []string{"push", "burst"}) || !slices.Equal(words(k), []string{bare}) {
		t.Errorf("choose: %v %v %v", s, words(k), err)
	}
	if s, k, err = choose(""); err != nil || len(s) != len(steps()) || len(k) != len(kinds()) {
		t.Errorf("choose of nothing: %v %v %v, want everything", s, words(k), err)
	}
	if _, _, err = choose("psuh"); err == nil {
		t.Error("choose of a word that there is not: no error")
	}
}

// Who is slow has fewer turns, but the first.
func TestRounds(t *testing.T) {
	had := map[string]int{}
	turn := func(who string) error {
		had[who]++
		if who == "slow" {
			pause(2 * time.Millisecond)
		}
		return nil
	}
	if err := rounds(4, time.Millisecond, []string{"slow"}, turn); err != nil || had["slow"] != 1 {
		t.Errorf("slow: %d turns, %v, want 1", had["slow"], err)
	}
	if err := rounds(4, time.Hour, []string{"fast"}, turn); err != nil || had["fast"] != 4 {
		t.Errorf("fast: %d turns, %v, want 4", had["fast"], err)
	}
	wrong := errors.New("wrong")
	if err := rounds(4, time.Hour, []string{"x"}, func(string) error { return wrong }); !errors.Is(err, wrong) {
		t.Errorf("rounds: %v, want what a turn returns", err)
	}
}
