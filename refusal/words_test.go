package refusal_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"dragoman/refusal"
)

// What Envoy 1.40 says.
func TestOwn(t *testing.T) {
	t.Parallel()
	const dump = "goo.gle/debugproto   \nname: \"l\"\nvirtual_hosts {\n  name: \"a\"\n}\n: Proto constraint validation failed (RouteConfigurationValidationError.VirtualHosts[0]: embedded message failed validation)"
	for words, want := range map[string]bool{
		"cannot bind '127.0.0.1:36957': Address already in use\n":                                                                                    true,
		"cannot bind '203.0.113.7:18080': Cannot assign requested address\n":                                                                         true,
		"cannot bind '0.0.0.0:80': Permission denied":                                                                                                true,
		"Error adding/updating listener(s) bad: cannot bind '127.0.0.1:36957': Address already in use\n":                                             true,
		"unable to open file '/nonexistent/access.log': No such file or directory\n":                                                                 true,
		"unable to read file: /etc/ssl/tls.key":                                                                                                      true,
		"Invalid path: /nonexistent/ca.crt":                                                                                                          true,
		"Failed to load trusted CA certificates from /etc/ssl/ca.crt":                                                                                true,
		"file /etc/envoy/x does not exist":                                                                                                           true,
		"Failed to load trusted CA certificates from <inline>":                                                                                       false,
		"Failed to load certificate chain from <inline>":                                                                                             false,
		"malformed IP address: not.an.address":                                                                                                       false,
		"no argument for repetition operator: *":                                                                                                     false,
		"Only unique values for domains are permitted. Duplicate entry of domain shop.example.com in route l":                                        false,
		"route: unknown cluster 'permission denied'":                                                                                                 false,
		"Didn't find a registered implementation for 'dragoman.no.such' with type URL: 'dragoman.NoSuch'\n":                                          false,
		"error adding listener '127.0.0.1:0': no filter chains specified\n":                                                                          false,
		"error adding listener: 'http' has duplicate address '0.0.0.0:80' as existing listener":                                                      false,
		strings.Replace(dump, `"a"`, `"cannot bind 'x': Permission denied"`, 1):                                                                      false,
		"Error adding/updating cluster(s) cart: Invalid path: /nonexistent/ca.crt, shop: malformed IP address: x":                                    true,
		"Invalid duration: Expected positive duration: goo.gle/debugproto   \nseconds: -1\n":                                                         false,
		"Error: terminal filter named envoy.filters.http.router of type envoy.filters.http.router must be the last filter in a http filter chain.\n": false,
		"Not supported field in StreamInfo: NO_SUCH_THING\n":                                                                                         false,
		"Didn't find a registered cluster factory implementation for name: 'dragoman.no.such'":                                                       false,
	} {
		if got := refusal.Own(words); got != want {
			t.Errorf("Own(%q) = %t, want %t", words, got, want)
		}
	}
	if got, want := refusal.Plain(dump), "Proto constraint validation failed (RouteConfigurationValidationError.VirtualHosts[0]: embedded message failed validation)"; got != want {
		t.Errorf("Plain = %q, want %q", got, want)
	}
	if got := refusal.Plain(strings.Repeat("é", 1000)); len(got) > 510 || !utf8.ValidString(got) || !strings.HasSuffix(got, "é…") {
		t.Errorf("Plain of 2000 bytes = %q", got)
	}
}

// Whatever an Envoy says, it becomes one line of bounded length.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"", "Proto constraint validation failed", "cannot bind '", "\xff\n\x00", "'a' \"a\" a.example.com.", strings.Repeat("é", 400)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, words string) {
		plain := refusal.Plain(words)
		if strings.ContainsAny(plain, "\n\r\t\x00") || len(plain) > 510 {
			t.Errorf("Plain(%q) = %q", words, plain)
		}
		if utf8.ValidString(words) && !utf8.ValidString(plain) {
			t.Errorf("Plain(%q) = %q, which is no text", words, plain)
		}
		refusal.Own(words)
		refusal.Named(words)
	})
}

func TestNamed(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"Only unique values for domains are permitted. Duplicate entry of domain bad.example.com in route l":    "bad.yaml",
		"Only unique values for domains are permitted. Duplicate entry of domain a.bad.example.com in route l":  "other.yaml",
		"Only unique values for domains are permitted. Duplicate entry of domain shared.example.com in route l": "",
		"Duplicate entry of domain bad.example.com.":                                                            "bad.yaml",
		"Duplicate entry of domain bad.example.community":                                                       "",
		"route: unknown cluster 'nowhere'":                                                                      "bad.yaml",
		"route: unknown cluster 'good'":                                                                         "", // two send there
		"route: unknown cluster 'l'":                                                                            "",
		"the route leads nowhere":                                                                               "",
		"invalid route good-route: no":                                                                          "good.yaml",
		"invalid regex /bad/(.*): no":                                                                           "bad.yaml",
		"no argument for repetition operator: *":                                                                "",
		"name: \"bad.example.com\"\n: Proto constraint validation failed (Virtual hosts)":                       "",
		"": "",
	} {
		if got := refusal.Named(words); got != want {
			t.Errorf("%q is said of %q, want %q", words, got, want)
		}
	}
}
