# The project's commands. `make test` is everything: set-up, checks, all tests.
UV ?= $(shell command -v uv || echo python3 -m uv)
RUN := $(UV) run --frozen

.PHONY: help setup check node test demo clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: ## Install what the project needs into .venv (idempotent)
	@$(UV) --version >/dev/null 2>&1 || python3 -m pip install --quiet uv \
		|| python3 -m pip install --quiet --user --break-system-packages uv
	$(UV) sync --frozen --quiet

check: setup ## Lint, types, architecture
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) pytest -q tests/architecture

node: setup ## Node 22, protocol suites and foreign clients for the tests, once (from npm, into the user's cache)
	$(RUN) python -m tests.conformance.node

test: check node ## Everything: set-up, checks, all tests with coverage
	$(RUN) coverage erase
	$(RUN) coverage run -m pytest -q
	$(RUN) coverage combine --quiet
	$(RUN) coverage report --skip-covered

demo: setup ## A question about the bundled PDF, offline
	$(RUN) agentrag demo

clean: ## Remove what the tools left
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*
