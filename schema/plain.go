package schema

import (
	"regexp"
	"slices"
	"strings"
)

// plainWord begins with a letter or a slash; plainCount is 5s, 1m30s or 5xx.
// Everything else is quoted, which is never wrong: YAML takes more for numbers,
// times and truths than one remembers.
var (
	plainWord  = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./:+@-]*[A-Za-z0-9_/]$|^/$|^[A-Za-z]$`)
	plainCount = regexp.MustCompile(`^([0-9]+(ms|s|m|h))+$|^[1-5]xx$|^[0-9]+(\.[0-9]+){3}$`)
)

// plain reports whether YAML reads a text without quotes as that text.
func plain(s string) bool {
	truths := []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
	return !slices.Contains(truths, strings.ToLower(s)) && (plainWord.MatchString(s) || plainCount.MatchString(s))
}
