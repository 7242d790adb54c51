package faults_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"dragoman/internal/servetest"
)

// long says that the faults take the time that they need.
var long = os.Getenv("FAULTS") == "long"

// pick is a number of rounds, or seconds: the one of the short form, or of the
// long one.
func pick(short, ifLong int) int {
	if long {
		return ifLong
	}
	return short
}

// A row is what is printed of one fault in the end.
type row struct {
	fault            string
	requests, failed int
	figures          []string
}

var table struct {
	mu   sync.Mutex
	rows []row // in the order in which the tests ended
}

// note keeps a row for the table.
func note(r row) {
	table.mu.Lock()
	defer table.mu.Unlock()
	table.rows = append(table.rows, r)
}

func TestMain(m *testing.M) {
	servetest.Main(m)
	table.mu.Lock()
	defer table.mu.Unlock()
	if len(table.rows) == 0 {
		return
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fault\trequests\tfailed\tfigures")
	for _, r := range table.rows {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", r.fault, r.requests, r.failed, strings.Join(r.figures, ", "))
	}
	w.Flush()
}
