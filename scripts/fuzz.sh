#!/bin/sh
# Runs each fuzz target for the given time, one after the other: go test takes
# one target at a time. What a target finds is a new file under its package's
# testdata/fuzz, to be committed with the fix.
set -eu

time=${1:?usage: fuzz.sh TIME, such as 10s}
packages=$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...)
for package in $packages; do
	targets=$(go test -list '^Fuzz' "$package")
	for target in $(printf '%s\n' "$targets" | grep '^Fuzz' || true); do
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 5s "$package"
	done
done
