# Everything a developer or a build machine runs. `make` lists the targets.

GOLANGCI_VERSION := v2.15.0
KAFKA_VERSION    := 4.3.1
KAFKA_IMAGE      := $(or $(MM2_KAFKA_IMAGE),apache/kafka:$(KAFKA_VERSION))
LINT             := .cache/golangci-lint-$(GOLANGCI_VERSION)

# How long each fuzz test runs in `make fuzz`.
FUZZTIME ?= 20s
# Which end-to-end tests `make e2e` runs, and with what on top.
E2E_RUN   ?= .
E2E_FLAGS ?=
# Which benchmarks `make bench` runs.
BENCH ?= .

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/mm2
	go build -o bin/mm2 ./cmd/mm2

.PHONY: test
test: ## run all tests that need nothing but Go
	go test ./...

.PHONY: race
race: ## the same with the race detector
	go test -race -timeout 30m ./...

.PHONY: fuzz
fuzz: ## run every fuzz test for FUZZTIME (20s)
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed -E 's/^(.*)\/[^/]*:func /\1 /' | sort -u | \
	while read -r package name; do \
		echo "== $$package $$name"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$package" || exit 1; \
	done

.PHONY: lint
lint: $(LINT) ## check style and formatting
	$(LINT) run ./...

.PHONY: format
format: $(LINT) ## format the code as lint wants it
	$(LINT) fmt ./...

$(LINT):
	GOBIN=$(CURDIR)/.cache/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv .cache/bin/golangci-lint $@

.PHONY: image
image: ## build the Kafka image for e2e unless it is there
	@docker image inspect $(KAFKA_IMAGE) >/dev/null 2>&1 || \
		e2e/image/build-image.sh "$$(e2e/image/fetch-kafka.sh $(KAFKA_VERSION))" $(KAFKA_IMAGE)

.PHONY: e2e
e2e: image ## run the tests on real brokers (needs Docker; E2E_RUN=regexp picks some)
	MM2_E2E=1 MM2_KAFKA_IMAGE=$(KAFKA_IMAGE) go test -count=1 -timeout 60m -run '$(E2E_RUN)' $(E2E_FLAGS) ./e2e/...

.PHONY: bench
bench: ## run the benchmarks beside the code (BENCH=regexp picks some)
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: bench-e2e
bench-e2e: image ## copy between real brokers, beside a plain client loop (needs Docker)
	MM2_E2E=1 MM2_KAFKA_IMAGE=$(KAFKA_IMAGE) go test -run '^$$' -bench Copy -benchtime 1x -timeout 60m ./e2e

.PHONY: demo
demo: ## replicate between two embedded clusters for 15 seconds
	go run ./cmd/mm2 demo --duration 15s

.PHONY: docs
docs: ## show the documentation of all packages in the terminal
	@go list ./... | while read -r package; do go doc "$$package" | sed -n '1,/^$$/p'; done
