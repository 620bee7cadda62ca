# The only entry point. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export JOURNEY_HOME ?= $(CURDIR)/.journey
export DAGSTER_HOME := $(CURDIR)
export DAGSTER_STATE_DIR := $(JOURNEY_HOME)/dagster
export PYTHONPATH := $(CURDIR)
export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false

.PHONY: help setup nightly status settings test test-superset superset dev import build lint docs clean rollback releases publish rules metrics push-postgres waive retract requeue pepper model semantic unit identity prove benchmark sample lock

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(VENV)/installed ## set up the environment in .venv (other targets do it when it is missing)

$(VENV)/installed: requirements.lock requirements-reader.lock requirements-reader-next.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Python 3.11, 3.12 or 3.13 is needed; found: $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "setting up the environment in $(VENV) (two to three minutes, once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
		--upgrade --target $(VENV)/reader -r requirements-reader.lock  # an old DuckDB, to prove that it reads releases
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
		--upgrade --target $(VENV)/reader-next -r requirements-reader-next.lock  # and a newer one
	@touch $@

# MetricFlow: one of its libraries comes as source only, so it is built, with the setuptools of the lock.
$(VENV)/semantic/installed: requirements-semantic.lock $(VENV)/installed
	@rm -rf $(VENV)/semantic
	@grep -A2 '^setuptools==' requirements-semantic.lock > $(VENV)/setuptools.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
		--target $(VENV)/semantic -r $(VENV)/setuptools.lock
	@PYTHONPATH=$(CURDIR)/$(VENV)/semantic $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--no-build-isolation --upgrade --target $(VENV)/semantic -r requirements-semantic.lock
	@touch $@

nightly: setup ## the main job: load, build, judge and publish what lies in the landing zone [FULL=1]
	@$(BIN)/python -m orchestration.dagster_shell.nightly $(if $(AS_OF),--as-of "$$AS_OF") $(if $(FULL),--full)

status: setup ## how the home is: release, data, runs, checks, quarantine, disk; changes nothing
	@$(BIN)/python -m orchestration.operating.status

settings: setup ## every setting of the home with its value and where that comes from
	@$(BIN)/python -m orchestration.operating.status settings

test: setup $(VENV)/semantic/installed ## lint, then all tests
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest

test-superset: setup .venv-superset/installed ## import and query the dashboard in a real Superset (700 MB, some minutes)
	@$(BIN)/python -m pytest -n0 tests/superset

.venv-superset/installed: requirements-superset.lock
	@echo "setting up Superset in .venv-superset (700 MB, once) ..."
	@$(PYTHON) -m venv .venv-superset
	@.venv-superset/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-superset.lock
	@touch $@

dev: setup ## Dagster UI on http://127.0.0.1:3000, with the schedule
	@$(BIN)/python -m orchestration.dagster_shell.dagster_store
	@$(BIN)/dagster dev -m orchestration.dagster_shell.definitions --host 127.0.0.1 --port 3000

import: setup ## map an export into the landing zone: make import ADAPTER=olist FROM=<dir>
	@test -n "$$ADAPTER" && test -n "$$FROM" || { echo "usage: make import ADAPTER=<name> FROM=<dir>; adapters: $$(ls adapters | tr '\n' ' ')"; exit 1; }
	@$(BIN)/python -m orchestration.loading.importing "$$ADAPTER" "$$FROM"

build: setup ## dbt alone on the loaded data, without publishing: make build [M=+fct_sessions]
	@$(BIN)/python -m orchestration.developing.dbt build --exclude-resource-type unit_test $(if $(M),--select $(M))

unit: setup ## dbt unit tests: make unit [M=fct_stage_transitions]
	@$(BIN)/python -m orchestration.developing.dbt test --select $(if $(M),$(M),test_type:unit) --exclude-resource-type test

publish: setup ## publish the candidate alone; refused unless exactly this one passed its audit
	@$(BIN)/python -m orchestration.publishing.releasing

metrics: setup $(VENV)/semantic/installed ## MetricFlow on the release: make metrics ARGS="query --metrics cvr --group-by metric_time__month"
	@$(BIN)/python -m orchestration.readers.metrics $(ARGS)

superset: setup ## write the Superset dashboard of this home's releases, ready to import
	@$(BIN)/python -m orchestration.readers.superset

push-postgres: setup ## push the published release into PostgreSQL (JOURNEY_POSTGRES_URL or PG* variables)
	@$(BIN)/python -m orchestration.readers.postgres

releases: setup ## list the releases, the current one starred
	@$(BIN)/python -m orchestration.publishing.releasing --list

rollback: setup ## make the previous release current again: make rollback [RELEASE=<id>]
	@$(BIN)/python -m orchestration.publishing.releasing --rollback $(if $(RELEASE),"$$RELEASE")

rules: setup ## write templates for rules of your own to $JOURNEY_HOME/rules, and tell which hold
	@$(BIN)/python -m orchestration.rules

waive: setup ## let the gate pass in spite of a rejected or drifted file: make waive FILE=<name> REASON="..."
	@test -n "$$FILE" && test -n "$$REASON" || { echo 'usage: make waive FILE=<name or id> REASON="why"'; exit 1; }
	@$(BIN)/python -m orchestration.operating.waiving "$$FILE" "$$REASON"

retract: setup ## take a load back, as if it had never come: make retract FILE=<name or id>
	@test -n "$$FILE" || { echo 'usage: make retract FILE=<name or id>'; exit 1; }
	@$(BIN)/python -m orchestration.operating.reloading retract "$$FILE"

requeue: setup ## load files anew after a repair: make requeue FILE=<name or id>, or REASON=R_ENUM_UNKNOWN
	@test -n "$$FILE$$REASON" || { echo 'usage: make requeue FILE=<name or id> | REASON=<R_...>'; exit 1; }
	@$(BIN)/python -m orchestration.operating.reloading requeue "$${FILE:-$$REASON}"

pepper: setup ## write a secret pepper for hashing personal data to $JOURNEY_HOME/pepper, once
	@$(BIN)/python -m orchestration.operating.pepper

lint: setup ## ruff, type check, sqlfluff
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --disable-progress-bar --processes 2 dbt_project/models dbt_project/tests adapters

docs: setup ## dbt's documentation and the data dictionary (page and CSV), each one file: docs/site/
	@$(BIN)/python -m orchestration.developing.dbt docs generate --static
	@mkdir -p docs/site && cp "$$JOURNEY_HOME/work/dbt/static_index.html" docs/site/index.html
	@echo "written to docs/site/index.html"
	@$(BIN)/python -m orchestration.readers.dictionary docs/site

model: setup ## scaffold a model: make model LAYER=marts DOMAIN=stages NAME=fct_something
	@$(BIN)/python -m orchestration.developing.new_model "$(LAYER)" "$(DOMAIN)" "$(NAME)"

semantic: setup ## write the semantic layer anew from seeds/kpi_definitions.csv
	@$(BIN)/python -m orchestration.developing.semantic_layer

sample: setup ## generate the shipped sample anew: make sample [PEOPLE=2000] [DAYS=548] [OUT=<dir>]
	@$(BIN)/python -m sample.generate $(if $(PEOPLE),--people $(PEOPLE)) $(if $(DAYS),--days $(DAYS)) $(if $(OUT),--out "$$OUT")

identity: setup ## who somebody is and why: make identity WHO=visitor:v1 [AND=user:u2] [ON="2026-01-31 00:00:00"]
	@test -n "$$WHO" || { echo 'usage: make identity WHO=<type>:<value> [AND=<type>:<value>] [ON=<UTC instant>]'; exit 1; }
	@$(BIN)/python -m orchestration.operating.identity "$$WHO" $(if $(AND),--and "$$AND") $(if $(ON),--on "$$ON")

prove: setup ## random histories: every increment equals a full rebuild: make prove [N=200] [SEED=0]
	@$(BIN)/python -m orchestration.developing.proving --histories $(or $(N),200) --seed $(or $(SEED),0)

benchmark: setup ## wall time and memory of the nightly, or of loading: make benchmark [WHAT=loading] [ARGS=...]
	@$(BIN)/python -m benchmarks.$(or $(WHAT),nightly) $(ARGS)

lock: ## resolve the dependencies anew into requirements.lock (needs uv)
	echo duckdb==1.4.5 | uv pip compile - --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -o requirements-reader.lock
	echo duckdb==2.0.0 | uv pip compile - --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -o requirements-reader-next.lock
	printf '%s\n' apache-superset==6.1.0 duckdb-engine==0.17.0 'duckdb<2' rich cachetools 'flask-caching<2.4' gunicorn | \
		uv pip compile - --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -o requirements-superset.lock
	uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-strip-extras --no-header --python-version 3.11 -o requirements.lock
	printf '%s\n' dbt-metricflow metricflow halo log-symbols rapidfuzz setuptools spinners termcolor 'update-checker<0.19' | \
		uv pip compile - --no-deps -c requirements.lock --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -o requirements-semantic.lock

clean: ## remove the home (landing zone, warehouse, releases) after asking; .venv stays
	@read -r -p "remove $$JOURNEY_HOME with its landing zone, warehouse and releases? [y/N] " answer; \
		test "$$answer" = y && rm -rf "$$JOURNEY_HOME" dbt_project/target dbt_project/logs && echo removed || echo kept
