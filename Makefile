# Everything is set up in .venv, by any target that needs it: Python >= 3.11 and make are enough.
# Java and Maven are used by the tests, where present, to run a real Kafka; without them those
# tests are skipped and the closing lines of the run say which.

PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
READY := $(VENV)/.ready
MODULE_LINES := 250
SEEDS ?= 2000

.DEFAULT_GOAL := help
.PHONY: help demo test simulate chaos backfill lint format alerts chart chart-e2e dashboard image bench bench-quick sandbox
.PHONY: lock clean

help:  ## show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY)  ## broker, registry, CRM and CDC traffic embedded: the whole pipeline, with a summary
	@$(BIN)/crm-connector demo $(ARGS)

test: $(READY)  ## all tests; ARGS="-k word" or ARGS=tests/unit to choose
	@$(BIN)/pytest $(ARGS)

simulate: $(READY)  ## three replicas on virtual time, through the faults of SEEDS=10000 seeds; ARGS="--seed K"
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

chaos: $(READY)  ## replicas killed, cut off and starved on a real Kafka and PostgreSQL, and a checker's verdict
	@$(BIN)/python -m tests.chaos $(ARGS)

backfill: $(READY)  ## 200,000 records replayed beside live traffic, killed twice, resumed; ARGS="--records N"
	@$(BIN)/python -m tests.backfill $(ARGS)

lint: $(READY)  ## ruff, mypy, import contracts, module lengths
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@find connector -name '*.py' -exec awk -v max=$(MODULE_LINES) \
	    'FNR > max {print FILENAME ": more than " max " lines"; exit 1}' {} \; | (! grep .)

format: $(READY)  ## let ruff put imports and layout right
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

alerts:  ## promtool: the alerts' syntax, and that each fires and is silent when it should
	@tools=$$(PYTHON=$(PYTHON) tools/get promtool prometheus); PATH="$$PATH:$$tools" && \
	promtool check rules --lint=all --lint-fatal helm/crm-connector/files/alerts.yaml && \
	promtool test rules tests/alerts/alerts_test.yaml

chart: $(READY)  ## the Helm chart: lint, schemas, unit tests, under Helm 3 and 4; hadolint
	@PYTHON=$(BIN)/python tools/chart
	@CRM_CONNECTOR_REQUIRE_CHART=1 $(BIN)/pytest -q tests/chart $(ARGS)

chart-e2e: $(READY)  ## in a real API server, and with the image on a real node under load; says so if it cannot be had
	@PYTHON=$(BIN)/python tools/chart-e2e
	@PYTHON=$(BIN)/python tools/chart-node $(ARGS)

dashboard:  ## make the Grafana dashboard anew from tools/dashboard/make.py, and the chart's README
	@tools=$$(PYTHON=$(PYTHON) tools/get grafana-sdk helm-docs) && \
	PYTHONPATH=$$tools/grafana-sdk $(PYTHON) tools/dashboard/make.py >dashboard.tmp && \
	mv dashboard.tmp helm/crm-connector/files/dashboards/crm-connector.json && \
	$$tools/helm-docs --log-level warning -c helm/crm-connector

image: $(READY)  ## the container image, built and tried; says so where no Docker engine can be had
	@PYTHON=$(BIN)/python tools/image

bench: $(READY)  ## every target of speed on a real Kafka, in a quarter of an hour; ARGS="--long --minutes 70"
	@$(BIN)/python -m tests.bench $(ARGS)

bench-quick: $(READY)  ## the same in two minutes: small, one run, no figures to quote
	@$(BIN)/python -m tests.bench --quick $(ARGS)

sandbox: $(READY)  ## the CRM simulator alone
	@$(BIN)/crm-connector sandbox $(ARGS)

lock: $(UV)  ## compile requirements.lock anew from pyproject.toml; ARGS=--upgrade to raise versions
	@$(UV) pip compile pyproject.toml --extra otel --group dev --group image --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-header --quiet -o requirements.lock $(ARGS)
	@! grep -n '://' requirements.lock

clean:  ## remove the environment and everything generated
	@rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find connector tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp comes last, so an interrupted set-up is never taken for a whole one.
$(READY): requirements.lock pyproject.toml | $(UV)
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
