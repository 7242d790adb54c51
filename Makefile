# Needs Go, Python 3 with pip, and make; everything else is fetched once.
BENCHTIME ?= 1s
FUZZTIME  ?= 10s
TESTFLAGS ?=

# The race detector needs a C compiler, without which go turns cgo off: `make
# test` then does without, `make race` insists.
RACE = $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)
LINT := go tool -modfile=tools/go.mod golangci-lint
# In front of commands that need a real Envoy.
WITH_ENVOY = ENVOY="$$(python3 scripts/envoy.py)" && export ENVOY ENVOY_REQUIRED=1 &&

.DEFAULT_GOAL := help
.PHONY: help build certs demo test race faults lint fmt bench microbench fuzz golden envoy check clean

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | expand -t 12

build: ## bin/dragoman, its version taken from git
	go build -buildvcs=auto -trimpath -o bin/ ./cmd/dragoman

certs: ## Certificates to try TLS with, in certs/
	@go run ./cmd/certs certs

demo: ## Upstreams, Dragoman and Envoy on a scratch directory to edit (DEMO_ONCE=1 edits it itself)
	@$(WITH_ENVOY) go run ./cmd/demo

test: ## All tests, with a real Envoy, under the race detector where there is a C compiler
	$(WITH_ENVOY) go test $(RACE) $(TESTFLAGS) ./...

race: ## All tests under the race detector, or none
	$(WITH_ENVOY) CGO_ENABLED=1 go test -race $(TESTFLAGS) ./...

faults: ## What goes wrong, under load with a real Envoy; a table at the end (FAULTS=long takes its time)
	$(WITH_ENVOY) go test -count=1 -v -timeout 2h ./internal/faults

lint: ## Linters, formatting, and go.mod against what is imported
	$(LINT) run
	$(LINT) fmt --diff
	go mod tidy -diff

fmt: ## Format the code
	$(LINT) fmt

bench: ## Whole processes beside the least that is possible, into docs/performance.md (ARGS='-n 10,1000 -w 1,100' prints alone)
	$(WITH_ENVOY) go run ./bench $(or $(ARGS),-o docs/performance.md)

microbench: ## Go's benchmarks of single packages (BENCHTIME=1s each)
	$(WITH_ENVOY) go test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

fuzz: ## Each fuzz target for a while (FUZZTIME=10s)
	scripts/fuzz.sh $(FUZZTIME)

golden: ## Rewrite the golden files; review the difference
	$(WITH_ENVOY) go test -count=1 $$(go list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | awk '/dragoman\/internal\/golden/ {print $$1}') -update

envoy: ## Find or fetch Envoy, and print where it is
	@python3 scripts/envoy.py

check: ## What CI runs
	.ci/run

clean: ## Remove what was built and fetched
	rm -rf bin .envoy
