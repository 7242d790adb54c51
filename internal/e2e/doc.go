// Package e2e tests Dragoman as people meet it: the program on a directory
// that somebody edits, a real Envoy behind it, and requests through that. It
// holds tests only, and looks at nothing but what a user could see.
package e2e
