# What people type. Every target builds what it needs, always the whole workspace: a part of it alone would want its
# dependencies with other features, and build them a second time.

# The documentation's first command. Once built it takes a second or two.
.PHONY: demo
demo: setup
	@cargo build --workspace
	@target/debug/portcullis demo

# All Rust tests; no other language's servers.
.PHONY: test
test: setup
	cargo test --workspace

# What `make test` leaves out: servers in other languages, a minute for each fuzz target, and that the generated files are what the API model gives.
.PHONY: test-all
test-all: setup servers catalogue-check
	cargo test --workspace --features portcullis-cli/other-servers,portcullis-cli/opentelemetry --test other_servers --test instructions --test clients --test load
	fuzz/run

# The server under 64 clients for five minutes; SECONDS changes the time.
.PHONY: load
load: setup servers
	LOAD_SECONDS=$(or $(SECONDS),300) cargo test --workspace --features portcullis-cli/other-servers --test load -- --nocapture --test-threads 1

# Installs what they need: valgrind and HAProxy (Debian), and below target/ dynalite and AWS's SDK (npm), moto, boto3, the AWS
# CLI and schemathesis (PyPI). The Java example needs a JDK from 17 on.
.PHONY: servers
servers: target/servers/installed

# Again when this file changes: it says what is installed.
target/servers/installed: Makefile
	mkdir -p target/servers
	(command -v valgrind && command -v haproxy && command -v java) > /dev/null || (apt-get update --quiet=2 && apt-get install --quiet=2 --yes valgrind haproxy default-jdk-headless)
	cd target/servers && npm install --silent --no-fund --no-audit dynalite@4 @aws-sdk/client-dynamodb@3
	python3 -m venv target/servers/venv
	target/servers/venv/bin/pip install --quiet 'moto[server,dynamodb]==5.2.5' boto3 awscli 'schemathesis==4.32.5'
	touch $@

# Writes docs/operations.md: each operation against each server.
.PHONY: operations
operations: setup servers
	PORTCULLIS_UPDATE=1 cargo test --workspace --features portcullis-cli/other-servers --test matrix --test other_servers -- --test-threads 1

# Compares with AWS's SDKs and writes docs/performance.md; some minutes, in which nothing else should run.
.PHONY: bench
bench: setup servers
	cargo build --workspace
	cd bench && cargo run -- --page ../docs/performance.md

# Formatting, lints with warnings included, and licences, bans and sources of dependencies.
.PHONY: lint
lint: setup
	cargo fmt --all -- --check
	cd bench && cargo fmt -- --check
	cargo clippy --workspace --all-targets --features portcullis-cli/other-servers,portcullis-cli/opentelemetry -- -D warnings
	@cargo deny --version > /dev/null 2>&1 || (set -x; cargo install --debug --quiet cargo-deny --version 0.20.2 --locked)
	cargo deny check licenses bans sources

# Ten minutes of random attacks beside honest calls; SECONDS changes the time. Figures: docs/threat-model.md.
.PHONY: soak
soak: setup
	cargo build --workspace
	target/debug/soak $(or $(SECONDS),600)

# What compiles the plugins: installs it where it is missing, and says what it does.
.PHONY: setup
setup:
	@./setup

# Leaves the component and its manifest in target/component, for other hosts.
.PHONY: component
component: setup
	@mkdir -p target/component
	@cargo build --workspace
	@target/debug/portcullis component -o target/component/dynamodb.wasm
	@target/debug/portcullis component --manifest -o target/component/dynamodb.toml

# The catalogue of actions, generated from the pinned API model.
BOTOCORE := 1.44.5
MODEL := target/model/botocore/data/dynamodb/2012-08-10

.PHONY: catalogue catalogue-check
catalogue: $(MODEL)
	python3 guest/generator/generate.py $(MODEL)

catalogue-check: $(MODEL)
	python3 guest/generator/generate.py $(MODEL) --check

$(MODEL):
	python3 -m pip download --quiet --no-deps --dest target/model botocore==$(BOTOCORE)
	cd target/model && python3 -m zipfile -e botocore-$(BOTOCORE)-py3-none-any.whl .
