package examples_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// An exchange is one command in a README's console block, and the lines that
// it says are in the answer, in that order.
type exchange struct {
	command string
	want    []string
}

// exchanges reads the ```console blocks of an example's README.
func exchanges(t *testing.T, example string) []exchange {
	t.Helper()
	var out []exchange
	for _, block := range fenced(t, filepath.Join(example, "README.md"), "console") {
		for _, line := range block {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				out = append(out, exchange{command: command})
				continue
			}
			if len(out) == 0 {
				t.Fatalf("%s: a console block begins with an answer", example)
			}
			last := &out[len(out)-1]
			last.want = append(last.want, line)
		}
	}
	return out
}

// fenced returns the lines of a Markdown file's fenced blocks of one language.
func fenced(t *testing.T, file, language string) [][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	inside := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case inside && line == "```":
			inside = false
		case inside:
			out[len(out)-1] = append(out[len(out)-1], line)
		case line == "```"+language:
			inside = true
			out = append(out, nil)
		}
	}
	return out
}

// check makes the request of a command and looks for the lines in the answer.
func (r *running) check(t *testing.T, e exchange) {
	t.Helper()
	got := r.curl(t, e.command)
	rest := got
	for _, want := range e.want {
		i := slices.Index(rest, want)
		if i < 0 {
			t.Errorf("%s\ngot:\n%s\nwant the line %q", e.command, strings.Join(got, "\n"), want)
			return
		}
		rest = rest[i+1:]
	}
}

// curl does what curl would do, and returns the lines that it would print. It
// knows the flags that the READMEs use.
func (r *running) curl(t *testing.T, command string) []string {
	t.Helper()
	words := split(command)
	if words[0] != "curl" {
		t.Fatalf("not curl: %s", command)
	}
	req := &http.Request{Method: http.MethodGet, Header: http.Header{}}
	req = req.WithContext(t.Context())
	head := false
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: 20 * time.Second}
	transport := &http.Transport{DisableKeepAlives: true}
	client.Transport = transport
	for i := 1; i < len(words); i++ {
		switch w := words[i]; w {
		case "-s":
		case "-si":
			head = true
		case "-X":
			i++
			req.Method = words[i]
		case "-A":
			i++
			req.Header.Set("User-Agent", words[i])
		case "-H":
			i++
			setHeader(t, req, words[i])
		case "-m":
			i++
		case "--cacert":
			i++
			transport.TLSClientConfig = trusting(t, words[i])
		default:
			r.aim(t, req, w)
		}
	}
	transport.DisableKeepAlives = req.Header.Get("Upgrade") == ""
	return lines(t, client, req, head)
}

// trusting trusts the certificates in a file, named from the top of the
// repository, as those of localhost.
func trusting(t *testing.T, file string) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("%s has no certificates", file)
	}
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

func setHeader(t *testing.T, req *http.Request, header string) {
	t.Helper()
	name, value, ok := strings.Cut(header, ": ")
	if !ok {
		t.Fatalf("not a header: %s", header)
	}
	if name == "Host" {
		req.Host = value
		return
	}
	req.Header.Set(name, value)
}

// aim sends a request to where the example listens here, under the host that
// it was meant for.
func (r *running) aim(t *testing.T, req *http.Request, target string) {
	t.Helper()
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok {
		scheme, rest = "http", target
	}
	host, path, _ := strings.Cut(rest, "/")
	moved, err := req.URL.Parse(scheme + "://" + r.at(t, host) + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	req.URL = moved
	if req.Host == "" {
		req.Host = host
	}
}

func lines(t *testing.T, client *http.Client, req *http.Request, head bool) []string {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out []string
	if head {
		out = append(out, resp.Proto+" "+resp.Status)
		for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
			out = append(out, fmt.Sprintf("%s: %s", strings.ToLower(name), resp.Header.Get(name)))
		}
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return out // what follows has no end
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return append(out, strings.Split(string(body), "\n")...)
}

// split splits a command into words, of which some are in single quotes.
func split(command string) []string {
	var out []string
	for i, part := range strings.Split(command, "'") {
		if i%2 == 1 {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}
