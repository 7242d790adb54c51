// Command parts does what a cold start cannot leave out, once, on all
// processors: it reads files, parses them to nodes with yaml.v3, validates each
// with its schema, and builds and marshals its protos. It prints how long the
// whole took and how much of it each part, as JSON.
//
// It resolves no names between files, checks no resource, hashes nothing but
// resources, watches nothing and serves nobody.
//
//	parts DIR [FILES]
//
// With FILES it takes so many of the services, those that a burst replaces.
package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"gopkg.in/yaml.v3"

	"dragoman/bench/least"
	"dragoman/bench/site"
	"dragoman/schema"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "parts:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// costs is how long the parts took, summed over the goroutines, and the whole.
type costs struct {
	Read, Parse, Schema, Protos time.Duration
	Wall, CPU                   time.Duration
}

func run(dir string, args []string) error {
	schema.Validate("service", map[string]any{}) // compiles the schemas
	cpu, began := used(), time.Now()
	paths, err := files(dir, args)
	if err != nil {
		return err
	}
	sum, err := all(paths)
	if err != nil {
		return err
	}
	sum.Wall, sum.CPU = time.Since(began), used()-cpu
	return json.NewEncoder(os.Stdout).Encode(sum)
}

// files are all of the directory, or the first services.
func files(dir string, args []string) ([]string, error) {
	var out []string
	of := site.Site{Dir: dir}
	if len(args) > 0 {
		n, err := strconv.Atoi(args[0])
		for i := range n {
			out = append(out, of.Path(i))
		}
		return out, err
	}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".yaml" {
			out = append(out, path)
		}
		return err
	})
	return out, err
}

// all takes the files by as many goroutines as there are processors, and keeps
// what comes of them until the end, as a server does.
func all(paths []string) (costs, error) {
	var (
		g   sync.WaitGroup
		mu  sync.Mutex // guards what follows
		sum costs
		bad error
	)
	workers := runtime.GOMAXPROCS(0)
	kept := make([][]map[least.Key]*discoveryv3.Resource, workers)
	for w := range workers {
		g.Go(func() {
			var own costs
			var err error
			for i := w; i < len(paths) && err == nil; i += workers {
				var made map[least.Key]*discoveryv3.Resource
				made, err = own.take(paths[i])
				kept[w] = append(kept[w], made)
			}
			mu.Lock()
			defer mu.Unlock()
			sum.Read += own.Read
			sum.Parse += own.Parse
			sum.Schema += own.Schema
			sum.Protos += own.Protos
			if err != nil {
				bad = err
			}
		})
	}
	g.Wait()
	runtime.KeepAlive(kept)
	return sum, bad
}

// take does everything for one file. The nodes are parsed once, and decoded for
// the schema and for the protos.
func (c *costs) take(path string) (map[least.Key]*discoveryv3.Resource, error) {
	began := time.Now()
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	read := time.Now()
	var node yaml.Node
	if err := yaml.Unmarshal(data, &node); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	parsed := time.Now()
	var values map[string]any
	if err := node.Decode(&values); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	kind := "service"
	if _, ok := values["listener"]; ok {
		kind = "listener"
	}
	if found := schema.Validate(kind, values); len(found) > 0 {
		return nil, fmt.Errorf("%s: %v", path, found)
	}
	valid := time.Now()
	var d least.Document
	if err := node.Decode(&d); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	made, err := least.Build(d)
	c.Read += read.Sub(began)
	c.Parse += parsed.Sub(read)
	c.Schema += valid.Sub(parsed)
	c.Protos += time.Since(valid)
	return made, err
}

// used is the processor time of this process.
func used() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0 // it knows of no process but its own
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
