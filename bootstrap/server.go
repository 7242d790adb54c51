package bootstrap

import (
	"net/netip"
	"strings"
	"time"
)

// server is the cluster of the control plane.
func (c *checker) server(name at) {
	for _, cluster := range c.top.get("static_resources", "clusters").items() {
		if cluster.get("name").value() == name.value() {
			c.cluster(cluster)
			return
		}
	}
	c.say(name, "no static cluster is named %q: Envoy does not start", name.value())
}

func (c *checker) cluster(cl at) {
	options := cl.get("typed_extension_protocol_options", "envoy.extensions.upstreams.http.v3.HttpProtocolOptions")
	http2 := options.get("explicit_http_config", "http2_protocol_options")
	if !http2.there() {
		http2 = cl.get("http2_protocol_options") // the older place
	}
	if !http2.there() {
		c.say(cl, "no http2_protocol_options in the control plane's cluster: gRPC needs HTTP/2")
	} else {
		c.keepalive(http2)
	}
	c.addresses(cl)
	c.tls(cl.get("transport_socket", "typed_config"))
}

// tooOften is below what the server cuts an Envoy off for.
const tooOften = 15 * time.Second

func (c *checker) keepalive(http2 at) {
	keepalive := http2.get("connection_keepalive")
	if !keepalive.there() {
		c.say(http2, "no connection_keepalive: a control plane that hangs is not noticed; take {interval: 30s, timeout: 5s}")
		return
	}
	interval := keepalive.get("interval")
	if d, err := time.ParseDuration(interval.value()); err == nil && d < tooOften {
		c.say(interval, "keepalive every %s: the server cuts off who pings more often than every %s", interval.value(), tooOften)
	}
}

// addresses are where Envoy goes, and whether that needs TLS.
func (c *checker) addresses(cl at) {
	for _, locality := range cl.get("load_assignment", "endpoints").items() {
		for _, endpoint := range locality.get("lb_endpoints").items() {
			address := endpoint.get("endpoint", "address", "socket_address", "address")
			if !address.there() {
				continue
			}
			if address.value() == "localhost" && cl.get("type").value() == "STRICT_DNS" && !cl.get("dns_lookup_family").there() {
				c.say(address, "localhost without a dns_lookup_family: where it has both, Envoy asks ::1 alone; take dns_lookup_family: ALL")
			}
			if !cl.get("transport_socket").there() && !local(address.value()) {
				c.say(address, "%s is asked in plain text: whoever is on the way can read and change the configuration; see dragoman bootstrap --tls-ca", address.value())
			}
		}
	}
}

func local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// tls is whom Envoy takes for the control plane.
func (c *checker) tls(socket at) {
	if !strings.HasSuffix(socket.get("@type").value(), ".UpstreamTlsContext") {
		return
	}
	common := socket.get("common_tls_context")
	if common.get("validation_context_sds_secret_config").there() || common.get("combined_validation_context").there() {
		return
	}
	validation := common.get("validation_context")
	switch {
	case !validation.get("trusted_ca").there() && !validation.get("system_root_certs").there():
		c.say(socket, "TLS without a trusted_ca: Envoy takes any server for the control plane")
	case !validation.get("match_typed_subject_alt_names").there() && socket.get("auto_sni_san_validation").value() != "true":
		c.say(validation, "no match_typed_subject_alt_names: Envoy takes any server of this authority for the control plane")
	}
}
