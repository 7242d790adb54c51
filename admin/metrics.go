package admin

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// The results of a reload.
const (
	success = "success"
	failure = "failure"
)

// metrics are what /metrics has. What is counted elsewhere is asked for when
// somebody looks; only what happens at a moment is kept here.
type metrics struct {
	registry    *prometheus.Registry
	reloads     *prometheus.CounterVec
	reloading   prometheus.Histogram
	propagation prometheus.Histogram
}

func newMetrics(o Options) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dragoman_reloads_total",
			Help: "Looks that found something new or could not be taken, by whether all was right.",
		}, []string{"result"}),
		reloading: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "dragoman_reload_duration_seconds",
			Help:    "Time of such a look, from its beginning to the end of the publication.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}),
		propagation: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "dragoman_propagation_seconds",
			Help:    "Time from a publication until the last connected Envoy had accepted it.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 10),
		}),
	}
	m.reloads.WithLabelValues(success)
	m.reloads.WithLabelValues(failure)
	m.registry.MustRegister(
		m.reloads, m.reloading, m.propagation, newState(o),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector(),
	)
	return m
}

// Reloaded counts a look that found something new, or could not be taken.
func (s *Server) Reloaded(ok bool, took time.Duration) {
	result := failure
	if ok {
		result = success
	}
	s.metrics.reloads.WithLabelValues(result).Inc()
	s.metrics.reloading.Observe(took.Seconds())
}

// Propagated notes how long a publication took to be everywhere.
func (s *Server) Propagated(took time.Duration) { s.metrics.propagation.Observe(took.Seconds()) }

// state collects what others know.
type state struct {
	o     Options
	descs []*prometheus.Desc // of rows, in their order
}

// A row is a metric that is asked for.
type row struct {
	name, help string
	kind       prometheus.ValueType
	label      string // "" for none
	values     func(look) []value
}

// A look is everything at one moment.
type look struct {
	State

	watch             Watch
	connected, inSync int
	nacks, refusals   map[string]uint64
}

type value struct {
	label  string
	number float64
}

func one(number float64) []value { return []value{{number: number}} }

func newState(o Options) *state {
	s := &state{o: o}
	for _, r := range rows() {
		var labels []string
		if r.label != "" {
			labels = []string{r.label}
		}
		s.descs = append(s.descs, prometheus.NewDesc("dragoman_"+r.name, r.help, labels, nil))
	}
	return s
}

func rows() []row {
	return []row{
		{
			"config_last_reload_successful", "Whether all files could be read and are right.", prometheus.GaugeValue, "",
			func(l look) []value { return one(number(l.OK)) },
		},
		{
			"config_last_reload_success_timestamp_seconds", "When something new was read last and all was right; 0 if never.", prometheus.GaugeValue, "",
			func(l look) []value { return one(seconds(l.Succeeded)) },
		},
		{
			"config_files", "Configuration files, by whether their newest content is served or held back.", prometheus.GaugeValue, "state",
			func(l look) []value {
				return []value{{"served", float64(served(l.State))}, {"held", float64(len(l.Held))}}
			},
		},
		{
			"config_services", "Services that are served.", prometheus.GaugeValue, "",
			func(l look) []value { return one(float64(l.Services)) },
		},
		{
			"config_problems", "What is wrong with files, by severity.", prometheus.GaugeValue, "severity",
			func(l look) []value {
				errs := len(l.Problems.Errors())
				return []value{{"error", float64(errs)}, {"warning", float64(len(l.Problems) - errs)}}
			},
		},
		{"config_info", "The version that is published; always 1.", prometheus.GaugeValue, "version", version},
		{
			"connected_envoys", "Envoys that are connected.", prometheus.GaugeValue, "",
			func(l look) []value { return one(float64(l.connected)) },
		},
		{
			"envoys_in_sync", "Connected Envoys that have accepted all that is published.", prometheus.GaugeValue, "",
			func(l look) []value { return one(float64(l.inSync)) },
		},
		{"nacks_total", "Responses that Envoys have refused, by resource type.", prometheus.CounterValue, "type", nacks},
		{"refused_resources", "Resources that a connected Envoy refuses now, by type.", prometheus.GaugeValue, "type", refused},
		{"xds_refused_total", "Connections and streams that were turned away, by the reason.", prometheus.CounterValue, "reason", turnedAway},
		{
			"watch_events_total", "Events that the file system told of.", prometheus.CounterValue, "",
			func(l look) []value { return one(float64(l.watch.Events)) },
		},
		{
			"watch_overflows_total", "Times that events were lost for being too many, and everything was looked at.", prometheus.CounterValue, "",
			func(l look) []value { return one(float64(l.watch.Overflows)) },
		},
		{
			"watch_rearms_total", "Times that the watch was found broken and set up again.", prometheus.CounterValue, "",
			func(l look) []value { return one(float64(l.watch.Rearms)) },
		},
	}
}

func version(l look) []value {
	if len(l.Versions) == 0 {
		return nil
	}
	return []value{{l.Versions[0].Version, 1}}
}

func nacks(l look) []value { return byType(l.nacks) }

func refused(l look) []value { return byType(l.Refused) }

// byType has every type from the start: a rate needs a zero to rise from.
func byType[N int | uint64](counts map[string]N) []value {
	var out []value
	for _, name := range types() {
		v := value{label: name}
		for url, n := range counts {
			if short(url) == name {
				v.number += float64(n)
			}
		}
		out = append(out, v)
	}
	return out
}

func turnedAway(l look) []value {
	var out []value
	for _, reason := range slices.Sorted(maps.Keys(l.refusals)) {
		out = append(out, value{reason, float64(l.refusals[reason])})
	}
	return out
}

// Describe is for the registry.
func (s *state) Describe(out chan<- *prometheus.Desc) {
	for _, d := range s.descs {
		out <- d
	}
}

// Collect asks everybody.
func (s *state) Collect(out chan<- prometheus.Metric) {
	all := s.o.Fleet()
	counts := all.Counts()
	l := look{
		State: s.o.State(), watch: s.o.Watch(), connected: counts.Connected, inSync: counts.InSync,
		nacks: all.NACKs, refusals: s.o.Refusals(),
	}
	for i, r := range rows() {
		for _, v := range r.values(l) {
			var labels []string
			if r.label != "" {
				labels = []string{v.label}
			}
			out <- prometheus.MustNewConstMetric(s.descs[i], r.kind, v.number, labels...)
		}
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

// types are the short names of resource types, as Envoy's documentation and
// dragoman render have them.
func types() []string {
	return []string{"cds", "ecds", "eds", "lds", "rds", "rtds", "sds", "srds", "vhds"}
}

// short is the short name of a type URL; what has none is its own.
func short(typeURL string) string {
	switch typeURL[strings.LastIndexByte(typeURL, '.')+1:] {
	case "Cluster":
		return "cds"
	case "ClusterLoadAssignment":
		return "eds"
	case "Listener":
		return "lds"
	case "RouteConfiguration":
		return "rds"
	case "ScopedRouteConfiguration":
		return "srds"
	case "VirtualHost":
		return "vhds"
	case "Secret":
		return "sds"
	case "Runtime":
		return "rtds"
	case "TypedExtensionConfig":
		return "ecds"
	}
	return typeURL
}
