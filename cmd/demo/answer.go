package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// pace is how often Envoy is asked.
const pace = 100 * time.Millisecond

// An answer is what a person would look at in one: status, headers that say
// something, and body.
type answer struct {
	head string
	body string
}

func (a answer) String() string {
	return "    " + strings.ReplaceAll(a.head+"\n"+a.body, "\n", "\n    ")
}

// ask asks Envoy once, on a connection of its own.
func (s *stage) ask(ctx context.Context) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/", s.listener), nil)
	if err != nil {
		return answer{}, err
	}
	req.Host = fmt.Sprintf("localhost:%d", s.listener) // as the invitation says it
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	lines := []string{"HTTP " + resp.Status}
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		switch name {
		case "Content-Length", "Content-Type", "Date", "Server", "X-Envoy-Upstream-Service-Time":
		default:
			lines = append(lines, fmt.Sprintf("%s: %s", strings.ToLower(name), resp.Header.Get(name)))
		}
	}
	return answer{head: strings.Join(lines, "\n"), body: strings.TrimSpace(string(body))}, nil
}

// await asks until an answer will do.
func (s *stage) await(ctx context.Context, otherwise string, ok func(answer) bool) (answer, error) {
	deadline := time.After(patience)
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		got, err := s.ask(ctx)
		if err == nil && ok(got) {
			return got, nil
		}
		select {
		case <-ctx.Done():
			return got, ctx.Err()
		case <-deadline:
			if err == nil {
				err = fmt.Errorf("the answer is\n%s", got)
			}
			return got, fmt.Errorf("%s within %v: %w", otherwise, patience, err)
		case <-ticker.C:
		}
	}
}
