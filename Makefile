# Go, git and make are all that is needed; a C compiler adds the race detector.

GO ?= go
# go.mod has the oldest grpc-go that serves, as that is what users are held to;
# testdata/newest.mod has today's, which may ask for a newer Go than go.mod does.
NEWEST := -modfile=testdata/newest.mod
NEWEST_OK := $(shell $(GO) list $(NEWEST) -m 2>/dev/null)
GOFMT := $(shell $(GO) env GOROOT)/bin/gofmt
STATICCHECK := $(GO) tool -modfile=testdata/tools/go.mod staticcheck
STATICCHECK_OK := $(shell $(GO) list -modfile=testdata/tools/go.mod -m 2>/dev/null)
# The benchmarks and the faults use the same, and have modules of their own.
NESTED_MODULES := testdata/bench testdata/bench/measure testdata/bench/v1291 testdata/faults testdata/peers testdata/balancer1291 testdata/leaving
RACE := $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)

.PHONY: all
all: test

## test: everything that CI checks
.PHONY: test
test: consul lint test-oldest test-newest test-v1291 test-bench test-leaving test-faults
	@echo "make test: all passed"

## lint: format, vet, staticcheck, tidy module files
.PHONY: lint
lint:
	@echo "== gofmt, vet, staticcheck, go mod tidy"
	@files=$$($(GOFMT) -l $$(git ls-files -co --exclude-standard '*.go')) && if [ -n "$$files" ]; then echo "not gofmt-ed: $$files"; exit 1; fi
	@$(GO) vet ./...
	@$(if $(NEWEST_OK),$(GO) vet $(NEWEST) ./...,:)
	@$(if $(STATICCHECK_OK),$(STATICCHECK) ./...,echo "this Go is too old for staticcheck (testdata/tools): left out")
	@$(GO) mod tidy -diff
	@cd naming/dropin && $(GO) vet ./... && $(GO) mod tidy -diff
	@$(if $(NEWEST_OK),$(GO) mod tidy $(NEWEST) -diff,:)
	@$(if $(NEWEST_OK),for m in $(NESTED_MODULES); do (cd $$m && $(GO) vet ./... && $(GO) tool -modfile=$(CURDIR)/testdata/tools/go.mod staticcheck ./... && $(GO) mod tidy -diff) || exit 1; done,:)

# What takes long, and is the same with either dependencies, runs once: in test-newest if
# there is that, and the tool of go vet with the x/tools that users build it with.
## test-oldest: the tests, with the oldest dependencies that go.mod allows
.PHONY: test-oldest
test-oldest: consul race-notice
	@echo "== tests with grpc-go $$($(GO) list -m -f '{{.Version}}' google.golang.org/grpc), the oldest"
	@$(GO) test -timeout 20m $(RACE) $(if $(NEWEST_OK),-skip '^(TestMigratePrograms|TestStaticcheck|TestVetTool|TestGoFix|TestBehaviourStays|TestOptionsStay|TestManyComeBack)$$') $(TESTFLAGS) ./...

## test-newest: the tests, with today's dependencies
.PHONY: test-newest
test-newest: consul race-notice
ifeq ($(NEWEST_OK),)
	@echo "== this Go is too old for today's grpc-go (testdata/newest.mod): not tested with it"
else
	@echo "== tests with grpc-go $$($(GO) list $(NEWEST) -m -f '{{.Version}}' google.golang.org/grpc), the newest"
	@$(GO) test -timeout 20m $(NEWEST) $(RACE) -skip '^TestModernizeScripts$$/^vet$$' $(TESTFLAGS) ./...
endif

## test-v1291: what adapter/balancer is held to is what grpc-go v1.29.1 does
.PHONY: test-v1291
test-v1291:
	@echo "== scenarios of adapter/balancer with grpc-go v1.29.1"
	@cd testdata/balancer1291 && $(GO) test -count=1 .

## test-bench: each benchmark once, as small as it gets, and their report; other resolvers under short faults
.PHONY: test-bench
test-bench: consul
ifeq ($(NEWEST_OK),)
	@echo "== this Go is too old for the benchmarks: not tested"
else
	@echo "== benchmarks, once"
	@cd testdata/bench && $(GO) test ./run ./report
	@cd testdata/peers && $(GO) test -count=1 .
endif

## test-leaving: one program with v1.29.1, on the shim and native; its calls see the same
.PHONY: test-leaving
test-leaving: consul race-notice
ifeq ($(NEWEST_OK),)
	@echo "== this Go is too old for today's grpc-go: the way to native code is not tested"
else
	@echo "== a program with grpc-go v1.29.1, on the shim and native"
	@cd testdata/leaving && $(GO) test $(RACE) -count=1 -timeout 20m .
endif

## test-faults: whatever Consul does, RPCs go on; minutes instead of seconds with FAULTS=long
.PHONY: test-faults
test-faults: consul race-notice
ifeq ($(NEWEST_OK),)
	@echo "== this Go is too old for the suite of faults: not tested"
else
	@echo "== faults"
	@cd testdata/faults && $(GO) test $(RACE) -count=1 -timeout $(if $(filter long,$(FAULTS)),60m,10m) . $(if $(filter long,$(FAULTS)),-long)
	@echo "faults-out/table.md has a row per case"
endif

## soak: churn and faults for SOAK (20m); draws docs/soak.svg
SOAK ?= 20m
.PHONY: soak
soak: consul
	@mkdir -p faults-out
	@cd testdata/faults && $(GO) test -count=1 -timeout 0 -v -run '^TestSoak$$' . -soak $(SOAK) -svg ../../docs/soak.svg -csv ../../faults-out/soak.csv -table ../../faults-out/soak.md

## bench: measure, on a machine that does nothing else; EFFORT=0.2 for a fifth, ONLY='^fold' for one group
.PHONY: bench
bench: consul
	@cd testdata/bench && $(GO) run ./run -effort $(or $(EFFORT),1) -only '$(ONLY)'

## bench-report: docs/bench.md and its plots from what make bench measured
.PHONY: bench-report
bench-report:
	@cd testdata/bench && $(GO) run ./report

## peers: the other Consul resolvers for grpc-go beside ours, in eight minutes; writes docs/peers.md
.PHONY: peers
peers: consul
	@cd testdata/bench && $(GO) run ./run -peers -out ../../bench-out/peers
	@cd testdata/peers && $(GO) test -count=1 . -long -page ../../docs/peers.md -measured ../../bench-out/peers/bench.txt

.PHONY: race-notice
race-notice:
	@$(if $(RACE),,echo "No C compiler (CGO_ENABLED is not 1): tests run without the race detector.")

## consul: the real Consul in bin/consul, unless one is on PATH; minutes, once
.PHONY: consul
consul:
	@$(GO) run ./internal/buildconsul -o bin/consul

## fuzz: each fuzz test for FUZZTIME (1m), one after the other
FUZZTIME ?= 1m
.PHONY: fuzz
fuzz:
	@listed=$$($(GO) test -list '^Fuzz' ./...) || { echo "$$listed"; exit 1; }; \
	echo "$$listed" | awk '/^Fuzz/ { name[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, name[i]; n = 0 }' | \
	while read package name; do \
		echo "== $$name in $$package for $(FUZZTIME)"; \
		$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$package </dev/null || exit 1; \
	done

## demo: three backends, one dies, one joins
.PHONY: demo
demo:
	@$(GO) run $(if $(NEWEST_OK),$(NEWEST)) ./cmd/grpcnaming demo

## migrate-corpus: grpcnaming migrate on real programs and modules of that age; downloads them
.PHONY: migrate-corpus
migrate-corpus:
	@$(GO) run ./internal/migratecorpus -o docs/programs.md

# Not part of test, as it downloads what two programs of 2020, and etcd, are made of.
## test-etcd: etcd's clientv3 of 2020, migrated, on a real etcd; downloads them; writes docs/etcd.md
.PHONY: test-etcd
test-etcd:
	@cd testdata/etcd && $(GO) vet ./... && $(GO) tool -modfile=$(CURDIR)/testdata/tools/go.mod staticcheck ./... && $(GO) mod tidy -diff
	@cd testdata/etcd && $(GO) test -v -count=1 -timeout 60m . -table $(CURDIR)/docs/etcd.md

## update-newest: let testdata/newest.mod follow today's releases
.PHONY: update-newest
update-newest:
	$(GO) get $(NEWEST) google.golang.org/grpc@latest
	$(GO) mod tidy $(NEWEST)

.PHONY: help
help:
	@sed -n 's/^## /  make /p' Makefile
