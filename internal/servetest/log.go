package servetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"sync"
)

// A Log keeps the lines that the program logs.
type Log struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

// Write takes what the program writes.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes.Write(p)
}

// Text returns the whole log.
func (l *Log) Text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes.String()
}

// Tail returns the last n lines.
func (l *Log) Tail(n int) string {
	lines := strings.Split(strings.TrimSpace(l.Text()), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Entries returns the lines with a message, as they are in JSON.
func (l *Log) Entries(msg string) []map[string]any {
	var out []map[string]any
	for scan := bufio.NewScanner(strings.NewReader(l.Text())); scan.Scan(); {
		var e map[string]any
		if json.Unmarshal(scan.Bytes(), &e) == nil && e["msg"] == msg {
			out = append(out, e)
		}
	}
	return out
}
