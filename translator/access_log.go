package translator

import (
	"strings"
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	streamv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stream/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"dragoman/model"
)

func accessLog(at scope, l *model.AccessLog) []*accesslogv3.AccessLog {
	if l == nil {
		return nil
	}
	out := &accesslogv3.AccessLog{Filter: logFilter(l.Filter)}
	if l.Path == "" {
		out.Name = "envoy.access_loggers.stdout"
		log := new(streamv3.StdoutAccessLog)
		if f := logFormat(l); f != nil {
			log.AccessLogFormat = &streamv3.StdoutAccessLog_LogFormat{LogFormat: f}
		}
		out.ConfigType = &accesslogv3.AccessLog_TypedConfig{TypedConfig: at.pack(log)}
		return []*accesslogv3.AccessLog{out}
	}
	out.Name = "envoy.access_loggers.file"
	log := &filev3.FileAccessLog{Path: l.Path}
	if f := logFormat(l); f != nil {
		log.AccessLogFormat = &filev3.FileAccessLog_LogFormat{LogFormat: f}
	}
	out.ConfigType = &accesslogv3.AccessLog_TypedConfig{TypedConfig: at.pack(log)}
	return []*accesslogv3.AccessLog{out}
}

// logFormat is nil for Envoy's own text.
func logFormat(l *model.AccessLog) *corev3.SubstitutionFormatString {
	switch l.Format {
	case model.LogText:
		return nil
	case model.LogJSON:
		return &corev3.SubstitutionFormatString{
			Format: &corev3.SubstitutionFormatString_JsonFormat{JsonFormat: jsonFields()},
		}
	case model.LogCustom:
		// Envoy ends no line by itself.
		line := strings.TrimSuffix(l.Custom, "\n") + "\n"
		return &corev3.SubstitutionFormatString{
			Format: &corev3.SubstitutionFormatString_TextFormatSource{TextFormatSource: inline(line)},
		}
	}
	panic(unknown("log format", l.Format))
}

// jsonFields holds what Envoy's text has, and the route.
func jsonFields() *structpb.Struct {
	out := &structpb.Struct{Fields: make(map[string]*structpb.Value)}
	for name, value := range map[string]string{
		"time":             "%START_TIME%",
		"method":           "%REQ(:METHOD)%",
		"host":             "%REQ(:AUTHORITY)%",
		"path":             "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
		"protocol":         "%PROTOCOL%",
		"status":           "%RESPONSE_CODE%",
		"statusDetails":    "%RESPONSE_CODE_DETAILS%",
		"flags":            "%RESPONSE_FLAGS%",
		"bytesReceived":    "%BYTES_RECEIVED%",
		"bytesSent":        "%BYTES_SENT%",
		"durationMs":       "%DURATION%",
		"upstreamMs":       "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
		"attempts":         "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
		"client":           "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
		"forwardedFor":     "%REQ(X-FORWARDED-FOR)%",
		"userAgent":        "%REQ(USER-AGENT)%",
		"requestId":        "%REQ(X-REQUEST-ID)%",
		"route":            "%ROUTE_NAME%",
		"service":          "%UPSTREAM_CLUSTER_RAW%",
		"upstream":         "%UPSTREAM_HOST%",
		"transportFailure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
	} {
		out.Fields[name] = structpb.NewStringValue(value)
	}
	return out
}

func inline(text string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: text}}
}

// logFilter keeps the requests for which every condition holds; nil keeps all.
func logFilter(f model.LogFilter) *accesslogv3.AccessLogFilter {
	var all []*accesslogv3.AccessLogFilter
	if len(f.Statuses) > 0 {
		all = append(all, statusFilter(f.Statuses))
	}
	if f.MinDuration > 0 {
		all = append(all, &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_DurationFilter{
			DurationFilter: &accesslogv3.DurationFilter{
				Comparison: compare(accesslogv3.ComparisonFilter_GE, uint32(f.MinDuration/time.Millisecond)),
			},
		}})
	}
	if f.RuntimeKey != "" {
		all = append(all, &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_RuntimeFilter{
			RuntimeFilter: &accesslogv3.RuntimeFilter{
				RuntimeKey: f.RuntimeKey,
				// Envoy's own default is nothing at all.
				PercentSampled: &typev3.FractionalPercent{
					Numerator: 100, Denominator: typev3.FractionalPercent_HUNDRED,
				},
			},
		}})
	}
	return allOf(all)
}

// statusFilter keeps a request whose status is in any of the ranges.
func statusFilter(ranges []model.StatusRange) *accesslogv3.AccessLogFilter {
	var either []*accesslogv3.AccessLogFilter
	for _, r := range ranges {
		either = append(either, statusRange(r))
	}
	if len(either) == 1 {
		return either[0]
	}
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_OrFilter{
		OrFilter: &accesslogv3.OrFilter{Filters: either},
	}}
}

func statusRange(r model.StatusRange) *accesslogv3.AccessLogFilter {
	if r.From == r.To {
		return status(accesslogv3.ComparisonFilter_EQ, r.From)
	}
	return allOf([]*accesslogv3.AccessLogFilter{
		status(accesslogv3.ComparisonFilter_GE, r.From),
		status(accesslogv3.ComparisonFilter_LE, r.To),
	})
}

func status(op accesslogv3.ComparisonFilter_Op, code uint32) *accesslogv3.AccessLogFilter {
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_StatusCodeFilter{
		StatusCodeFilter: &accesslogv3.StatusCodeFilter{Comparison: compare(op, code)},
	}}
}

func compare(op accesslogv3.ComparisonFilter_Op, value uint32) *accesslogv3.ComparisonFilter {
	return &accesslogv3.ComparisonFilter{Op: op, Value: &corev3.RuntimeUInt32{DefaultValue: value}}
}

func allOf(filters []*accesslogv3.AccessLogFilter) *accesslogv3.AccessLogFilter {
	switch len(filters) {
	case 0:
		return nil
	case 1:
		return filters[0]
	}
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_AndFilter{
		AndFilter: &accesslogv3.AndFilter{Filters: filters},
	}}
}
