package admin

import (
	"net/http"
	"time"

	"dragoman/fleet"
)

// The names of these fields are the API: they stay, and docs/admin.md has them.
type (
	statusJSON struct {
		Directory string     `json:"directory"`
		Ready     bool       `json:"ready"`
		Reason    string     `json:"reason,omitzero"` // why it is not ready
		OK        bool       `json:"ok"`
		Trouble   string     `json:"trouble,omitzero"`
		Version   string     `json:"version,omitzero"`
		Published *time.Time `json:"published,omitzero"`
		Pending   bool       `json:"pending"`
		Looked    *time.Time `json:"looked,omitzero"`
		Succeeded *time.Time `json:"succeeded,omitzero"`
		Files     filesJSON  `json:"files"`
		Services  int        `json:"services"`
		Errors    int        `json:"errors"`
		Warnings  int        `json:"warnings"`
		Envoys    envoysJSON `json:"envoys"`
		Watch     watchJSON  `json:"watch"`
	}

	filesJSON struct {
		Served    int      `json:"served"` // their newest content is
		Held      []string `json:"held"`
		Unsettled []string `json:"unsettled"`
	}

	envoysJSON struct {
		Connected int `json:"connected"`
		InSync    int `json:"in_sync"`
	}

	watchJSON struct {
		Mode      string `json:"mode"`
		Events    uint64 `json:"events"`
		Overflows uint64 `json:"overflows"`
		Rearms    uint64 `json:"rearms"`
	}

	// outcomeJSON answers a reload and an approval. Report is what /api/v1/problems has.
	outcomeJSON struct {
		OK      bool      `json:"ok"`
		Trouble string    `json:"trouble,omitzero"`
		Version string    `json:"version,omitzero"`
		Pending bool      `json:"pending"`
		Files   filesJSON `json:"files"`
		Report  any       `json:"report"`
	}

	servicesJSON struct {
		Services []serviceJSON `json:"services"`
	}

	serviceJSON struct {
		Name      string   `json:"name"`
		File      string   `json:"file"`
		Line      int      `json:"line"`
		Hosts     []string `json:"hosts"`
		Listeners []string `json:"listeners"`
		Routes    int      `json:"routes"`
		Held      bool     `json:"held"` // its file has newer content that is not served
	}

	versionsJSON struct {
		Versions []versionJSON `json:"versions"`
	}

	versionJSON struct {
		Version      string         `json:"version"`
		Published    time.Time      `json:"published"`
		Services     int            `json:"services"`
		Resources    map[string]int `json:"resources"`
		ChangedFiles int            `json:"changed_files"`
		Files        []string       `json:"files"` // the first of those
	}

	nodesJSON struct {
		Published *time.Time        `json:"published,omitzero"`
		Versions  map[string]string `json:"versions"`
		Envoys    envoysJSON        `json:"envoys"`
		Nodes     []nodeJSON        `json:"nodes"`
	}

	nodeJSON struct {
		ID        string       `json:"id"`
		Cluster   string       `json:"cluster"`
		Peer      string       `json:"peer"`
		Connected bool         `json:"connected"`
		Since     time.Time    `json:"since"`
		InSync    bool         `json:"in_sync"`
		Streams   []streamJSON `json:"streams"`
	}

	streamJSON struct {
		Protocol string     `json:"protocol"`
		Service  string     `json:"service"`
		Since    time.Time  `json:"since"`
		InSync   bool       `json:"in_sync"`
		Types    []typeJSON `json:"types"`
	}

	typeJSON struct {
		Type     string    `json:"type"`
		InSync   bool      `json:"in_sync"`
		Offered  *markJSON `json:"offered,omitzero"`
		Accepted *markJSON `json:"accepted,omitzero"`
		Refused  *markJSON `json:"refused,omitzero"`
	}

	markJSON struct {
		Version string    `json:"version"`
		Since   time.Time `json:"since"`
		Error   string    `json:"error,omitzero"` // of a refusal, in Envoy's words
	}
)

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	state, watch, counts := s.o.State(), s.o.Watch(), s.o.Fleet().Counts()
	all := state.all()
	errs := len(all.Errors())
	out := statusJSON{
		Directory: s.o.Dir,
		Reason:    notReady(state),
		OK:        state.OK,
		Trouble:   state.Trouble,
		Pending:   state.Pending,
		Looked:    moment(state.Looked),
		Succeeded: moment(state.Succeeded),
		Files:     filesOf(state),
		Services:  state.Services,
		Errors:    errs,
		Warnings:  len(all) - errs,
		Envoys:    envoysJSON(counts),
		Watch:     watchJSON(watch),
	}
	out.Ready = out.Reason == ""
	if len(state.Versions) > 0 {
		out.Version, out.Published = state.Versions[0].Version, &state.Versions[0].At
	}
	answer(w, http.StatusOK, out)
}

func outcomeOf(s State) outcomeJSON {
	out := outcomeJSON{OK: s.OK, Trouble: s.Trouble, Pending: s.Pending, Files: filesOf(s), Report: problems(s.all())}
	if len(s.Versions) > 0 {
		out.Version = s.Versions[0].Version
	}
	return out
}

func filesOf(s State) filesJSON {
	return filesJSON{Served: served(s), Held: list(s.Held), Unsettled: list(s.Unsettled)}
}

// served is how many files have their newest content served. A file that is
// held back may be one that is gone, which is not among the files.
func served(s State) int { return max(0, s.Files-len(s.Held)) }

func (s *Server) services(w http.ResponseWriter, _ *http.Request) {
	held := map[string]bool{}
	for _, f := range s.o.State().Held {
		held[f] = true
	}
	out := servicesJSON{Services: []serviceJSON{}}
	for _, v := range s.o.Services() {
		out.Services = append(out.Services, serviceJSON{
			Name: v.Name, File: v.File, Line: v.Line, Routes: v.Routes,
			Hosts: list(v.Hosts), Listeners: list(v.Listeners), Held: held[v.File],
		})
	}
	answer(w, http.StatusOK, out)
}

func (s *Server) versions(w http.ResponseWriter, _ *http.Request) {
	out := versionsJSON{Versions: []versionJSON{}}
	for _, v := range s.o.State().Versions {
		counts := map[string]int{}
		for url, n := range v.Resources {
			counts[short(url)] = n
		}
		out.Versions = append(out.Versions, versionJSON{v.Version, v.At, v.Services, counts, v.Changed, list(v.Files)})
	}
	answer(w, http.StatusOK, out)
}

func (s *Server) nodes(w http.ResponseWriter, _ *http.Request) {
	all := s.o.Fleet()
	out := nodesJSON{
		Published: moment(all.Published.At),
		Versions:  map[string]string{},
		Envoys:    envoysJSON(all.Counts()),
		Nodes:     []nodeJSON{},
	}
	for url, v := range all.Published.Versions {
		out.Versions[short(url)] = v
	}
	for _, n := range all.Nodes {
		node := nodeJSON{n.ID, n.Cluster, n.Peer, n.Connected, n.Since, n.InSync, []streamJSON{}}
		for _, st := range n.Streams {
			node.Streams = append(node.Streams, streamOf(st))
		}
		out.Nodes = append(out.Nodes, node)
	}
	answer(w, http.StatusOK, out)
}

func streamOf(s fleet.StreamState) streamJSON {
	out := streamJSON{s.Protocol, short(s.Service), s.Since, s.InSync, []typeJSON{}}
	for _, t := range s.Types {
		out.Types = append(out.Types, typeJSON{
			Type: short(t.URL), InSync: t.InSync,
			Offered: mark(t.Offered, ""), Accepted: mark(t.Accepted, ""), Refused: mark(t.Refused, t.Words),
		})
	}
	return out
}

func mark(m fleet.Mark, words string) *markJSON {
	if m.Version == "" {
		return nil
	}
	return &markJSON{m.Version, m.At, words}
}

// moment leaves out what has not been.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// list is an array in JSON also when it is empty.
func list(in []string) []string {
	if in == nil {
		return []string{}
	}
	return in
}
