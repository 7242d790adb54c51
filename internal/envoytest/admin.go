package envoytest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// Admin returns the admin endpoint's address, such as 127.0.0.1:40123.
func (e *Envoy) Admin() string { return e.admin }

// WaitLive waits until Envoy has what it waits for at its start: /ready says
// LIVE. A missing xDS resource costs it 15 s, a missing control plane more.
func (e *Envoy) WaitLive(t testing.TB) {
	t.Helper()
	Eventually(t, 2*patience, "Envoy is live", func() error {
		reply, err := e.ask(t, "/ready")
		if err != nil {
			return err
		}
		if got := strings.TrimSpace(reply.Body); reply.Status != http.StatusOK || got != "LIVE" {
			return fmt.Errorf("/ready says %d %s", reply.Status, got)
		}
		return nil
	})
}

// ConfigDump returns /config_dump as JSON, narrowed by a query such as
// "resource=dynamic_active_clusters" or "include_eds", or whole for "".
func (e *Envoy) ConfigDump(t testing.TB, query string) []byte {
	t.Helper()
	return e.get(t, "/config_dump?"+query)
}

// Stats returns the counters and gauges whose names match a regular
// expression, or all for "". Envoy leaves out none that is zero.
func (e *Envoy) Stats(t testing.TB, filter string) map[string]int64 {
	t.Helper()
	var page struct {
		Stats []struct {
			Name  string
			Value json.Number
		}
	}
	query := url.Values{"format": {"json"}, "type": {"All"}, "filter": {filter}}.Encode()
	if err := json.Unmarshal(e.get(t, "/stats?"+query), &page); err != nil {
		t.Fatalf("/stats: %v", err)
	}
	out := make(map[string]int64, len(page.Stats))
	for _, s := range page.Stats {
		if n, err := s.Value.Int64(); err == nil { // histograms and text have none
			out[s.Name] = n
		}
	}
	return out
}

// Listeners returns the address of every active listener by name, such as
// 0.0.0.0:10000, as /listeners has it.
func (e *Envoy) Listeners(t testing.TB) map[string]string {
	t.Helper()
	var page struct {
		Statuses []struct {
			Name    string
			Address struct {
				Socket struct {
					Address string
					Port    int `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if err := json.Unmarshal(e.get(t, "/listeners?format=json"), &page); err != nil {
		t.Fatalf("/listeners: %v", err)
	}
	out := make(map[string]string, len(page.Statuses))
	for _, s := range page.Statuses {
		out[s.Name] = net.JoinHostPort(s.Address.Socket.Address, strconv.Itoa(s.Address.Socket.Port))
	}
	return out
}

// Listener waits for the named listener and returns the address to reach it at
// from here: a wildcard is given as loopback.
func (e *Envoy) Listener(t testing.TB, name string) string {
	t.Helper()
	var address string
	Eventually(t, patience, "listener "+name, func() error {
		all := e.Listeners(t)
		found, ok := all[name]
		if !ok {
			return fmt.Errorf("there are %v", all)
		}
		address = reachable(found)
		return nil
	})
	return address
}

func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	switch host {
	case "0.0.0.0":
		return net.JoinHostPort("127.0.0.1", port)
	case "::":
		return net.JoinHostPort("::1", port)
	}
	return address
}

// get returns a page of the admin endpoint, or ends the test.
func (e *Envoy) get(t testing.TB, path string) []byte {
	t.Helper()
	reply, err := e.ask(t, path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if reply.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, reply.Status, reply.Body)
	}
	return []byte(reply.Body)
}

func (e *Envoy) ask(t testing.TB, path string) (Reply, error) {
	t.Helper()
	e.alive(t)
	return Ask(t, Request{URL: "http://" + e.admin + path})
}
