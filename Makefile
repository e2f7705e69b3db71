# Each task is one line of `make help`. The only needs are Python >= 3.11 and make.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
export DBT_SEND_ANONYMOUS_USAGE_STATS = false

.DEFAULT_GOAL := help
.PHONY: help install demo demo-anomalies test fast check bench bench-quality lock clean

help: ## Show these tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python >= 3.11 is needed; name one: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the locked dependencies into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --no-compile \
		-r requirements.lock  # what is imported is compiled then: 20 s less
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install: .venv/.installed ## Create .venv with the locked dependencies

demo: .venv/.installed ## Build all products from a replayed retailer, then serve the Dagster UI (ARGS=--no-ui returns)
	@$(BIN)/python -m operational_systems -- $(BIN)/mesh up $(ARGS)

demo-anomalies: .venv/.installed ## Replay a year day by day, as it was and with faults: what is called unusual (minutes)
	@$(BIN)/python -m benchmarks.anomalies $(ARGS)

test: .venv/.installed check ## Run all checks and tests (minutes)
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

fast: .venv/.installed ## Run the tests that take no minutes
	@$(BIN)/python -m pytest -m "not slow" $(ARGS)

check: .venv/.installed ## Lint, format and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/lint-imports --no-cache

bench: .venv/.installed ## Measure the mesh against plain DuckDB, the gate, guarded reads and a big catalog
	@$(BIN)/python -m benchmarks.mesh_against_floor $(ARGS)
	@$(BIN)/python -m benchmarks.check_contracts
	@$(BIN)/python -m benchmarks.guarded_reads
	@$(BIN)/python -m benchmarks.http_reads
	@$(BIN)/python -m benchmarks.client_reads
	@$(BIN)/python -m benchmarks.search_quality
	@$(BIN)/python -m benchmarks.catalog

bench-quality: .venv/.installed ## Measure an audit of 40 rules against only scanning the columns, and other tools (ARGS=--record)
	@$(BIN)/python -m benchmarks.quality $(ARGS)

lock: .venv/.installed ## Resolve the pins of pyproject.toml anew into requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-strip-extras --group dev --group demo pyproject.toml -o requirements.lock

clean: ## Remove the environment and the mesh's state
	rm -rf .venv .mesh
