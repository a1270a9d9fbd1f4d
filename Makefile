# Two commands are enough: `make run` shows the finished demonstration, `make test` checks everything.
# Both set up what they need: a virtual environment with pinned packages, and for tests Debian's browser and
# PostgreSQL (which tests run by themselves, in a folder of their own).

PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
HOME_DIR ?= instance
PORT ?= 8000
JOBS ?= 2
APT := apt-get -o DPkg::Lock::Timeout=300
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.DEFAULT_GOAL := help
.PHONY: help run test check unit test-postgres browser soak bench-analysis bench-instrument bench-fieldwork bench-web bench-staff bench-export format lock schemas translations clean

help:  ## Say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

run: $(VENV)/.run  ## Set up, build the demonstration and serve it on 127.0.0.1:8000
	@$(BIN)/surveyapp --home $(HOME_DIR) demo --port $(PORT)

test: check unit browser  ## Set up, run every check and every test

check: $(VENV)/.test  ## Style, types, import contracts, templates, security rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --quiet --lint surveyapp/web/templates
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml surveyapp

unit: $(VENV)/.test $(VENV)/.debian  ## Tests that need no browser, on both stores, in parallel
	$(BIN)/pytest -n $(JOBS) -m "not browser"

test-postgres: $(VENV)/.test $(VENV)/.debian  ## Of these the ones on PostgreSQL alone
	$(BIN)/pytest -n $(JOBS) -m postgres

soak: $(VENV)/.test  ## Kill processes at thousands of steps instead of hundreds (SURVEYAPP_KILLS=2000, SURVEYAPP_SEED)
	SURVEYAPP_KILLS=$${SURVEYAPP_KILLS:-2000} $(BIN)/pytest -s -m "not postgres" tests/faults/test_killed_at_every_step.py

browser: $(VENV)/.test $(VENV)/.debian  ## Tests in a real browser, one after the other
	$(BIN)/pytest -m browser -p no:xdist

bench-analysis: $(VENV)/.test  ## What tables cost, for 61, 100,000 and 1,000,000 responses
	$(BIN)/python -m tests.bench.analysis

bench-instrument: $(VENV)/.test  ## How long loading, checking and routing take
	$(BIN)/python -m tests.bench.instrument

bench-fieldwork: $(VENV)/.test  ## How long letters and frames of 100,000 units take
	$(BIN)/python -m tests.bench.fieldwork
	$(BIN)/python -m tests.bench.frames

bench-web: $(VENV)/.test  ## What the respondents' pages cost in CPU, page by page and for a whole survey
	$(BIN)/python -m tests.bench.web

bench-staff: $(VENV)/.test  ## What the staff site costs, fieldwork and table builder, for 5,000 organisations and 100,000 responses
	$(BIN)/python -m tests.bench.staff
	$(BIN)/python -m tests.bench.builder

bench-export: $(VENV)/.test  ## What exports cost: the appendix of a closed wave, microdata of 100,000 responses in each format
	$(BIN)/python -m tests.bench.export

format: $(VENV)/.test  ## Put the code into the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(VENV)/.run  ## Write the JSON Schemas that editors use
	$(BIN)/python -m surveyapp.schemas

translations: $(VENV)/.run  ## Find what the pages say, bring the catalogues up to date and compile them
	$(BIN)/python -m surveyapp.web.catalogue

lock:  ## Pin anew the packages that pyproject.toml asks for (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --extra setup pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra setup \
	  --extra test pyproject.toml -c requirements.lock -o requirements-test.lock

clean:  ## Take away what was made here, the demonstration included
	rm -rf $(VENV) $(HOME_DIR) .mypy_cache .ruff_cache .pytest_cache .hypothesis

# uv installs in seconds; where it cannot be had, plain pip does the same from the same lock.
define install
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing packages from $(1) …"
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet uv==0.13.9 2>/dev/null || echo "uv is not to be had; pip takes a minute"
	@if $(BIN)/python -m uv --version >/dev/null 2>&1; then \
	  $(BIN)/python -m uv pip install --quiet --python $(BIN)/python --require-hashes -r $(1) && \
	  $(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . ; \
	else \
	  $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes -r $(1) && \
	  $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable . ; \
	fi
endef

$(VENV)/.run: requirements.lock pyproject.toml
	$(call install,requirements.lock)
	@touch $@

$(VENV)/.test: requirements-test.lock pyproject.toml
	$(call install,requirements-test.lock)
	@touch $@ $(VENV)/.run

$(VENV)/.debian: $(VENV)/.test
	@missing=""; \
	test -x /usr/bin/chromium || missing="$$missing chromium"; \
	fc-list 2>/dev/null | grep -qi liberation || missing="$$missing fonts-liberation"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$$missing postgresql"; \
	if [ -n "$$missing" ]; then \
	  echo "Installing Debian packages:$$missing …"; \
	  $(SUDO) $(APT) update -qq && $(SUDO) DEBIAN_FRONTEND=noninteractive $(APT) install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
	@touch $@
