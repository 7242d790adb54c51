package servetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dragoman/internal/envoytest"
)

// Keeps waits until a text is in the state: what was published a moment before
// a process is killed may not be.
func Keeps(t testing.TB, state, text string) {
	t.Helper()
	envoytest.Eventually(t, patience, text+" is kept", func() error {
		index, err := os.ReadFile(filepath.Join(state, "index"))
		if err != nil {
			return err
		}
		contents, err := filepath.Glob(filepath.Join(state, "contents/*"))
		if err != nil {
			return err
		}
		for _, path := range contents {
			data, err := os.ReadFile(path)
			if err == nil && strings.Contains(string(data), text) && strings.Contains(string(index), filepath.Base(path)) {
				return nil
			}
		}
		return fmt.Errorf("it is in none of %d contents", len(contents))
	})
}

// Fill writes until there is no room.
func Fill(t testing.TB, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for range 10_000 {
		if _, err := file.Write(make([]byte, 512)); err != nil {
			return
		}
	}
	t.Fatal("the disk does not fill")
}
