package main

import (
	"errors"
	"fmt"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/spf13/pflag"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"dragoman/diag"
	"dragoman/model"
	"dragoman/snapshot"
	"dragoman/translator"
)

// A nodeFlag is the one Envoy that a command is asked about.
type nodeFlag struct{ name, metadata string }

func (n *nodeFlag) flags(f *pflag.FlagSet, what string) {
	f.StringVar(&n.name, "node", "", what+" this Envoy, as its bootstrap names it: `ID[/CLUSTER]`")
	f.StringVar(&n.metadata, "node-metadata", "", "its metadata, such as `{\"region\":\"eu\"}`")
}

// node is what the Envoy says of itself, or nil if none is asked about.
func (n *nodeFlag) node() (*corev3.Node, error) {
	if n.name == "" {
		if n.metadata != "" {
			return nil, errors.New("--node-metadata is of a --node: name it")
		}
		return nil, nil //nolint:nilnil // no node is no error
	}
	out := &corev3.Node{Id: n.name}
	// An id may have slashes, a cluster hardly: a/b/ is the id a/b.
	if i := strings.LastIndexByte(n.name, '/'); i >= 0 {
		out.Id, out.Cluster = n.name[:i], n.name[i+1:]
	}
	if n.metadata != "" {
		out.Metadata = &structpb.Struct{}
		if err := protojson.Unmarshal([]byte(n.metadata), out.Metadata); err != nil {
			return nil, fmt.Errorf(`--node-metadata must be a JSON object, such as {"region": "eu"}: %w`, err)
		}
	}
	return out, nil
}

// within are the resources that are in a view.
func within(v *snapshot.View, r translator.Resources) translator.Resources {
	r.Clusters = inSet(v.Set(resourcev3.ClusterType), r.Clusters, (*clusterv3.Cluster).GetName)
	r.Endpoints = inSet(v.Set(resourcev3.EndpointType), r.Endpoints, (*endpointv3.ClusterLoadAssignment).GetClusterName)
	r.Listeners = inSet(v.Set(resourcev3.ListenerType), r.Listeners, (*listenerv3.Listener).GetName)
	r.Routes = inSet(v.Set(resourcev3.RouteType), r.Routes, (*routev3.RouteConfiguration).GetName)
	r.ScopedRoutes = inSet(v.Set(resourcev3.ScopedRouteType), r.ScopedRoutes, (*routev3.ScopedRouteConfiguration).GetName)
	r.Runtimes = inSet(v.Set(resourcev3.RuntimeType), r.Runtimes, (*runtimev3.Runtime).GetName)
	r.Secrets = inSet(v.Set(resourcev3.SecretType), r.Secrets, (*tlsv3.Secret).GetName)
	return r
}

func inSet[M proto.Message](set *snapshot.Set, in []M, name func(M) string) []M {
	out := make([]M, 0, set.Len())
	for _, m := range in {
		if set.Get(name(m)) != nil {
			out = append(out, m)
		}
	}
	return out
}

// shadowed warns of the listeners that an Envoy would have and does not get.
func shadowed(c *model.Config, v *snapshot.View, node *corev3.Node) diag.Problems {
	var out diag.Problems
	for _, s := range v.Shadowed {
		at, by := c.Listeners[s.Listener].Origin, c.Listeners[s.By].Origin
		out = append(out, diag.Problem{
			Severity: diag.Warning, Code: diag.SamePort, File: at.File, Line: at.Line, Col: at.Col, Width: len(s.Listener),
			Msg:     fmt.Sprintf("the listeners %s and %s have one address, %s, and the node %s is in groups of both: it does not get this one", s.By, s.Listener, s.Address, node.GetId()),
			Hint:    "give it another port, or the node to one of the groups",
			Related: []diag.Place{{File: by.File, Line: by.Line, Col: by.Col, Msg: "the other is here"}},
		})
	}
	return out
}
