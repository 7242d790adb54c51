package pipeline_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"dragoman/diag"
	"dragoman/loader"
	"dragoman/pipeline"
)

const otherA = "service: a\nhosts: [a.example.org]\nupstream: http://10.0.0.1:80\n"

// rolling notes what is about to be published.
func rolling(all *[]pipeline.Publication) func(*loop, *pipeline.Options) {
	return func(_ *loop, o *pipeline.Options) {
		o.Rollback = true
		o.Publishing = func(p pipeline.Publication) { *all = append(*all, p) }
	}
}

func refused(file string) diag.Problems {
	return diag.Problems{{Code: diag.RolledBack, File: file, Line: 1, Col: 1, Msg: "refused"}}
}

// What Envoys reject goes back to what they accepted, once; a file that has
// changed since is left alone.
func TestRejectedFilesGoBack(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var all []pipeline.Publication
		l := start(t, dir, rolling(&all))
		l.write("a.yaml", goodA)
		l.write("b.yaml", goodB)
		l.hint()
		good := l.published[0]
		l.Accepted(good, nil)
		synctest.Wait()

		l.write("a.yaml", otherA)
		l.hint("a.yaml")
		bad := l.published[1]
		if p := all[1]; p.Snapshot.Version != bad || !slices.Equal(p.Files, []string{"a.yaml"}) || p.Config.Services.Get("a").Hosts[0] != "a.example.org" {
			t.Errorf("it was said that %s is published, changed in %v", p.Snapshot.Version, p.Files)
		}
		l.Reject(bad, refused("a.yaml"))
		synctest.Wait()
		l.wantPublished("a is back", 3)
		if l.published[2] != good {
			t.Errorf("after the rejection %s serves, want %s", l.published[2], good)
		}
		if r := l.Report(); !slices.Equal(r.Held, []string{"a.yaml"}) || len(r.Problems) != 1 || r.Problems[0].Code != diag.RolledBack {
			t.Errorf("held are %v for %v", r.Held, r.Problems)
		}
		if n := strings.Count(l.log.String(), "Envoys refuse a file; what was accepted of it last serves"); n != 1 {
			t.Errorf("that was logged %d times, want once:\n%s", n, l.log.String())
		}
		l.Reject(bad, refused("a.yaml"))
		l.Reject("of long ago", refused("b.yaml"))
		l.Reject(good, refused("b.yaml"))
		l.hint()
		l.wantPublished("nothing is left to reject", 3)

		l.write("a.yaml", strings.Replace(otherA, "10.0.0.1", "10.0.0.3", 1))
		l.hint("a.yaml")
		l.wantPublished("a is mended", 4)
		l.Reject(bad, refused("a.yaml"))
		synctest.Wait()
		l.wantPublished("another content was rejected", 4)
	})
}

// Before anything was accepted there is nothing to go back to; what a restart
// restored is something.
func TestTheFirstVersionStays(t *testing.T) {
	for name, restored := range map[string][]loader.Source{"no state": nil, "restored": {{Path: "a.yaml", Data: []byte(goodA)}}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				var all []pipeline.Publication
				l := start(t, dir, rolling(&all), func(l *loop, o *pipeline.Options) {
					l.write("a.yaml", otherA)
					o.Restore = restored
				})
				before := len(l.published)
				l.Reject(l.published[before-1], refused("a.yaml"))
				synctest.Wait()
				if back := len(l.published) > before; back != (restored != nil) {
					t.Errorf("it goes back: %t, want %t", back, restored != nil)
				}
			})
		})
	}
}
