// Package sample has configuration like most, for benchmarks that compare
// packages by what they take for it.
package sample

import "fmt"

// Service is a file: one service with a host, an endpoint and two routes. i
// tells it from others, and revision from its other contents.
func Service(i, revision int) []byte {
	return fmt.Appendf(nil, `service: s%d
hosts: [s%d.example.com]
upstream: http://10.%d.%d.1:8080
routes:
  - prefix: /api
    timeout: 3s
    retry: {attempts: 2, on: [connect-failure]}
  - prefix: /
    responseHeaders: {set: {x-revision: "%d"}}
`, i, i, i/250%250, i%250, revision)
}
