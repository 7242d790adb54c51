package keys_test

import (
	"fmt"
	"os"
	"strings"

	"dragoman/internal/envoytest"
)

// logs is a listener with an access log, and a service whose routes answer
// with the status that is their path. Another listener of the row logs all to
// the same place.
func logs(accessLog, place string) string {
	return ownListener + "accessLog: " + accessLog + `
---
service: <name>
hosts: [<host>]
listeners: [<name>]
upstream: http://<script>
routes:
  - {path: /200, respond: {status: 200}}
  - {path: /202, respond: {status: 202}}
  - {path: /404, respond: {status: 404}}
  - {path: /500, respond: {status: 500}}
  - {path: /503, respond: {status: 503}}
  - {path: /slow}
---
listener: <name>-end
address: 127.0.0.1
port: <port-end>
accessLog: {format: "end of <name> %RESPONSE_CODE%"` + place + "}\n"
}

const (
	inFile   = ", path: <log>"
	inStdout = ""

	line = `"%REQ(:AUTHORITY)% %REQ(:PATH)% %RESPONSE_CODE%"`
)

func logRows() []row {
	few := []string{"/200", "/404"}
	return []row{
		{
			key: "listener.accessLog", form: "off", yaml: logs("off", inStdout), instead: "text",
			check: logged(stdout, few),
		},
		{
			key: "listener.accessLog", form: "text", yaml: logs("text", inStdout),
			check: logged(stdout, few, `"GET /200 HTTP/1.1" 200`, `"GET /404 HTTP/1.1" 404`),
		},
		{
			key: "listener.accessLog", form: "json", yaml: logs("json", inStdout),
			check: logged(stdout, few, `"path":"/200"`, `"path":"/404"`),
		},
		{
			key: "listener.accessLog.format", yaml: logs("{format: "+line+inFile+"}", inFile),
			check: logged(file, few, "<host> /200 200\n", "<host> /404 404\n"),
		},
		{
			key: "listener.accessLog.format", form: "json", yaml: logs("{format: json"+inFile+"}", inFile),
			check: logged(file, few, `"path":"/200"`, `"path":"/404"`),
		},
		{
			key: "listener.accessLog.format", form: "text", yaml: logs("{format: text"+inFile+"}", inFile), instead: "json",
			check: logged(file, few, `"GET /200 HTTP/1.1" 200`, `"GET /404 HTTP/1.1" 404`),
		},
		{
			key: "listener.accessLog.path", yaml: logs("{format: "+line+inFile+"}", inFile),
			check: logged(file, few, "/200", "/404"),
		},
		filtered("filter", "{status: [5xx]}", "/500", "/503"),
		filtered("filter.status", "{status: [404, 5xx, 201-203]}", "/202", "/404", "/500", "/503"),
		filtered("filter.minDuration", "{minDuration: 500ms}", "/slow"),
		filtered("filter.runtime", "{runtime: log.never}"),
	}
}

// filtered is a log with a filter, and what it leaves of all requests.
func filtered(key, filter string, want ...string) row {
	r := row{
		key: "listener.accessLog." + key, yaml: logs("{format: "+line+inFile+", filter: "+filter+"}", inFile),
		check: logged(file, []string{"/200", "/202", "/404", "/500", "/503", "/slow"}, want...),
	}
	if key == "filter.runtime" {
		r.yaml += "---\nruntime: <name>\nvalues: {log: {never: 0}}\n"
	}
	return r
}

// stdout is what Envoy has written so far, for all rows.
func stdout(p *probe) string { return p.envoy.Stdout() }

// logged sends requests, and wants a line in the log with each of some texts,
// and no other.
func logged(log func(*probe) string, paths []string, want ...string) check {
	return func(p *probe) error {
		for _, path := range paths {
			p.ask("@127.0.0.1:<port> GET " + path + " x-script:slow")
		}
		got := p.log(log)
		for _, w := range want {
			if !strings.Contains(got, p.of(w)) {
				return fmt.Errorf("the log lacks %s: %q", w, got)
			}
		}
		if n := strings.Count(got, "\n"); n != len(want) {
			return fmt.Errorf("the log has %d lines, want %d: %q", n, len(want), got)
		}
		return nil
	}
}

// log returns the row's lines of a log, once all have been written: the row's
// other listener logs after them.
func (p *probe) log(read func(*probe) string) string {
	p.t.Helper()
	end := p.of("end of <name> ")
	p.ask("@127.0.0.1:<port-end> GET /")
	var log string
	envoytest.Eventually(p.t, patience, "the log of "+p.row.title(), func() error {
		all, found := read(p), false
		if log, _, found = strings.Cut(all, end); !found {
			return fmt.Errorf("it is %.1000q", all)
		}
		return nil
	})
	var own strings.Builder
	for line := range strings.Lines(log) {
		if strings.Contains(line, p.of("<host>")) {
			own.WriteString(line)
		}
	}
	return own.String()
}

// file is the row's log file, so far.
func file(p *probe) string {
	text, err := os.ReadFile(p.of("<log>"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}
