package upstream_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"dragoman/cmd/demo/upstream"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	u := upstream.New("9001")
	for _, tt := range []struct {
		name, path, header string
		status             int
		body               string
	}{
		{"a path with a query", "/cart?a=b", "X-Request-Id", 200, "upstream 9001: GET shop.example.com/cart?a=b\n"},
		{"a header of the user's", "/", "X-Team", 200, "upstream 9001: GET shop.example.com/\nx-team: blue\n"},
		{"a flaky path, first time", "/flaky", "Accept", 503, "upstream 9001: GET shop.example.com/flaky\n"},
		{"a flaky path, second time", "/flaky", "Accept", 200, "upstream 9001: GET shop.example.com/flaky\n"},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://shop.example.com"+tt.path, nil)
		r.RequestURI = tt.path
		r.Header.Set(tt.header, "blue")
		w := httptest.NewRecorder()
		u.ServeHTTP(w, r)
		body, err := io.ReadAll(w.Result().Body)
		if err != nil || w.Code != tt.status || string(body) != tt.body {
			t.Errorf("%s: got %d %q (%v), want %d %q", tt.name, w.Code, body, err, tt.status, tt.body)
		}
	}
}
