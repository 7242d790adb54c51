package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/internal/sample"
	"dragoman/loader"
	"dragoman/table"
	"dragoman/translator"
)

// A resource whose message is marshalled into its place is the one that is made
// of the message's bytes, however many bytes its lengths take.
func TestAMessageIsMarshalledIntoItsPlace(t *testing.T) {
	e, none := newExaminer(), NewSet()
	for _, size := range []int{0, 1, 20, 90, 100, 110, 120, 127, 128, 200, 16_000, 16_383, 16_384, 20_000} {
		for _, length := range []int{1, 127, 128} {
			m := &clusterv3.Cluster{AltStatName: strings.Repeat("a", size)}
			name, body := strings.Repeat("n", length), marshalled(t, m)
			sum := sha256.Sum256(body)
			want := NewResource(resourcev3.ClusterType, name, hex.EncodeToString(sum[:8]), body)
			c, err := e.edit(resourcev3.ClusterType, none, table.Change[*translator.Message]{New: &translator.Message{Name: name, Body: m}})
			if err != nil {
				t.Fatal(err)
			}
			if got := c.New; got.Version != want.Version || !bytes.Equal(got.Delta(), want.Delta()) || !bytes.Equal(got.SotW(), want.SotW()) ||
				!bytes.Equal(got.Body.GetValue(), body) || got.mark != want.mark {
				t.Errorf("a message of %d bytes with a name of %d is %x, want %x", len(body), length, got.Delta(), want.Delta())
			}
		}
	}
}

// What it costs to make resources of the messages of n services, of which each
// has a cluster, endpoints, routes and a scope.
func BenchmarkPack(b *testing.B) {
	const n = 1000
	var sources []loader.Source
	for i := range n {
		sources = append(sources, loader.Source{Path: fmt.Sprintf("s%d.yaml", i), Data: sample.Service(i, 1)})
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
