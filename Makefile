PYTHON ?= python3
RUN := .venv/bin
PACKAGES := casework backends taskhub worker server mcp_tools console devstack

.DEFAULT_GOAL := help
.PHONY: help demo test check unit e2e lint format snapshots pictures lock env clean

help: ## What each target does
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Start everything on this machine, offline, and open the console
	@$(PYTHON) devstack/bootstrap.py
	@$(RUN)/fraud-console up

test: ## Install what the tests need, then lint, type-check and run everything
	@$(PYTHON) devstack/bootstrap.py --dev
	@$(MAKE) --no-print-directory check

check: lint unit e2e ## The same without installing

lint: ## ruff, mypy --strict, import contracts
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports

unit: ## Tests that start no processes of the product, or only one
	$(RUN)/pytest -q -m "not e2e" -n logical --maxprocesses 6 --dist loadfile

e2e: ## Tests of the whole product in real processes
	$(RUN)/pytest -q -m e2e -n logical --maxprocesses 6 --dist loadfile

snapshots: ## Store how every screen of the console looks now; look at the difference before you commit it
	SNAPSHOTS=1 $(RUN)/pytest -q tests/console/test_snapshots.py tests/console/test_toasts.py

format: ## Put the code into house style
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

pictures: ## Draw the pictures of README and docs anew
	$(RUN)/python tests/console/pictures.py

lock: ## Pin the dependencies anew, with hashes and without registry addresses
	$(RUN)/pip install --quiet uv
	$(RUN)/uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet -o requirements/runtime.txt
	$(RUN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet -c requirements/runtime.txt -o requirements/dev.txt

env: ## Write .env.example and the table in docs/howto/production.md from the settings
	$(RUN)/python -m devstack.env_example > .env.example
	$(RUN)/python -m devstack.settings_table docs/howto/production.md

clean: ## Remove the environment and the caches; the cases in .fraud-console stay
	rm -rf .venv .azurite .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
