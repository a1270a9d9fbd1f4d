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
.PHONY: help run test check unit test-postgres browser soak attack fuzz bench-analysis bench-instrument bench-fieldwork bench-web bench-staff bench-export bench-scale bench-large format lock schemas manual pictures translations clean

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

soak: $(VENV)/.test $(VENV)/.debian  ## A night: kills at thousands of steps, thirty fortnights in the field, then an hour of it on each store with an eye on memory
	SURVEYAPP_KILLS=$${SURVEYAPP_KILLS:-2000} $(BIN)/pytest -s -m "not postgres" tests/faults/test_killed_at_every_step.py
	SURVEYAPP_KILLS=$${SURVEYAPP_KILLS:-2000} $(BIN)/pytest -s tests/faults/test_killed_staff_work.py tests/faults/test_lost_connection.py tests/faults/test_full_disk.py
	SURVEYAPP_LOCK=$${SURVEYAPP_LOCK:-30} $(BIN)/pytest tests/faults/test_locked.py
	SURVEYAPP_SOAKS=$${SURVEYAPP_SOAKS:-30} $(BIN)/pytest -s tests/faults/test_soak.py
	for store in $${SURVEYAPP_SOAK_STORE:-sqlite postgres}; do \
		SURVEYAPP_SOAK_STORE=$$store SURVEYAPP_SOAK_MINUTES=$${SURVEYAPP_SOAK_MINUTES:-60} $(BIN)/python -m tests.soak.long || exit 1; \
	done

attack: $(VENV)/.test  ## Send every hostile text into every field of every form of both sites (over an hour; SURVEYAPP_SEED, SURVEYAPP_ATTACK=2/8)
	SURVEYAPP_ATTACK=$${SURVEYAPP_ATTACK:-all} $(BIN)/pytest -n $(JOBS) -o faulthandler_timeout=0 tests/attack

fuzz: $(VENV)/.test  ## Alter what comes from outside, guided by the code that reads it (SURVEYAPP_FUZZ_SECONDS each, 60)
	$(BIN)/python -m tests.fuzz.run $(READERS)

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

bench-scale: $(VENV)/.test  ## How time and memory grow with respondents, organisations and questions
	$(BIN)/python -m tests.bench.scale

bench-large: $(VENV)/.test  ## What waves of 1,000,000 and 5,000,000 responses cost in memory, with DuckDB and with Dask
	$(BIN)/python -m tests.bench.large

format: $(VENV)/.test  ## Put the code into the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(VENV)/.run  ## Write what is made from the code: the JSON Schemas that editors use, the manual's page of commands
	$(BIN)/python -m surveyapp.schemas
	$(BIN)/python -m surveyapp.cli.reference

manual: $(VENV)/.test  ## Build the manual into manual/, to be read in any browser or put on any web server
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open manual/index.html"

pictures: $(VENV)/.test $(VENV)/.debian  ## Take the pictures of the tutorials and of the staff site anew, walking through the demonstration
	$(BIN)/python -m tests.browser.tours docs/pictures

translations: $(VENV)/.run  ## Find what the pages say, bring the catalogues up to date and compile them
	$(BIN)/python -m surveyapp.web.catalogue

lock:  ## Pin anew the packages that pyproject.toml asks for (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --extra setup pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra setup \
	  --extra scale --extra test pyproject.toml -c requirements.lock -o requirements-test.lock

clean:  ## Take away what was made here, the demonstration included
	rm -rf $(VENV) $(HOME_DIR) manual .mypy_cache .ruff_cache .pytest_cache .hypothesis

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
