# `make demo` and `make test` require Python 3.11+, make, and access to PyPI.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVE ?= 1
TESTS ?= tests
# Run two test files in parallel, the slowest first (see tests/order.py). Disable with
# `make test PARALLEL=`.
PARALLEL ?= -n 2 --dist loadfile --no-loadscope-reorder
PICTURES ?= $(CURDIR)/.data/walk
READERS ?= 10000
CHAOS_OPTIONS ?= --readers 3000 --kills 60 --seconds 90

.PHONY: help demo test test-all walk lint types metrics check secrets audit format messages requirements image bench evaluate chaos upgrade-test clean stop

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/demo  ## Install, send sample digests and serve the site on http://127.0.0.1:8000
	@$(BIN)/python manage.py demo $(if $(filter 0,$(SERVE)),--no-serve)

test: $(VENV)/dev  ## Run the fast tests (against real PostgreSQL, Redis and SMTP servers)
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow" $(TESTS)

test-all: $(VENV)/dev  ## Run all tests, including the slow ones
	$(BIN)/python -m pytest $(PARALLEL) $(TESTS)

walk: $(VENV)/dev  ## Walk through a new installation's first day in a browser and save screenshots to PICTURES
	WALK_PICTURES=$(PICTURES) WALK_PAUSE=1 WALK_OUTAGE=180 $(BIN)/python -m pytest -v -p no:logging tests/walk

lint: $(VENV)/dev  ## Check code style and common mistakes (ruff)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev  ## Check types (mypy)
	$(BIN)/mypy

metrics: $(VENV)/dev  ## Measure readability: function sizes, import cycles, docstrings, wording, templates
	@$(BIN)/python -m devtools.metrics

check: $(VENV)/dev  ## Check for missing migrations and unsafe production settings
	$(BIN)/python manage.py makemigrations --check --dry-run
	env $$(cat deploy/check.env) $(BIN)/python manage.py check --deploy --fail-level WARNING

secrets: $(VENV)/dev  ## Scan the repository for committed secrets
	git ls-files | grep -vE '$(SECRETS_EXCLUDE)' | xargs $(BIN)/detect-secrets-hook --no-verify --cores 2 \
		--exclude-lines 'user:password@|://\{|only-for-checking'

# Examples must use user:password.
SECRETS_EXCLUDE := ^requirements|^tests/|^devtools/sample/|^deploy/grafana/|\.(png|gz|svg)$$

image:  ## Build the container image `paperboy` with docker, podman or buildah
	@for tool in docker podman buildah; do $$tool info >/dev/null 2>&1 && exec $$tool build -t paperboy .; done; \
	echo "Cannot build the image: install podman or buildah, or start docker." >&2; exit 1

audit: $(VENV)/dev  ## Check the dependencies for known vulnerabilities (needs network access)
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements.txt

format: $(VENV)/dev  ## Format the code and apply automatic fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

messages: $(VENV)/dev  ## Update the translation catalogues from the code (needs GNU gettext)
	$(BIN)/python manage.py makemessages -l de $(MESSAGE_OPTIONS)
	$(BIN)/python manage.py compilemessages --ignore .venv

MESSAGE_OPTIONS := --no-location --no-wrap --ignore .venv --ignore tests --ignore "templates/admin/*"

requirements:  ## Resolve the dependencies again and pin them with hashes
	$(PYTHON) -m pip install --quiet uv
	uv pip compile pyproject.toml $(PIN_OPTIONS) -o requirements.txt
	uv pip compile pyproject.toml --extra embedded $(PIN_OPTIONS) -c requirements.txt -o requirements-demo.txt
	uv pip compile pyproject.toml --extra embedded --group dev $(PIN_OPTIONS) -c requirements-demo.txt -o requirements-dev.txt
	echo uv | uv pip compile - $(PIN_OPTIONS) -o requirements-uv.txt

PIN_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

bench: $(VENV)/dev  ## Benchmark ingestion, matching, previews, search, strict topics, libraries and sending against baselines
	@$(BIN)/python manage.py bench ingest
	@$(BIN)/python manage.py bench matching
	@$(BIN)/python manage.py bench preview
	@$(BIN)/python manage.py bench search
	@$(BIN)/python manage.py bench queries
	@$(BIN)/python manage.py bench library
	@$(BIN)/python manage.py bench edition --readers $(READERS)
	@$(BIN)/python manage.py bench provider

evaluate: $(VENV)/dev  ## Run the quick evaluations on recorded data; DATA is its folder
	@test -n "$(DATA)" || { echo "Set DATA to the folder with corpus/, cases/ and profiles/: make evaluate DATA=…" >&2; exit 1; }
	@$(EVALUATE) extracts --papers $(CORPUS)
	@$(EVALUATE) reasons --papers $(CORPUS) --profiles $(DATA)/profiles
	@$(EVALUATE) search --papers $(CORPUS) --count 8000
	@$(EVALUATE) matching --papers $(CORPUS) --cases $(DATA)/cases/authors.jsonl --archive-days 0 --days 2026-04-14 2026-05-12 2026-06-16

EVALUATE := $(BIN)/python manage.py evaluate
CORPUS := $(DATA)/corpus/papers.jsonl.gz

chaos: $(VENV)/dev  ## Inject faults while an edition is sent; fail if an email is lost or sent twice
	@$(BIN)/python manage.py chaos $(CHAOS_OPTIONS)

upgrade-test: $(VENV)/dev  ## Migrate 100,000 readers from the oldest schema while digests are sent
	UPGRADE_READERS=100000 $(BIN)/python -m pytest -s tests/deploy/test_migrations.py

stop:  ## Stop the embedded PostgreSQL and Redis servers, including those of the tests
	@test ! -x $(BIN)/python || for data in .data .data/test/*/; do \
		test ! -d "$$data" || DATA_DIR=$$data $(BIN)/python manage.py services stop; done

clean: stop  ## Delete the virtual environment and all local data
	rm -rf $(VENV) .data staticfiles

# Progress bars help on a terminal but fill pages of a log.
QUIET := $(shell test -t 2 || echo --quiet)

# Processes start faster with bytecode files, which uv leaves to the first import.
unexport PYTHONDONTWRITEBYTECODE

# uv installs several times faster than pip. pip does it where uv cannot, for example if only pip's
# configuration names the package index.
PIP = $(BIN)/python -m pip install $(QUIET) --disable-pip-version-check --require-hashes
INSTALL = $(PIP) -r requirements-uv.txt && \
	$(BIN)/uv pip install $(QUIET) --python $(BIN)/python --require-hashes -r $< || $(PIP) -r $<

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo: requirements-demo.txt | $(BIN)/python
	@echo "Installing dependencies into $(VENV) (less than a minute the first time) …"
	$(INSTALL)
	@touch $@

$(VENV)/dev: requirements-dev.txt | $(BIN)/python
	@echo "Installing development dependencies into $(VENV) (about a minute) …"
	$(INSTALL)
	@touch $@
