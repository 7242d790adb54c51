// Package bootstrap finds the usual mistakes in an Envoy bootstrap that
// somebody wrote: what Envoy takes, and what costs a start-up, an update or the
// safety of the host later.
//
// It does not say whether Envoy takes the file, which envoy --mode validate
// does, and it mends nothing.
package bootstrap

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"gopkg.in/yaml.v3"
)

// A Finding is one mistake and what to do about it.
type Finding struct {
	Line, Col int
	Msg       string
}

// Check returns what it finds in the text of a bootstrap, YAML or JSON, in the
// order of lines.
func Check(text []byte) ([]Finding, error) {
	var doc yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("it is empty")
	case err != nil:
		return nil, err
	case doc.Content[0].Kind != yaml.MappingNode:
		return nil, errors.New("it is no bootstrap: want keys such as node and dynamic_resources")
	}
	c := &checker{top: at{node: doc.Content[0]}}
	c.node()
	c.sources()
	c.admin()
	slices.SortStableFunc(c.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Msg, b.Msg))
	})
	return slices.Compact(c.found), nil // several sources may be of one cluster
}

type checker struct {
	top   at
	found []Finding
}

// say adds a finding at a place, which is there.
func (c *checker) say(where at, format string, args ...any) {
	place := cmp.Or(where.key, where.node)
	c.found = append(c.found, Finding{place.Line, place.Column, fmt.Sprintf(format, args...)})
}

// node is what no Envoy with xDS starts without.
func (c *checker) node() {
	node := c.top.get("node")
	for _, missing := range []struct{ key, flag string }{{"id", "--service-node"}, {"cluster", "--service-cluster"}} {
		if node.get(missing.key).value() == "" {
			c.say(cmp.Or(node, c.top), "no node.%s: Envoy does not start without, unless it is given %s", missing.key, missing.flag)
		}
	}
}

// admin is open to others than this host.
func (c *checker) admin() {
	address := c.top.get("admin", "address", "socket_address", "address")
	switch address.value() {
	case "0.0.0.0", "::":
		c.say(address, "the admin endpoint is on %s: whoever reaches it can stop Envoy and read its configuration; take 127.0.0.1", address.value())
	}
}

// sources are all the places that xDS comes from.
func (c *checker) sources() {
	dynamic := c.top.get("dynamic_resources")
	ads := dynamic.get("ads_config")
	if ads.there() {
		c.api(ads)
		if !ads.get("rate_limit_settings").there() {
			c.say(ads, "no rate_limit_settings: an Envoy and a control plane that disagree go round in circles without limit")
		}
	}
	if !dynamic.get("cds_config").there() && !dynamic.get("lds_config").there() {
		c.say(cmp.Or(dynamic, c.top), "neither cds_config nor lds_config in dynamic_resources: this Envoy asks for no clusters and listeners")
	}
	for _, key := range []string{"cds_config", "lds_config"} {
		source := dynamic.get(key)
		if !source.there() {
			continue
		}
		c.source(source)
		if text := source.get("initial_fetch_timeout").value(); text != "0s" && text != "0" {
			c.say(source, "no initial_fetch_timeout: 0s in %s: without the control plane Envoy says after 15 s that it is LIVE, with nothing to serve", key)
		}
	}
	for _, layer := range c.top.get("layered_runtime", "layers").items() {
		c.layer(layer.get("rtds_layer"))
	}
}

// layer is a runtime layer that comes over xDS, if it is one.
func (c *checker) layer(l at) {
	if !l.there() {
		return
	}
	if l.get("name").value() == "" {
		c.say(l, "no name of the rtds_layer: nobody can answer for it, and Envoy waits 15 s at its start")
	}
	c.source(l.get("rtds_config"))
}

// source is where resources of a type come from: ADS, or an API of their own.
func (c *checker) source(s at) {
	if !s.there() || s.get("path_config_source").there() || s.get("path").there() {
		return
	}
	if s.get("resource_api_version").value() != "V3" {
		c.say(s, "no resource_api_version: V3: Envoy takes nothing of another version")
	}
	if ads := s.get("ads"); ads.there() && !c.top.get("dynamic_resources", "ads_config").there() {
		c.say(ads, "ads without an ads_config: Envoy has nobody to ask")
	}
	if own := s.get("api_config_source"); own.there() {
		c.api(own)
	}
}

// api is how a control plane is asked.
func (c *checker) api(a at) {
	if a.get("transport_api_version").value() != "V3" {
		c.say(a, "no transport_api_version: V3: Envoy speaks no other version")
	}
	services := a.get("grpc_services").items()
	if len(services) == 0 {
		c.say(a, "no grpc_services: Envoy has nobody to ask")
	}
	for _, service := range services {
		if google := service.get("google_grpc"); google.there() {
			c.say(google, "google_grpc takes no message above 4 MiB, and many resources are more: take envoy_grpc")
		}
		if name := service.get("envoy_grpc", "cluster_name"); name.there() {
			c.server(name)
		}
	}
}
