package loader

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"dragoman/diag"
	"dragoman/model"
)

// A listener is a listener document. The model's form is the whole of it but
// for the content of files that it names: the documents need only be there.
type listener struct {
	isDefault bool
	groups    []name
	model     *model.Listener
	tls       *listenerTLS // nil is plain HTTP
}

func (d *decoder) listener(v value) *listener {
	m := &model.Listener{
		Name:        v.get("listener").text,
		Origin:      d.file.origin(spotOf(v.get("listener").node)),
		Address:     "0.0.0.0",
		Port:        uint32(v.get("port").integer()),
		TrustedHops: uint32(v.get("trustedHops").integer()),
	}
	if a := v.get("address"); a.node != nil {
		ip, err := netip.ParseAddr(strings.Trim(a.text, "[]"))
		if err != nil || ip.Zone() != "" {
			d.problem(a.node, diag.BadValue, fmt.Sprintf("%q is not an IP address", a.text), "write 0.0.0.0 for every IPv4 address, :: for IPv6")
		}
		m.Address = ip.String()
	}
	m.RouteDiscovery = routeDiscovery(v.get("routeDiscovery").text)
	m.AccessLog = d.accessLog(v.get("accessLog"))
	groups := d.names(v.get("groups"))
	for _, g := range groups {
		m.Groups = append(m.Groups, g.text)
	}
	slices.Sort(m.Groups)
	out := &listener{isDefault: v.get("default").bool(), groups: groups, model: m}
	out.tls, m.TLS = d.tls(v.get("tls"))
	return out
}

// routeDiscovery reads what the schema allows.
func routeDiscovery(text string) model.RouteDiscovery {
	switch text {
	case "rds":
		return model.RoutesInOneTable
	case "srds":
		return model.RoutesByScope
	}
	return model.RoutesByNumber
}

func (d *decoder) accessLog(v value) *model.AccessLog {
	if v.kind != object {
		return d.logFormat(v)
	}
	log := &model.AccessLog{}
	if f := v.get("format"); f.node != nil {
		log = d.logFormat(f) // the schema has refused off
	}
	log.Path = v.get("path").text
	filter := v.get("filter")
	for _, item := range filter.get("status").items {
		log.Filter.Statuses = append(log.Filter.Statuses, d.statusRange(item))
	}
	if t := filter.get("minDuration"); t.node != nil {
		log.Filter.MinDuration = d.duration(t)
	}
	log.Filter.RuntimeKey = filter.get("runtime").text
	return log
}

// logFormat reads off, text, json, or a format of Envoy's.
func (d *decoder) logFormat(v value) *model.AccessLog {
	switch v.text {
	case "", "off":
		return nil
	case "text":
		return &model.AccessLog{Format: model.LogText}
	case "json":
		return &model.AccessLog{Format: model.LogJSON}
	}
	d.format(v)
	return &model.AccessLog{Format: model.LogCustom, Custom: v.text}
}

// statusRange reads 404, 5xx or 200-299.
func (d *decoder) statusRange(v value) model.StatusRange {
	if class, ok := strings.CutSuffix(v.text, "xx"); ok {
		n, _ := strconv.ParseUint(class, 10, 8)
		return model.StatusRange{From: uint32(n) * 100, To: uint32(n)*100 + 99}
	}
	from, to, isRange := strings.Cut(v.text, "-")
	if !isRange {
		to = from
	}
	a, _ := strconv.ParseUint(from, 10, 16) // the schema has checked the form
	b, _ := strconv.ParseUint(to, 10, 16)
	if a > b {
		d.problem(v.node, diag.BadValue, fmt.Sprintf("the range %s is empty", v.text), fmt.Sprintf("write %d-%d", b, a))
	}
	return model.StatusRange{From: uint32(a), To: uint32(b)}
}
