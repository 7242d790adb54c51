package translator

import (
	"fmt"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/diag"
	"dragoman/model"
)

// maxBody is the largest body of a direct response. Envoy's own limit is 4 KiB.
const maxBody = 64 << 10

func routeAction(at scope, of protocols, p model.PathMatch, f *model.Forward) *routev3.RouteAction {
	out := &routev3.RouteAction{
		Timeout:        durationpb.New(f.Timeout), // 0 is none; Envoy's own is 15 s
		RetryPolicy:    retryPolicy(at, f.Retry),
		UpgradeConfigs: webSockets(f.WebSocket),
	}
	if len(f.To) == 1 {
		out.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: f.To[0].Service}
	} else {
		out.ClusterSpecifier = &routev3.RouteAction_WeightedClusters{WeightedClusters: split(at, of, f)}
	}
	if f.IdleTimeout != nil {
		out.IdleTimeout = durationpb.New(*f.IdleTimeout)
	}
	switch {
	case f.HostRewrite.Auto:
		out.HostRewriteSpecifier = &routev3.RouteAction_AutoHostRewrite{AutoHostRewrite: wrapperspb.Bool(true)}
	case f.HostRewrite.Name != "":
		out.HostRewriteSpecifier = &routev3.RouteAction_HostRewriteLiteral{HostRewriteLiteral: f.HostRewrite.Name}
	}
	r := rewrite(at, p, f.PathRewrite)
	out.PrefixRewrite, out.RegexRewrite = r.prefix, r.regex
	return out
}

func split(at scope, of protocols, f *model.Forward) *routev3.WeightedCluster {
	out := new(routev3.WeightedCluster)
	for _, t := range f.To {
		share := &routev3.WeightedCluster_ClusterWeight{Name: t.Service, Weight: wrapperspb.UInt32(t.Weight)}
		if asksHTTP1(f, of(t.Service)) {
			share.TypedPerFilterConfig = askHTTP1(at)
		}
		out.Clusters = append(out.Clusters, share)
	}
	return out
}

func redirectAction(at scope, p model.PathMatch, r *model.Redirect) *routev3.RedirectAction {
	out := &routev3.RedirectAction{
		HostRedirect: r.Host,
		PortRedirect: r.Port,
		ResponseCode: redirectCode(r.Code),
		StripQuery:   r.StripQuery,
	}
	switch r.Scheme {
	case "":
	case "https":
		out.SchemeRewriteSpecifier = &routev3.RedirectAction_HttpsRedirect{HttpsRedirect: true}
	default:
		out.SchemeRewriteSpecifier = &routev3.RedirectAction_SchemeRedirect{SchemeRedirect: r.Scheme}
	}
	if r.PathKind == model.RewritePath {
		out.PathRewriteSpecifier = &routev3.RedirectAction_PathRedirect{PathRedirect: r.Path}
		return out
	}
	switch w := rewrite(at, p, model.PathRewrite{Kind: r.PathKind, With: r.Path}); {
	case w.prefix != "":
		out.PathRewriteSpecifier = &routev3.RedirectAction_PrefixRewrite{PrefixRewrite: w.prefix}
	case w.regex != nil:
		out.PathRewriteSpecifier = &routev3.RedirectAction_RegexRewrite{RegexRewrite: w.regex}
	}
	return out
}

func redirectCode(code uint32) routev3.RedirectAction_RedirectResponseCode {
	switch code {
	case 301:
		return routev3.RedirectAction_MOVED_PERMANENTLY
	case 302:
		return routev3.RedirectAction_FOUND
	case 303:
		return routev3.RedirectAction_SEE_OTHER
	case 307:
		return routev3.RedirectAction_TEMPORARY_REDIRECT
	case 308:
		return routev3.RedirectAction_PERMANENT_REDIRECT
	}
	panic(unknown("redirect code", code))
}

func directResponse(at scope, r *model.Respond) *routev3.DirectResponseAction {
	if len(r.Body) > maxBody {
		at.refuse(diag.BadValue, fmt.Sprintf("%s has a body of %d bytes, and %d is the limit", at.what, len(r.Body), maxBody))
	}
	out := &routev3.DirectResponseAction{Status: r.Status}
	if r.Body != "" {
		out.Body = inline(r.Body)
	}
	return out
}

// contentType is set as a header: the response itself has no place for it.
func contentType(r *model.Respond) []*corev3.HeaderValueOption {
	if r.ContentType == "" {
		return nil
	}
	set := model.Header{Name: "content-type", Value: literal(r.ContentType)}
	return []*corev3.HeaderValueOption{header(set, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD)}
}
