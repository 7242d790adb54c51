package xds

import (
	"log/slog"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
)

// Bounds of what a client can put into the log by one message, in bytes. An
// Envoy's words can have the whole of a resource in them.
const (
	maxName  = 256
	maxWords = 4096
)

// hello logs the stream once it has said who it is, which only its first
// request needs to do.
func (s *session) hello(node *corev3.Node) {
	if !s.opened.IsZero() {
		return
	}
	s.opened = time.Now()
	s.who.Node, s.who.Cluster = clip(node.GetId(), maxName), clip(node.GetCluster(), maxName)
	s.log = s.log.With(slog.String("node", s.who.Node), slog.String("cluster", s.who.Cluster))
	s.log.Info("stream opened")
	s.observe(s.who)
}

// end logs the end of a stream that was logged as open.
func (s *session) end(err error) {
	if s.opened.IsZero() {
		return
	}
	s.tell(Closed, "", "")
	age := slog.Duration("age", time.Since(s.opened).Round(time.Millisecond))
	if err != nil {
		s.log.Info("stream closed", age, slog.String("error", err.Error()))
		return
	}
	s.log.Info("stream closed", age)
}

// An answer is what requests of both forms say about an earlier response.
type answer interface {
	GetTypeUrl() string
	GetResponseNonce() string
	GetErrorDetail() *rpcstatus.Status
}

// settle records what became of a response: the Envoy has taken it, or refused
// it if there is an error. A request whose nonce is not open answers nothing:
// it asks for something else.
func (s *session) settle(p *progress, a answer) {
	for i, r := range p.unanswered {
		if r.nonce != a.GetResponseNonce() {
			continue
		}
		p.unanswered = p.unanswered[i+1:] // answers come in the order of responses
		if a.GetErrorDetail() == nil {
			s.taken(p, a, r)
		} else {
			s.refused(p, a, r)
		}
		return
	}
}

func (s *session) taken(p *progress, a answer, r response) {
	for _, name := range r.names {
		delete(p.unsure, name)
	}
	s.tell(Accepted, a.GetTypeUrl(), r.version)
	s.log.Debug("accepted", slog.String("type", a.GetTypeUrl()), slog.String("version", r.version))
}

// refused logs a refusal once. It comes again if the Envoy asks for further
// names of a type, since the response to that has the refused ones too.
func (s *session) refused(p *progress, a answer, r response) {
	for _, name := range r.names {
		p.unsure[name] = true
	}
	log := s.log.Warn
	if p.refused == r.version {
		log = s.log.Debug
	}
	p.refused = r.version
	words := clip(a.GetErrorDetail().GetMessage(), maxWords)
	s.observe(Event{Kind: Refused, Stream: s.who.Stream, Type: a.GetTypeUrl(), Version: r.version, Words: words})
	log("refused",
		slog.String("type", a.GetTypeUrl()),
		slog.String("version", r.version),
		slog.String("error", words))
}

// clip shortens what a client says to n bytes.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}
