# Paperboy. `make demo` and `make test` need only Python 3.11 or newer, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVE ?= 1
TESTS ?= tests
# Two test files at a time, the longest first (tests/order.py); `make test BESIDE=` for one after the
# other.
BESIDE ?= -n 2 --dist loadfile --no-loadscope-reorder
PICTURES ?= $(CURDIR)/.data/walk
READERS ?= 10000
CHAOS ?= --readers 3000 --kills 60 --seconds 90

.PHONY: help demo test test-all walk lint types metrics check secrets audit format messages requirements image bench chaos upgrade-test clean stop

help:  ## What there is to do
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/demo  ## Set up from nothing, send today's edition, serve http://127.0.0.1:8000
	@$(BIN)/python manage.py demo $(if $(filter 0,$(SERVE)),--no-serve)

test: $(VENV)/dev  ## The tests, against real PostgreSQL, Redis and SMTP; without the slow ones
	$(BIN)/python -m pytest $(BESIDE) -m "not slow" $(TESTS)

test-all: $(VENV)/dev  ## All tests, the slow ones too
	$(BIN)/python -m pytest $(BESIDE) $(TESTS)

walk: $(VENV)/dev  ## The first day of an installation in a browser, slowly, with pictures in PICTURES
	WALK_PICTURES=$(PICTURES) WALK_PAUSE=1 WALK_OUTAGE=180 $(BIN)/python -m pytest -v -p no:logging tests/walk

lint: $(VENV)/dev  ## Style and likely mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev  ## Static types
	$(BIN)/mypy

metrics: $(VENV)/dev  ## How readable the code is: sizes, cycles, docstrings, words, templates
	@$(BIN)/python -m devtools.metrics

check: $(VENV)/dev  ## Migrations complete, and fit for production
	$(BIN)/python manage.py makemigrations --check --dry-run
	env $$(cat deploy/check.env) $(BIN)/python manage.py check --deploy --fail-level WARNING

secrets: $(VENV)/dev  ## No secret is written down; examples say user:password
	git ls-files | grep -vE '$(NO_CODE)' | xargs $(BIN)/detect-secrets-hook --no-verify --cores 2 \
		--exclude-lines 'user:password@|://\{|only-for-checking'

NO_CODE := ^requirements|^tests/|^devtools/sample/|^deploy/grafana/|\.(png|gz|svg)$$

image:  ## The image `paperboy`, by docker, podman or buildah, whichever is there and works
	@for tool in docker podman buildah; do $$tool info >/dev/null 2>&1 && exec $$tool build -t paperboy .; done; \
	echo "Building the image takes docker (running), podman or buildah; none was found." >&2; exit 1

audit: $(VENV)/dev  ## Known holes in what it stands on; asks the package index, and fails where it cannot
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements.txt

format: $(VENV)/dev  ## Put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

messages: $(VENV)/dev  ## Bring the translations up to date with the code; needs GNU gettext
	$(BIN)/python manage.py makemessages -l de $(MESSAGES)
	$(BIN)/python manage.py compilemessages --ignore .venv

MESSAGES := --no-location --no-wrap --ignore .venv --ignore tests --ignore "templates/admin/*"

requirements:  ## Resolve and pin the dependencies anew, with hashes
	$(PYTHON) -m pip install --quiet uv
	uv pip compile pyproject.toml $(PINS) -o requirements.txt
	uv pip compile pyproject.toml --extra embedded $(PINS) -c requirements.txt -o requirements-demo.txt
	uv pip compile pyproject.toml --extra embedded --group dev $(PINS) -c requirements-demo.txt -o requirements-dev.txt

PINS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

bench: $(VENV)/dev  ## Speed: papers in, matching, the preview, an edition, each next to a baseline
	@$(BIN)/python manage.py bench ingest
	@$(BIN)/python manage.py bench matching
	@$(BIN)/python manage.py bench preview
	@$(BIN)/python manage.py bench search
	@$(BIN)/python manage.py bench edition --readers $(READERS)
	@$(BIN)/python manage.py bench provider

chaos: $(VENV)/dev  ## Break everything while an edition is sent; fails if mail is lost or doubled
	@$(BIN)/python manage.py chaos $(CHAOS)

upgrade-test: $(VENV)/dev  ## A hundred thousand readers from the oldest schema while digests go out
	UPGRADE_READERS=100000 $(BIN)/python -m pytest -s tests/deploy/test_migrations.py

stop:  ## Stop the embedded PostgreSQL and Redis, those of the tests among them
	@test ! -x $(BIN)/python || for data in .data .data/test/*/; do \
		test ! -d "$$data" || DATA_DIR=$$data $(BIN)/python manage.py services stop; done

clean: stop  ## Remove the environment and all local data
	rm -rf $(VENV) .data staticfiles

# On a terminal pip shows a bar for each package; in a log it would fill pages.
QUIET := $(shell test -t 2 || echo --quiet)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo: requirements-demo.txt | $(BIN)/python
	@echo "Installing Paperboy's dependencies into $(VENV); about a minute the first time …"
	$(BIN)/python -m pip install $(QUIET) --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/dev: requirements-dev.txt | $(BIN)/python
	@echo "Installing the dependencies for development into $(VENV); about two minutes …"
	$(BIN)/python -m pip install $(QUIET) --disable-pip-version-check --require-hashes -r $<
	@touch $@
