package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"

	"dragoman/pipeline"
)

func TestReport(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir)
		first := time.Now()
		if r := l.Report(); !r.Looked.Equal(first) || r.OK() || len(r.Versions) > 0 || r.Files > 0 {
			t.Errorf("of an empty directory the report is %+v", r)
		}
		time.Sleep(time.Second)
		l.write("a.yaml", goodA)
		l.write("b.yaml", goodB)
		l.hint()
		r := l.Report()
		if !r.OK() || !r.Succeeded.Equal(time.Now()) || r.Files != 2 || r.Pending || r.Config.Services.Len() != 2 {
			t.Errorf("of two good files the report is %+v", r)
		}
		want := []pipeline.Version{{
			Version: l.versions()[0], At: first.Add(time.Second), Services: 2, Changed: 2, Files: []string{"a.yaml", "b.yaml"},
			Resources: map[string]int{resource.ClusterType: 2, resource.EndpointType: 2, resource.ListenerType: 1, resource.RouteType: 1},
		}}
		if diff := cmp.Diff(want, r.Versions); diff != "" {
			t.Errorf("versions (-want +got):\n%s", diff)
		}

		time.Sleep(time.Second)
		l.write("b.yaml", "service: [")
		l.hint("b.yaml")
		r = l.Report()
		if r.OK() || !slices.Equal(r.Held, []string{"b.yaml"}) || !r.Succeeded.Equal(first.Add(time.Second)) || !r.Problems.HasErrors() || len(r.Versions) != 1 {
			t.Errorf("of a bad file the report is %+v", r)
		}
		l.write("b.yaml", strings.Replace(goodB, "10.0.0.2", "10.0.0.3", 1))
		l.hint("b.yaml")
		if r = l.Report(); !r.OK() || len(r.Problems) > 0 || len(r.Versions) != 2 || !slices.Equal(r.Versions[0].Files, []string{"b.yaml"}) {
			t.Errorf("of a file that was mended the report is %+v", r)
		}
		want = []pipeline.Version{r.Versions[1]}
		for i := range 60 {
			l.write("a.yaml", strings.Replace(goodA, "10.0.0.1", fmt.Sprint("10.0.1.", i), 1))
			l.hint("a.yaml")
		}
		if got := l.Report(); len(got.Versions) != 50 || got.Versions[0].Version != l.versions()[61] {
			t.Errorf("%d versions are kept, want the last 50", len(got.Versions))
		}
		if diff := cmp.Diff(want, r.Versions[1:]); diff != "" {
			t.Errorf("an old report has changed (-want +got):\n%s", diff)
		}
	})
}

// A directory that is gone is trouble until it is back.
func TestReportOfTrouble(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir)
		l.write("a.yaml", goodA)
		l.hint()
		if err := os.Rename(dir, dir+"2"); err != nil {
			t.Fatal(err)
		}
		l.hint()
		if r := l.Report(); r.OK() || !strings.Contains(r.Trouble, "no such file") || r.Files != 1 {
			t.Errorf("of a directory that is gone the report is %+v", r)
		}
		if err := os.Rename(dir+"2", dir); err != nil {
			t.Fatal(err)
		}
		l.hint()
		if r := l.Report(); !r.OK() {
			t.Errorf("of a directory that is back the report is %+v", r)
		}
		if want := []bool{true, false}; !slices.Equal(l.looks, want) { // nothing was new in the last one
			t.Errorf("looks that were told of: %v, want %v", l.looks, want)
		}
	})
}

// Look needs no hint, and comes back with what it has led to.
func TestLook(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := start(t, dir)
		l.write("a.yaml", goodA)
		r, err := l.Look(t.Context())
		if err != nil || len(r.Versions) != 1 || len(l.versions()) != 1 {
			t.Errorf("Look at a good file: %+v, %v", r, err)
		}
		l.write("b.yaml", "")
		if r, err = l.Look(t.Context()); err != nil || len(r.Unsettled) > 0 || !slices.Equal(r.Held, []string{"b.yaml"}) {
			t.Errorf("Look at a file that might have been in the making: %+v, %v", r, err)
		}
		l.refuses(1)
		l.write("b.yaml", goodB)
		if r, err = l.Look(t.Context()); err != nil || !r.Pending || len(r.Versions) != 1 {
			t.Errorf("Look when publishing fails: %+v, %v", r, err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if r = l.Report(); r.Pending || len(r.Versions) != 2 {
			t.Errorf("after it was tried again: %+v", r)
		}
	})
}

// Nobody waits for ever for a pipeline that does not run.
func TestLookWithoutRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := pipeline.New(pipeline.Options{Dir: t.TempDir()}).Look(ctx); err == nil {
			t.Error("Look without Run: no error")
		}
	})
}
