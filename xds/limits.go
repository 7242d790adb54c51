package xds

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Limits that nobody needs to change.
const (
	maxHeaders = 64 << 10        // bytes of the headers of one stream; grpc's own limit is 16 MiB
	maxIdle    = 5 * time.Minute // of a connection without a stream
	maxHurry   = 10 * time.Second
	weight     = 64 << 10 // bytes that make a request count as one more
)

// errShutdown ends the streams of a server that ends.
var errShutdown = status.Error(codes.Unavailable, "the server is shutting down")

// guard ends every stream when ctx does, and bounds what a stream may do until
// then. It counts and logs whom it turns away.
func (s *Server) guard(ctx context.Context) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, serve grpc.StreamHandler) error {
		both, end := context.WithCancelCause(stream.Context())
		defer end(nil)
		defer context.AfterFunc(ctx, func() { end(errShutdown) })()
		var once sync.Once // the first reason is the one
		l := &limited{
			ServerStream: stream, ctx: both, requests: bucket{Rate: s.options.Requests},
			refuse: func(reason string, err error) error {
				once.Do(func() {
					s.refuse(both, info, reason, err)
					end(err)
				})
				return err
			},
		}
		name := clientOf(both)
		if err := s.clients.open(name); err != nil {
			return l.refuse(tooManyStreams, status.Error(codes.ResourceExhausted, err.Error()))
		}
		defer s.clients.close(name)
		if err := s.clients.admit(both, name); err != nil {
			return err
		}
		l.silence = time.AfterFunc(s.options.FirstRequest, func() {
			_ = l.refuse(silent, status.Errorf(codes.DeadlineExceeded, "no request within %v", s.options.FirstRequest)) // it ends the stream
		})
		defer l.silence.Stop()
		err := serve(srv, l)
		if status.Code(err) == codes.InvalidArgument {
			s.refusals.count(badRequest) // the end of the stream is logged with it
		}
		if own := context.Cause(both); own != nil && stream.Context().Err() == nil {
			return own
		}
		return err
	}
}

// refuse counts and logs a stream that is turned away.
func (s *Server) refuse(ctx context.Context, info *grpc.StreamServerInfo, reason string, err error) {
	total, say := s.refusals.count(reason)
	if !say {
		return
	}
	attrs := []slog.Attr{slog.String("reason", reason), slog.String("method", info.FullMethod), slog.String("error", err.Error()), slog.Int("refusals", total)}
	if p, ok := peer.FromContext(ctx); ok {
		attrs = append(attrs, slog.String("peer", p.Addr.String()))
	}
	s.options.Log.LogAttrs(ctx, slog.LevelWarn, "stream refused", attrs...)
}

// limited is a stream with a context that ends sooner, and whose requests are
// taken at a bounded rate.
//
// Who is too fast is first made to wait, which it notices by flow control
// alone, and cut off if that does not slow it down: a request that Envoy has
// not been too fast with for long is never lost.
type limited struct {
	grpc.ServerStream

	ctx     context.Context
	refuse  func(reason string, err error) error
	silence *time.Timer // until the first request

	// By the one goroutine that receives.
	requests bucket
	hurried  time.Time // since when it has been too fast; zero if it is not
}

// Context returns the context that ends with the server, or a refusal, too.
func (l *limited) Context() context.Context { return l.ctx }

// RecvMsg receives one request.
func (l *limited) RecvMsg(m any) error {
	err := l.ServerStream.RecvMsg(m)
	switch {
	case status.Code(err) == codes.ResourceExhausted:
		return l.refuse(tooLarge, err)
	case err != nil:
		return err
	}
	l.silence.Stop()
	cost := 1.0
	if p, ok := m.(proto.Message); ok {
		cost += float64(proto.Size(p) / weight)
	}
	now := time.Now()
	wait := l.requests.take(now, cost)
	switch {
	case l.requests.level < l.requests.Burst/2: // not just for having waited a little long
		l.hurried = time.Time{}
	case wait == 0:
	case l.hurried.IsZero():
		l.hurried = now
	case now.Sub(l.hurried) > maxHurry:
		return l.refuse(tooFast, status.Errorf(codes.ResourceExhausted, "more than %v requests a second", l.requests.PerSecond))
	}
	return pause(l.ctx, wait)
}

// pause waits, or says why ctx has ended.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// A Rate is how much may come at once, and how much for ever.
type Rate struct{ Burst, PerSecond float64 }

// A bucket is what has come at a rate.
type bucket struct {
	Rate

	level float64 // what has come and has not been worked off
	at    time.Time
}

// take takes n, and says how long to wait until it is within the rate.
func (b *bucket) take(now time.Time, n float64) time.Duration {
	b.level = b.left(now) + n
	b.at = now
	return time.Duration(max(0, b.level-b.Burst) / b.PerSecond * float64(time.Second))
}

// left is what is in the bucket.
func (b *bucket) left(now time.Time) float64 {
	return max(0, b.level-now.Sub(b.at).Seconds()*b.PerSecond)
}

// untake gives back what was taken for nothing.
func (b *bucket) untake(n float64) { b.level = max(0, b.level-n) }

// errFull is for a client, or a server, that has all it may have.
func errFull(whose, what string, n int) error {
	return errors.New(whose + " has " + what + " that it may have: " + fmt.Sprint(n))
}
