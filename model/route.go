package model

import "time"

// A Route takes the requests that match and does one thing with them.
type Route struct {
	Origin          Origin
	Name            string // "" for none
	Priority        int    // higher first, before all other precedence
	Match           Match
	Action          Action
	ResponseHeaders *HeaderChanges // nil is none
}

// A Match is a set of conditions that must all hold.
type Match struct {
	Path    PathMatch
	Methods []string     // upper case, sorted; empty is every method
	Headers []ValueMatch // sorted by name, one per name
	Query   []ValueMatch // sorted by name, one per name
}

// PathKind is how a path is compared.
type PathKind int

// The kinds of path match. A prefix takes whole segments: /cart takes /cart
// and /cart/x, not /cartoon; one that ends with a slash takes what begins so.
const (
	PathExact PathKind = iota
	PathPrefix
	PathRegex // RE2, the whole path
)

// A PathMatch compares a request's path, without its query.
type PathMatch struct {
	Kind  PathKind
	Value string
}

// ValueKind is how a header's or a query parameter's value is compared.
type ValueKind int

// The kinds of value match.
const (
	ValueExact ValueKind = iota
	ValuePrefix
	ValueSuffix
	ValueContains
	ValueRegex   // RE2, the whole value
	ValuePresent // there, whatever its value
)

// A ValueMatch compares one header or query parameter.
type ValueMatch struct {
	Name       string // headers in lower case
	Kind       ValueKind
	Value      string // empty for ValuePresent
	Not        bool   // holds when the comparison does not
	IgnoreCase bool
}

// An Action is what happens to a request: Forward, Redirect or Respond.
type Action interface{ action() }

func (*Forward) action()  {}
func (*Redirect) action() {}
func (*Respond) action()  {}

// Forward sends a request to the upstream of one or more services.
type Forward struct {
	To             []Target // at least one, sorted by service; one target's weight means nothing
	PathRewrite    PathRewrite
	HostRewrite    HostRewrite
	Timeout        time.Duration  // 0 is none
	IdleTimeout    *time.Duration // nil leaves Envoy's, 0 is none
	Retry          *Retry         // nil is none
	RequestHeaders *HeaderChanges // nil is none
	WebSocket      bool
}

// A Target is a service with its share of the requests.
type Target struct {
	Service string
	Weight  uint32
}

// RewriteKind is what part of a path is rewritten.
type RewriteKind int

// The kinds of path rewrite. RewritePrefix stands with PathPrefix alone.
const (
	KeepPath RewriteKind = iota
	RewritePrefix
	RewritePath
	RewriteRegex
)

// A PathRewrite changes the path before a request is sent on.
type PathRewrite struct {
	Kind    RewriteKind
	Pattern string // RE2, for RewriteRegex
	With    string // for RewriteRegex with \1 for groups
}

// A HostRewrite changes the Host header before a request is sent on: to
// Name, or with Auto to the host name of the endpoint. The zero value keeps it.
type HostRewrite struct {
	Name string
	Auto bool
}

// Redirect answers with a redirection. Zero fields keep the request's part.
type Redirect struct {
	Scheme     string
	Host       string
	Port       uint32
	PathKind   RewriteKind // KeepPath, RewritePath, or RewritePrefix
	Path       string
	Code       uint32 // 301, 302, 303, 307 or 308
	StripQuery bool
}

// Respond answers with a fixed response.
type Respond struct {
	Status      uint32
	Body        string
	ContentType string // "" leaves Envoy's text/plain
}

// HeaderChanges are made in the order remove, set, add.
type HeaderChanges struct {
	Set    []Header // sorted by name
	Add    []Header // sorted by name
	Remove []string // sorted
}

// A Header is a name in lower case and a value in Envoy's format, in which a
// percent sign starts a command operator.
type Header struct{ Name, Value string }

// Retry says when a request is tried again.
type Retry struct {
	Attempts      uint32        // beyond the first
	On            []string      // Envoy's words, sorted; retriable-status-codes is implied by Statuses
	PerTryTimeout time.Duration // 0 is none
	Backoff       *Backoff      // nil leaves Envoy's 25 ms and 250 ms
	Statuses      []uint32      // sorted
}

// Backoff is the wait before a retry: it doubles from Base to Max.
type Backoff struct {
	Base, Max time.Duration // Max 0 leaves Envoy's ten times Base
}
