package main

import (
	"os/exec"
	"path/filepath"
)

// A kind is one way from a directory to an Envoy.
type kind struct {
	word string // what -only calls it
	name string // what the table does
	role role
	sotw bool // its clients ask in the older form
	// discovery is how its listener says that Envoys are to find their routes;
	// "" is Dragoman's own choice.
	discovery string
	// keeps means with a state, and with going back to what Envoys accepted.
	keeps bool
}

// role is what program a kind is.
type role int

const (
	dragoman role = iota
	bareLoop
	snapshotCache
	onlyParts // not a server: what a cold start cannot leave out
	ownFiles  // no server: Envoy watches
	nginx
)

// Words of the kinds that bounds compare.
const (
	ours      = "dragoman"
	oursSRDS  = "dragoman-srds"
	oursRDS   = "dragoman-rds"
	oursState = "dragoman-state"
	bare      = "bareloop"
	parts     = "parts"
	cache     = "cache"
	cacheSotw = "cache-sotw"
	filesYAML = "files-yaml"
	filesJSON = "files-json"
)

// kinds are all, in the order of the table.
func kinds() []kind {
	return []kind{
		{word: ours, name: "Dragoman"},
		{word: "dragoman-sotw", name: "Dragoman, SotW", sotw: true},
		{word: oursSRDS, name: "Dragoman, `routeDiscovery: srds`", discovery: "srds"},
		{word: oursRDS, name: "Dragoman, `routeDiscovery: rds`", discovery: "rds"},
		{word: oursState, name: "Dragoman, `--state-dir` and `--on-nack rollback`", keeps: true},
		{word: bare, name: "bare loop", role: bareLoop},
		{word: parts, name: "parts", role: onlyParts},
		{word: cache, name: "SnapshotCache, delta", role: snapshotCache, discovery: "rds"},
		{word: cacheSotw, name: "SnapshotCache, SotW", role: snapshotCache, discovery: "rds", sotw: true},
		{word: filesYAML, name: "Envoy's own files, YAML", role: ownFiles},
		{word: filesJSON, name: "Envoy's own files, JSON", role: ownFiles},
		{word: "nginx", name: "nginx, reloaded", role: nginx},
	}
}

// missing is why a kind cannot be measured here.
func (k kind) missing() string {
	if k.role == nginx {
		if _, err := exec.LookPath("nginx"); err != nil {
			return "it is not installed"
		}
	}
	return ""
}

// plain is true of a server as it comes: a further way of finding routes is
// only measured where routes are, another form only where bytes are.
func (k kind) plain() bool { return k.forms() && !k.sotw }

// forms is true of a server as it comes, in both forms.
func (k kind) forms() bool {
	return k.routes() && (k.role != dragoman || k.discovery == "")
}

// routes is true of what raw clients can ask, in all ways of finding routes.
func (k kind) routes() bool { return k.serves() && !k.keeps }

// serves is true of what raw clients can ask.
func (k kind) serves() bool {
	return k.role == dragoman || k.role == bareLoop || k.role == snapshotCache
}

// command is what starts a server. It is to listen on an address, and on another
// for administration if it has such a thing.
func (k kind) command(programs, dir, address, admin string) (program string, args []string) {
	switch k.role {
	case bareLoop:
		return filepath.Join(programs, "bareloop"), []string{dir, address}
	case snapshotCache:
		return filepath.Join(programs, "snapshotcache"), []string{dir, address}
	case dragoman:
		args = []string{
			"serve", dir, "--listen", address, "--admin", admin, "--admin-pprof",
			"--log-level", "warn", "--quiet", quiet.String(),
		}
		if k.keeps {
			args = append(args, "--state-dir", dir+".state", "--on-nack", "rollback")
		}
		return filepath.Join(programs, "dragoman"), args
	case onlyParts, ownFiles, nginx:
	}
	panic(k.word + " is no server")
}
