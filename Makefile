# What people do with a clone. `make help` lists it.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
CLIENTS := $(VENV)-clients
SOURCES := pyproject.toml
RESOLVE := --quiet --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --no-header

# The tests start hundreds of processes: each would compile all of falconbox anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check test-wheel test-plugins test-proxies test-clients bench bench-engines lock clean

help: ## Say what there is.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: $(VENV)/.installed ## Install what it needs, and serve on 127.0.0.1:8080 with the example policies.
	$(BIN)/falconbox serve --policies policies

test: $(VENV)/.tested ## Install what it needs, and pass the tests.
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

check: $(VENV)/.tested ## Lint, format, types, layers.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=engines $(BIN)/lint-imports

test-wheel: $(VENV)/.tested ## Build the wheel, and run what it installs in an empty environment, in another directory.
	.ci/test_wheel $(BIN)

test-plugins: $(VENV)/.tested ## Build each plugin, and test it in an environment of its own; then all in one.
	$(BIN)/python plugins/test_each.py

test-proxies: $(VENV)/.tested ## Install nginx, Caddy and HAProxy if they are missing (as root), and test in front of each.
	.ci/install_proxies
	FALCONBOX_TEST_PROXIES=1 $(BIN)/python -m pytest -q tests/proxies

test-clients: $(VENV)/.tested $(CLIENTS)/.installed ## Install OAuth clients from PyPI and npm beside falconbox, and let each get, use and end a token.
	FALCONBOX_TEST_CLIENTS=1 $(BIN)/python -m pytest -q tests/clients

bench: $(VENV)/.tested ## Measure; results go to benchmarks/results.
	$(BIN)/python benchmarks/decide.py
	$(BIN)/python benchmarks/document.py
	$(BIN)/python benchmarks/tokens.py

bench-engines: $(VENV)/.tested ## Measure one rule in every engine, plugins too, in an environment that has them all.
	$(BIN)/python plugins/run_with_all.py benchmarks/engines.py

lock: | $(VENV)/bin/python ## Resolve the requirements anew.
	$(BIN)/pip install --quiet --disable-pip-version-check pip-tools
	$(BIN)/pip-compile $(RESOLVE) --all-build-deps --output-file requirements.lock pyproject.toml
	$(BIN)/pip-compile $(RESOLVE) --output-file requirements-dev.lock requirements-dev.in
	$(BIN)/python plugins/lock.py $(RESOLVE)
	$(BIN)/pip-compile $(RESOLVE) --no-annotate --output-file tests/clients/python/requirements.lock tests/clients/python/requirements.in
	npm update --prefix tests/clients/node --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

clean: ## Remove what was made, but no data.
	rm -rf $(VENV) $(CLIENTS) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "falconbox needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock $(SOURCES) | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.tested: requirements-dev.lock $(SOURCES) | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(CLIENTS)/.installed: tests/clients/python/requirements.lock tests/clients/node/package-lock.json | $(VENV)/bin/python
	$(BIN)/python -m venv --clear $(CLIENTS)
	$(CLIENTS)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r tests/clients/python/requirements.lock
	cp tests/clients/node/package.json tests/clients/node/package-lock.json $(CLIENTS)
	npm ci --prefix $(CLIENTS) --silent --ignore-scripts --no-audit --no-fund
	@touch $@
