// Package model is the configuration as resolved Go values: names point at
// things that exist, defaults are filled in, and a choice is a type. It knows
// neither YAML nor Envoy, and it refuses nothing: whoever builds a Config has
// checked it first.
package model

import "time"

// A Config is everything one directory describes.
type Config struct {
	Services  Services
	Listeners map[string]*Listener
	Groups    map[string]*Group
	Runtimes  map[string]*Runtime
}

// An Origin is the place in a file that an object was read from. It is for
// messages alone and never reaches an Envoy resource: a moved comment must
// not be a push. The zero Origin belongs to what no file describes.
type Origin struct {
	File      string // relative to the configuration root, with slashes
	Line, Col int    // 1-based
}

// A Listener is an address on which Envoys accept HTTP.
type Listener struct {
	Name        string
	Origin      Origin
	Address     string // an IP address
	Port        uint32
	Groups      []string   // the Envoys that have it, sorted; empty is all
	TrustedHops uint32     // proxies in front whose X-Forwarded-For entries are believed
	AccessLog   *AccessLog // nil is off
	TLS         *TLS       // nil is plain HTTP

	RouteDiscovery RouteDiscovery
}

// RouteDiscovery is how Envoys get the routes of a listener.
type RouteDiscovery int

// The ways to get routes.
const (
	RoutesByNumber   RouteDiscovery = iota // in one table while it is small
	RoutesInOneTable                       // RDS
	RoutesByScope                          // SRDS, a table for each host
)

// An AccessLog says what a listener logs about each request.
type AccessLog struct {
	Format LogFormat
	Custom string // Envoy's format string, for LogCustom
	Path   string // a file on the Envoy's host; "" is standard output
	Filter LogFilter
}

// LogFormat is the form of one access log line.
type LogFormat int

// The forms of an access log line.
const (
	LogText LogFormat = iota
	LogJSON
	LogCustom
)

// A LogFilter drops requests from an access log. Every condition that is set
// must hold; the zero filter keeps all requests.
type LogFilter struct {
	Statuses    []StatusRange // any of them; empty is every status
	MinDuration time.Duration // 0 is every duration
	RuntimeKey  string        // Envoy runtime key that holds a percentage; "" is all
}

// A StatusRange is an inclusive range of HTTP status codes.
type StatusRange struct{ From, To uint32 }

// A Runtime is one RTDS layer. Values are string, bool, float64, int64, and
// map[string]any of these.
type Runtime struct {
	Name   string
	Origin Origin
	Values map[string]any
}
