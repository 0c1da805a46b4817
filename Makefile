# Kimberlite: one command per wish. `make help` lists them.

GO        ?= go
BIN       := bin
SEEDS     ?= 1000
SEED      ?=
PKGS      := ./...
UNIT_PKGS  = $(shell $(GO) list ./... 2>/dev/null | grep -v /compat-tests)

.PHONY: help run build test check sim bench fuzz setup vet staticcheck clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: build ## build and start a server with no configuration (data in ./kimberlite-data, SQL on 127.0.0.1:5432, HTTP on 127.0.0.1:9090)
	exec $(BIN)/kimberlite-server

build: ## build bin/kimberlite-server and bin/kimberlite-admin
	$(GO) build -o $(BIN)/ ./cmd/kimberlite-server ./cmd/kimberlite-admin

test: setup build vet ## do all set-up and run every test
	$(GO) test -timeout 20m $(PKGS)

check: build vet staticcheck ## about a minute: build, vet, staticcheck, unit tests
	$(GO) test -short -timeout 5m $(UNIT_PKGS)

sim: ## simulate crashes, power loss and bad networks: SEEDS=1000, or one SEED=n
	$(GO) test -timeout 60m -run 'Sim|CrashPrefix' ./log ./consensus ./projections ./server -seeds $(SEEDS) $(if $(SEED),-seed $(SEED))

bench: ## benchmarks of the parts
	$(GO) test -run '^$$' -bench . -benchmem ./log ./consensus ./projections ./txn ./exec ./pgwire ./sql/...

fuzz: ## a minute of each fuzz target
	@for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime 60s $$pkg || exit 1; \
		done; \
	done

vet: ## go vet
	$(GO) vet $(PKGS)

staticcheck: ## the linter, in the version that go.mod names
	$(GO) tool staticcheck $(PKGS)

# What the tests need besides Go: PostgreSQL's clients and server (compat-tests compares with it) and a C compiler for the SQL grammar.
# Packages are installed only where they are missing, and only on Debian and its relatives.
setup:
	@.ci/setup

clean: ## remove what was built; never the data
	rm -rf $(BIN)
