package model

import (
	"time"

	"dragoman/table"
)

// A Service is who it answers for and where its requests go.
type Service struct {
	Name      string
	Origin    Origin
	Hosts     []string  // lower case, sorted; empty for a backend that only others send to
	Listeners []string  // names of the listeners it is exposed on, sorted; empty for a backend
	Upstream  *Upstream // nil when none of its routes sends here
	Routes    []Route   // in the order of the file, which means nothing
	Proxyless bool      // gRPC clients without a proxy find it under its name
}

// Services are those of one configuration, by name.
type Services = table.Table[*Service]

// Key is the name.
func (s *Service) Key() string { return s.Name }

// An Upstream is the set of servers behind a service.
type Upstream struct {
	Protocol       Protocol
	TLS            bool // server name and certificate names come from each endpoint's host
	Discovery      Discovery
	DNS            DNS
	Endpoints      []Endpoint // at least one
	ConnectTimeout time.Duration
	LoadBalancing  LoadBalancing
}

// Protocol is the HTTP version spoken to an upstream.
type Protocol int

// The protocols. HTTPAuto is for TLS upstreams: HTTP/1.1 or 2, as ALPN settles.
const (
	HTTP1 Protocol = iota
	HTTP2
	HTTPAuto
)

// Discovery is how the addresses of an upstream are found.
type Discovery int

// The forms of discovery.
const (
	Addresses  Discovery = iota // every endpoint is an IP address, sent apart from the rest of the upstream
	LogicalDNS                  // one name, connect to whatever it means at that moment
	StrictDNS                   // every address of every name is an endpoint
)

// DNS says how names are resolved.
type DNS struct {
	Family     DNSFamily
	Refresh    time.Duration // 0 leaves Envoy's 5 s
	RespectTTL bool
}

// DNSFamily is the kind of address that a name is resolved to.
type DNSFamily int

// The families.
const (
	V4 DNSFamily = iota
	V6
	AnyFamily   // IPv6 if the name has such an address, else IPv4
	AllFamilies // both
)

// An Endpoint is one server, or one name of servers.
type Endpoint struct {
	Host   string // an IP address or a DNS name, no brackets
	Port   uint32
	Weight uint32 // 0 leaves Envoy's 1
}

// LoadBalancing is how a request's endpoint is chosen.
type LoadBalancing int

// The ways of load balancing.
const (
	RoundRobin LoadBalancing = iota
	LeastRequest
	Random
	RingHash
	Maglev
)
