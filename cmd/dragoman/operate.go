package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/pflag"
)

// An operator asks a running server by its admin address.
type operator struct{ admin string }

func (o *operator) flags(f *pflag.FlagSet) {
	f.StringVar(&o.admin, "admin", "localhost:18001", "the server's admin address, HOST:PORT")
}

// ask asks one path, whose answer may have any of the codes.
func (o *operator) ask(ctx context.Context, method, path string, into any, codes ...int) error {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+o.admin+path, nil)
	if err != nil {
		return fmt.Errorf("--admin %q: %w", o.admin, err)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("asking the server: %w", err)
	}
	defer got.Body.Close()
	if !slices.Contains(codes, got.StatusCode) {
		return fmt.Errorf("asking the server: %s answers %s", path, got.Status)
	}
	if err := json.NewDecoder(got.Body).Decode(into); err != nil {
		return fmt.Errorf("asking the server: %s: %w", path, err)
	}
	return nil
}

// What the API answers, as far as it is printed. See docs/admin.md.
type (
	serverStatus struct {
		Directory, Trouble, Version string
		OK, Pending                 bool
		Files                       struct{ Held, Unsettled []string }
		Envoys                      struct {
			Connected int
			InSync    int `json:"in_sync"`
		}
	}

	serverVersions struct{ Versions []struct{ Version string } }

	serverNodes struct{ Nodes []serverNode }

	serverNode struct {
		ID, Cluster, Peer string
		Connected         bool
		InSync            bool `json:"in_sync"`
		Since             time.Time
		Streams           []struct {
			Types []struct {
				Type    string
				Refused *struct{ Error string }
			}
		}
	}

	serverProblems struct{ Problems []serverProblem }

	serverProblem struct {
		Severity, File, Code, Message, Hint string
		Line, Column                        int
	}
)

// settled tells whether all files are served and all Envoys have them.
func (s serverStatus) settled() bool {
	return s.OK && !s.Pending && len(s.Files.Unsettled) == 0 && s.Envoys.InSync == s.Envoys.Connected
}

// published tells whether a version serves or has served.
func (v serverVersions) published(version string) bool {
	return slices.ContainsFunc(v.Versions, func(o struct{ Version string }) bool { return o.Version == version })
}

func (s serverStatus) String() string {
	version := "nothing is published yet"
	if s.Version != "" {
		version = "version " + s.Version
	}
	return fmt.Sprintf("%s: %s, %d of %d connected Envoys in sync", s.Directory, version, s.Envoys.InSync, s.Envoys.Connected)
}

// refusals are what an Envoy refuses, by type and in its words.
func (n serverNode) refusals() []string {
	var out []string
	for _, stream := range n.Streams {
		for _, t := range stream.Types {
			if t.Refused != nil {
				out = append(out, fmt.Sprintf("%s refuses %s: %s", n.ID, t.Type, t.Refused.Error))
			}
		}
	}
	return out
}

// state is a word for an Envoy.
func (n serverNode) state() string {
	switch {
	case !n.Connected:
		return "gone"
	case len(n.refusals()) > 0:
		return "refuses"
	case n.InSync:
		return "in sync"
	}
	return "behind"
}

func (p serverProblem) String() string {
	text := fmt.Sprintf("%s:%d:%d: %s: %s", p.File, p.Line, p.Column, p.Severity, p.Message)
	if p.Hint != "" {
		text += ", " + p.Hint
	}
	return text + " [" + p.Code + "]"
}
