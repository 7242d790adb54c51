package loader_test

import (
	"fmt"
	"strings"
	"testing"

	"dragoman/diag"
	"dragoman/loader"
)

// Envoy adds weights up in 32 bits, and refuses the cluster that has more.
func TestEndpointWeightsHaveALimit(t *testing.T) {
	for n, want := range map[int]int{4294: 0, 4295: 1} {
		var b strings.Builder
		b.WriteString("service: a\nhosts: [a.test]\nupstream:\n  endpoints:\n")
		for i := range n {
			fmt.Fprintf(&b, "  - {url: http://10.0.%d.%d, weight: 1000000}\n", i/250, i%250)
		}
		res := apply(loader.New(loader.Options{}), map[string]string{"a.yaml": b.String()})
		if len(res.Problems) != want || want > 0 && res.Problems[0].Code != diag.BadValue {
			t.Errorf("%d endpoints with a weight of a million: %d problems, want %d", n, len(res.Problems), want)
		}
	}
}

// A host and a port are two things: 10.0.0.1 and 180, 10.0.0.11 and 80.
func TestEndpointsAreToldApart(t *testing.T) {
	res := apply(loader.New(loader.Options{}), map[string]string{
		"a.yaml": "service: a\nhosts: [a.test]\nupstream: [\"http://10.0.0.1:180\", \"http://10.0.0.11:80\"]\n",
	})
	if err := res.Problems.Err(); err != nil {
		t.Error(err)
	}
}
