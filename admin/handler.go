package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dragoman/diag"
)

// index is what / says. There is no page yet.
const index = `Dragoman

/healthz            the process works
/readyz             a valid configuration is being served
/metrics            for Prometheus
/api/v1/status      all in short
/api/v1/problems    what is wrong with files or refused by Envoys, and where
/api/v1/nodes       the Envoys, and what each has accepted and refused
/api/v1/services    what is served, and which file it is from
/api/v1/versions    what was published, and when
/api/v1/reload      POST looks at all files at once
/api/v1/approve     POST lets go what is held because too much went at once
`

// Handler answers all paths.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for path, h := range map[string]http.HandlerFunc{
		"/{$}":             func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, index) },
		"/healthz":         func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") },
		"/readyz":          s.readyz,
		"/metrics":         promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP,
		"/api/v1/status":   s.status,
		"/api/v1/problems": s.problems,
		"/api/v1/nodes":    s.nodes,
		"/api/v1/services": s.services,
		"/api/v1/versions": s.versions,
	} {
		mux.Handle(path, only(h, http.MethodGet, http.MethodHead))
	}
	mux.Handle("/api/v1/reload", only(outcome(s.o.Reload), http.MethodPost))
	mux.Handle("/api/v1/approve", only(outcome(s.o.Approve), http.MethodPost))
	if s.o.Profile {
		profiles(mux)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, fmt.Sprintf("there is no %s; / lists what there is", r.URL.Path))
	})
	// A page of another site that somebody looks at must not POST here.
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusForbidden, "a request from the page of another site")
	}))
	return guard.Handler(mux)
}

// profiles are Go's own, of the processor time, the heap and so on.
func profiles(mux *http.ServeMux) {
	for path, h := range map[string]http.HandlerFunc{
		"/debug/pprof/":        pprof.Index,
		"/debug/pprof/cmdline": pprof.Cmdline,
		"/debug/pprof/profile": pprof.Profile,
		"/debug/pprof/symbol":  pprof.Symbol,
		"/debug/pprof/trace":   pprof.Trace,
	} {
		mux.Handle(path, only(h, http.MethodGet, http.MethodHead))
	}
}

// only refuses other methods.
func only(h http.HandlerFunc, methods ...string) http.Handler {
	allow := strings.Join(methods, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(methods, r.Method) {
			h(w, r)
			return
		}
		w.Header().Set("Allow", allow)
		fail(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s takes %s", r.URL.Path, allow))
	})
}

// readyz says in words why the server is not ready.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	why := notReady(s.o.State())
	if why != "" {
		plain(w, http.StatusServiceUnavailable, why+"\n")
		return
	}
	plain(w, http.StatusOK, "ok\n")
}

// notReady says why nothing is served, and nothing if something is: once there
// is a configuration it goes on being served, whatever becomes of the files.
func notReady(s State) string {
	switch {
	case len(s.Versions) > 0:
		return ""
	case s.Looked.IsZero():
		return "the directory has not been read yet"
	case s.Trouble != "":
		return "the directory cannot be read: " + s.Trouble
	case s.Pending:
		return "the first configuration could not be published yet; see the log"
	case len(s.Held) == 1:
		return "nothing valid to serve: " + s.Held[0] + " is wrong; see /api/v1/problems"
	case len(s.Held) > 1:
		return fmt.Sprintf("nothing valid to serve: %d files are wrong; see /api/v1/problems", len(s.Held))
	}
	return "the directory holds no document yet"
}

func (s *Server) problems(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, problems(s.o.State().all()))
}

// problems is what validate prints with -o json.
func problems(ps diag.Problems) json.RawMessage {
	var b bytes.Buffer
	if err := diag.JSON(&b, ps); err != nil {
		panic("admin: problems cannot be encoded: " + err.Error()) // they are text and numbers
	}
	return b.Bytes()
}

// outcome does something and answers with what that has led to.
func outcome(do func(context.Context) (State, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), reloadTime)
		defer cancel()
		state, err := do(ctx)
		switch {
		case err != nil:
			fail(w, http.StatusServiceUnavailable, err.Error())
		case state.Pending:
			answer(w, http.StatusServiceUnavailable, outcomeOf(state))
		case !state.OK:
			answer(w, http.StatusUnprocessableEntity, outcomeOf(state))
		default:
			answer(w, http.StatusOK, outcomeOf(state))
		}
	}
}

func plain(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text)) // whoever asked may have gone
}

// answer writes JSON.
func answer(w http.ResponseWriter, code int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // people read it
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		panic("admin: an answer cannot be encoded: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes()) // whoever asked may have gone
}

// fail writes an error.
func fail(w http.ResponseWriter, code int, msg string) {
	answer(w, code, map[string]string{"error": msg})
}
