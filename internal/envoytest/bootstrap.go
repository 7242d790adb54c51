package envoytest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Original returns the repository's envoy-bootstrap.yaml as it stands, but for
// two ports: the control plane is at xdsPort, and the admin endpoint takes any
// free port.
func Original(t testing.TB, xdsPort int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(t), "envoy-bootstrap.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	out := string(text)
	for from, to := range map[string]int{"port_value: 18000": xdsPort, "port_value: 19000": 0} {
		if n := strings.Count(out, from); n != 1 {
			t.Fatalf("envoy-bootstrap.yaml has %q %d times, want once", from, n)
		}
		out = strings.Replace(out, from, "port_value: "+strconv.Itoa(to), 1)
	}
	return out
}
