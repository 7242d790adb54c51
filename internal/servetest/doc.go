// Package servetest runs the program `dragoman serve` on a directory, as an
// operator does, for tests only. It looks at nothing but what a user could
// see: the log, the admin address, how the process ends. It knows no product
// code; what Envoy does with it is for package envoytest.
package servetest
