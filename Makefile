# Every target sets up what it needs: make and Python 3.11 or newer are all this checkout asks for.

PYTHON ?= $(shell for candidate in python3.11 python3.12 python3.13 python3; do \
	$$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$candidate && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
INSTALL := install --quiet --constraint constraints.txt --group dev --editable .

# beside the checkout's own files, so that a home folder is neither needed nor touched
export UV_CACHE_DIR ?= $(CURDIR)/.cache/uv
export PIP_CACHE_DIR ?= $(CURDIR)/.cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help test check format demo bench mutants prove docs wheel beside-providers oldest-airflow constraints clean
.DEFAULT_GOAL := help

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

test: $(READY) ## run the test suite (ARGS="tests/domain -k money" narrows it)
	$(BIN)/python -m pytest $(ARGS)

check: $(READY) ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(READY) ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo: $(READY) ## 70,159 conversions through real Airflow, twice, and through a crash (ARGS=--keep: then the browser)
	$(BIN)/python -m dags_examples.demo $(ARGS)

bench: $(READY) ## measure beside scripts on the vendor's packages, about ten minutes (ARGS=--quick: one, docs untouched)
	$(BIN)/python -m benchmarks $(ARGS)

mutants: $(READY) ## change every rule and see whether the tests notice (ARGS=domain.times: one module, docs untouched)
	$(BIN)/python -m tests.mutation $(ARGS)

prove: $(READY) ## put the delivery through every crash and fault, about half an hour (ARGS="--part exhaustive": one part)
	$(BIN)/python -m tests.proof $(ARGS)

docs: $(READY) ## write the generated parts of README and docs anew
	$(BIN)/python -m docs.generate

wheel: $(READY) ## build the wheel into dist/
	rm -rf build dist
	$(BIN)/python -m build --wheel --no-isolation

beside-providers: wheel ## install the wheel beside the Snowflake, Google and Databricks providers
	.ci/beside_providers dist/*.whl

oldest-airflow: wheel ## run the demo, smaller, on the oldest Airflow supported
	.ci/oldest_airflow dist/*.whl

constraints: $(READY) ## write constraints.txt anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --no-header --no-annotate \
		--no-emit-index-url --group dev pyproject.toml --output-file constraints.txt

clean: ## remove the environment, caches and what the demo left
	rm -rf $(VENV) .cache build dist demo-output *.egg-info .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# pip is the way round where uv does not reach the package index (uv reads no pip.conf)
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with PYTHON=/path/to/python3" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip uv
	$(BIN)/uv pip $(INSTALL) --python $(BIN)/python || $(BIN)/python -m pip $(INSTALL)
	@touch $@
