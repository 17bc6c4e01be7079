# What people run. `make demo` and `make test` need nothing but Python 3.11+, git and make.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PORT ?= 8080
STRIPE_CLI := .venv/stripe-cli
STRIPE_CLI_VERSION := 1.52.0

# Hundreds of processes are started: what one has compiled the next shall not compile again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup tools demo run test check bench soak format lock docs clean

help:  ## Say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP)  ## Make the virtual environment; then .venv/bin/recount is the CLI

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Recount needs Python 3.11 or later: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

demo: setup  ## The main job on a sample history, then go on serving
	@$(BIN)/recount demo --port $(PORT)

run: setup  ## Serve, without the sample
	@$(BIN)/recount serve --port $(PORT)

tools: setup  ## Clients of others that tests ask the sandbox with; without npm those tests skip
	@if ! command -v npm > /dev/null; then echo "npm is not installed: tests with the Stripe CLI will be skipped"; \
	elif [ ! -e $(STRIPE_CLI)/node_modules/@stripe/cli/package.json ]; then \
		npm install --no-save --no-audit --no-fund --silent --prefix $(STRIPE_CLI) @stripe/cli@$(STRIPE_CLI_VERSION) \
		|| echo "the Stripe CLI could not be installed: tests with it will be skipped"; \
	fi

test: setup tools  ## The whole test suite, PostgreSQL included
	@$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "not soak and not alone"
	@$(BIN)/python -m pytest --numprocesses 2 -m alone $$(grep -l 'mark\.alone' tests/test_*.py)

check: setup  ## Format, lint, strict types, architecture, unit tests and laws: under a minute
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q --numprocesses 2 --durations=0 --durations-min=5 -m "not postgres and not service and not soak and not corpus"

bench: setup  ## Measure on this machine, each figure beside its bound
	@$(BIN)/recount bench

soak: setup  ## Long runs, and every law on many more examples than each day
	@$(BIN)/python -m pytest --hypothesis-profile soak -m "soak or (hypothesis and not alone)"

format: setup  ## Put the code in order
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: setup  ## Renew requirements.lock from pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe --extra dev \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate --output-file requirements.lock pyproject.toml

docs: setup  ## Write the generated pages of docs/reference anew
	@$(BIN)/python -m tests.docs.generate

clean:  ## Remove what can be made again (not var/, which holds data)
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
