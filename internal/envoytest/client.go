package envoytest

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A Request is what Ask sends. Only URL is needed.
type Request struct {
	Method string // GET unless told
	URL    string // http://127.0.0.1:PORT/path
	Host   string // the Host header, where it is not the URL's
	Header http.Header
	Body   string
	Client *http.Client // to bring TLS or HTTP/2; a plain one for each request if nil
}

// A Reply is an answer read to its end.
type Reply struct {
	Status int
	Header http.Header
	Body   string
	Echo   Echo // what an Upstream saw, if one answered
}

// Ask sends one request on a connection of its own, since a kept one could stay
// on a listener that is draining. It follows no redirect. An error means that
// there was no answer; any status is an answer.
func Ask(t testing.TB, r Request) (Reply, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, cmp.Or(r.Method, http.MethodGet), r.URL, strings.NewReader(r.Body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = cmp.Or(r.Host, req.Host)
	maps.Copy(req.Header, r.Header)
	client := r.Client
	if client == nil {
		client = plain()
	}
	resp, err := client.Do(req)
	if err != nil {
		return Reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Reply{}, err
	}
	return reply(t, resp, body), nil
}

func reply(t testing.TB, resp *http.Response, body []byte) Reply {
	t.Helper()
	out := Reply{Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
	if resp.Header.Get("Content-Type") == echoType {
		if err := json.Unmarshal(body, &out.Echo); err != nil {
			t.Fatalf("an upstream's echo: %v", err)
		}
	}
	return out
}

// plain returns a client without proxies, redirects and kept connections.
func plain() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: patience},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       patience + time.Second,
	}
}
