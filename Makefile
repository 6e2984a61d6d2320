# `make run` on a fresh machine ends with Drydock in the browser. `make test` checks everything.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run build native site test check queries pictures bench dev release clean need-run need-test
# A set RUSTFLAGS would silently replace what .cargo/config.toml needs.
unexport RUSTFLAGS

help:
	@echo "make run      build what changed and start the demo (first time: about 10 minutes on two cores)"
	@echo "make test     format, lints, licences, unit, integration and browser tests"
	@echo "make check    compile and lint only"
	@echo "make queries  after a change of SQL: what it is checked against at compile time"
	@echo "make pictures the README's pictures, taken anew from a demo"
	@echo "make bench    our steps beside vacuumdb and reindexdb, and 480 live pages and 120 people on one run: measured, in about half an hour, most of it for building"
	@echo "make dev      run, and start again whenever a file changes"
	@echo "make release  the optimised program and site"
	@echo "make clean    remove what was built; the demo's state in .drydock stays"

# ARGS="--listen 127.0.0.1:9000" and the like are handed on.
run: build
	@exec target/debug/drydock demo $(ARGS)

build: native site

native: need-run
	@[ -d target/debug ] || echo "First build: about 10 minutes on two cores."
	@cargo build --package server --locked

site: need-run
	@app/bundle/site

# The program that the journeys start comes with the tests: built apart, three crates would be compiled twice.
test: need-test need-run site
	@.ci/test

check: need-run
	@cargo clippy --workspace --exclude hydrate --all-targets
	@cargo clippy --package app --features hydrate

queries: need-run
	@.ci/queries

pictures: need-test build
	@cd end2end && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund; }
	@cd end2end && npx playwright test --config pictures.config.ts

bench: release
	@cargo bench --package engine --bench maintenance --locked
	@cargo bench --package engine --bench watchers --locked -- $(CURDIR)/target/release/drydock
	@.ci/stop-test-cluster

dev: build
	@.ci/dev $(ARGS)

release: need-run
	@cargo build --package server --release --locked
	@app/bundle/site release

clean:
	@.ci/stop-test-cluster
	@cargo clean

need-run:
	@.ci/need run

need-test:
	@.ci/need test
