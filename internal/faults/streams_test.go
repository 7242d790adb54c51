package faults_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
)

// One client opens thousands of streams. Those above its share are refused and
// counted, the others are served, and the Envoy beside it notices nothing.
func TestOneClientOpensThousandsOfStreams(t *testing.T) {
	try, share := pick(1000, 10_000), pick(200, 2000)
	w := create(t, options{args: []string{"--max-streams", strconv.Itoa(2 * share)}}) // half is for one client
	l := w.load(t)
	var conn *grpc.ClientConn
	var streams []*stream
	var took []time.Duration
	for i := range try {
		if i%500 == 0 { // one connection has 1,000 at most
			conn = connect(t, w.Port)
			w.edit(t, i+1)
			took = append(took, w.sees(t, i+1))
		}
		s, err := open(t.Context(), conn, "delta", fmt.Sprint("raw", i))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.ask(resourcev3.ClusterType, nil); err != nil {
			t.Fatal(err)
		}
		streams = append(streams, s)
	}
	refused := 0
	for _, s := range streams {
		if _, err := s.receive(); grpcstatus.Code(err) == codes.ResourceExhausted {
			refused++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if served := try - refused; served > share || served < share/2 {
		t.Errorf("%d of %d streams are served, want nearly the share of %d", served, try, share)
	}
	_, metrics := w.Ask(t, http.MethodGet, "/metrics")
	if want := fmt.Sprintf(`dragoman_xds_refused_total{reason="streams"} %d`+"\n", refused); !strings.Contains(metrics, want) {
		t.Errorf("the metrics have no line %q", want)
	}
	over(t, l, "one client opens many streams", figure("streams", try), figure("refused", refused), slowest("each edit within", took), figure("MiB at most", w.memory(t)))
}
