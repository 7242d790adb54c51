package snapshot

import (
	"errors"
	"fmt"
	"testing"

	"dragoman/loader"
	"dragoman/table"
	"dragoman/translator"
)

// What it costs to make resources of the messages of n services, of which each
// has a cluster, endpoints, routes and a scope.
func BenchmarkPack(b *testing.B) {
	const n = 1000
	var sources []loader.Source
	for i := range n {
		sources = append(sources, loader.Source{Path: fmt.Sprintf("s%d.yaml", i), Data: fmt.Appendf(nil, `service: s%d
hosts: [s%d.example.com]
upstream: http://10.%d.%d.1:8080
routes:
  - prefix: /api
    timeout: 3s
    retry: {attempts: 2, on: [connect-failure]}
  - prefix: /
    responseHeaders: {set: {x-revision: "1"}}
`, i, i, i/250, i%250)})
	}
	res := loader.New(loader.Options{}).Apply(sources)
	translation, problems := translator.New(translator.Options{}).Translate(res.Config)
	if err := errors.Join(res.Problems.Err(), problems.Err()); err != nil {
		b.Fatal(err)
	}
	e, none := newExaminer(), NewSet()
	for _, typeURL := range Types() {
		rows := translation.Tables[typeURL]
		if rows.Len() < n {
			continue
		}
		b.Run(fmt.Sprintf("%s N=%d", kind(typeURL), rows.Len()), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for m := range rows.All() {
					if _, err := e.edit(typeURL, none, table.Change[*translator.Message]{New: m}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
