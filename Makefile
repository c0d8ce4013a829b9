# The project's commands. `make test` is everything: set-up, checks, all tests.
UV ?= $(shell command -v uv || echo python3 -m uv)
RUN := $(UV) run --frozen
PEERS := $(HOME)/.cache/agentrag/peers
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo -n) env DEBIAN_FRONTEND=noninteractive

.PHONY: help setup check node browser recognition test bench bench-peers demo clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

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

browser: ## Chromium for the tests of what people see, once (from the system's packages)
	@[ -n "$$AGENTRAG_CHROMIUM" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
		|| command -v google-chrome >/dev/null || { $(AS_ROOT) apt-get update -qq \
		&& $(AS_ROOT) apt-get install -y -qq --no-install-recommends chromium; } >/dev/null \
		|| echo "Chromium could not be installed; the tests that need it will fail and say what to do" >&2

recognition: ## Tesseract for the tests of scanned pages, once (from the system's packages)
	@command -v tesseract >/dev/null || { $(AS_ROOT) apt-get update -qq \
		&& $(AS_ROOT) apt-get install -y -qq --no-install-recommends tesseract-ocr tesseract-ocr-eng; } >/dev/null \
		|| echo "Tesseract could not be installed; the tests that need it will fail and say what to do" >&2

test: check node browser recognition ## Everything: set-up, checks, all tests with coverage
	$(RUN) coverage erase
	$(RUN) coverage run -m pytest -q
	$(RUN) coverage combine --quiet
	$(RUN) coverage report --skip-covered

bench: setup ## Measure, beside the libraries at hand; BENCH="--corpus DIR --suite ingest" says what (--help)
	$(RUN) --group bench python -m tests.benchmarks $(BENCH)

bench-peers: setup ## The same beside LangChain, LlamaIndex and Haystack, which get an environment of 6 GB in the user's cache
	@[ -x $(PEERS)/bin/python ] || $(UV) venv --quiet --python 3.11 $(PEERS)
	@$(UV) pip install --quiet --link-mode copy --python $(PEERS) --requirements tests/benchmarks/peers/requirements.txt
	$(RUN) --group bench python -m tests.benchmarks --peers $(BENCH)

demo: setup ## A question about the bundled PDF, offline
	$(RUN) agentrag demo

clean: ## Remove what the tools left
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*
