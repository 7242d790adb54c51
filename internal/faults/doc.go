// Package faults hurts the control plane, the Envoys, the files, the disk and
// the network between them, while a steady load goes through a real Envoy and
// counts every request that fails. It holds tests only.
//
// `make faults` runs them and prints a table at the end; FAULTS=long does so
// with the numbers that take their time. The short form is part of `make test`.
package faults
