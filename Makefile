# `make demo` and `make test` set up everything they need, in .venv; the second time that costs nothing.
# They need Python 3.11 or newer with venv, make and git on the PATH, and nothing else.

.DEFAULT_GOAL := help
.PHONY: help demo test prove prove-part check static lint types contracts docs-check format docs bench lock clean

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
TEST_PROCESSES := 3
# These wait most of the time, for leases that run out.
PROVE_PROCESSES := 4
# The long proofs: crowds of processes at the cap, faults and kills at every call. `make prove` runs them.
LONG := $(addprefix tests/reliability/test_,cost.py faults.py kills.py) tests/ledger/test_crowd.py
# What CI runs of them, in under three minutes: a storm at the cap, kills and freezes of a create, faults of it and an upload.
PART := tests/reliability/test_cost.py \
  'tests/reliability/test_kills.py::test_kill_at_each_boundary[ec2 create]' \
  'tests/reliability/test_kills.py::test_frozen_past_the_places_time' \
  'tests/reliability/test_faults.py::test_faults_at_each_call[ec2 create]' \
  'tests/reliability/test_faults.py::test_faults_at_each_call[s3 upload]' \
  'tests/ledger/test_crowd.py::test_fifty_creates_make_two[0]' \
  'tests/ledger/test_crowd.py::test_a_lease_that_is_off_makes_more'
# `make test BUSY=5` and `make prove BUSY=5` share the machine with five processes that do nothing else.
UNDER := $(if $(BUSY),$(BIN)/python tools/busy.py $(BUSY) --)

help:
	@echo 'make demo      the guided tour, in a sandbox that it throws away'
	@echo 'make test      the tests, with coverage; ARGS="-k policy" runs some'
	@echo 'make prove     the long proofs of the ledger: crowds, faults, kills; BUSY=5 on a busy machine'
	@echo 'make prove-part   the part of them that CI runs'
	@echo 'make check     format, lint, types, import contracts, docs, tests'
	@echo 'make static    the same without the tests'
	@echo 'make format    write the code in the one format'
	@echo 'make docs      write the reference pages, build the site'
	@echo 'make bench     measure the start of a command against aws'
	@echo 'make lock      renew the lock; ARGS=--upgrade takes newer versions'
	@echo 'make clean     remove what make made'

# ---- set-up
# The lock names every package that is needed, so pip resolves nothing (--no-deps): some of its versions would otherwise
# look for a newer release of what a package wants with an extra (`coverage[toml]`), which has no hash here.

$(BIN)/pip:
	@for python in python3.13 python3.12 python3.11 python3; do \
	  if $$python -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	    echo "$$python -m venv $(VENV)"; exec $$python -m venv $(VENV); \
	  fi; \
	done; \
	echo 'Handrail needs Python 3.11, 3.12 or 3.13 with its venv module on the PATH.' >&2; exit 1

$(VENV)/for-demo: requirements.txt pyproject.toml | $(BIN)/pip
	@echo 'installing what requirements.txt locks'
	@$(PIP) install --require-hashes --no-deps -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/for-development: requirements-dev.txt pyproject.toml | $(BIN)/pip
	@echo 'installing what requirements-dev.txt locks'
	@$(PIP) install --require-hashes --no-deps -r requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(VENV)/for-demo $@

# ---- what people run

demo: $(VENV)/for-demo
	@$(BIN)/handrail demo 2>&1
	@echo '  here      $(BIN)/handrail is the program'

test: $(VENV)/for-development
ifdef ARGS
	$(UNDER) $(BIN)/pytest $(ARGS)
else
	$(UNDER) $(BIN)/pytest -n $(TEST_PROCESSES) --dist worksteal --cov=src --cov-report= $(LONG:%=--ignore=%)
	$(BIN)/coverage report
	$(BIN)/python tools/check_coverage.py
endif

prove: $(VENV)/for-development
	HANDRAIL_MATRIX=$${HANDRAIL_MATRIX:-pairs} $(UNDER) $(BIN)/pytest -n $(PROVE_PROCESSES) --dist loadgroup $(LONG) \
	  tests/answers/test_answers.py

prove-part: $(VENV)/for-development
	HANDRAIL_MATRIX_PART=40 $(UNDER) $(BIN)/pytest -n $(PROVE_PROCESSES) --dist loadgroup $(PART)

check: static test

static: lint types contracts docs-check

lint: $(VENV)/for-development
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(VENV)/for-development
	$(BIN)/mypy

contracts: $(VENV)/for-development
	$(BIN)/lint-imports --no-logo

docs-check: $(VENV)/for-development
	$(BIN)/python tools/write_reference.py --check
	$(BIN)/mkdocs build --quiet --strict

format: $(VENV)/for-development
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(VENV)/for-development
	$(BIN)/python tools/write_reference.py
	$(BIN)/mkdocs build --quiet --strict

bench: $(VENV)/for-development
	$(BIN)/python bench/cold_start.py $(ARGS)

lock: | $(BIN)/pip
	PYTHON=$(BIN)/python ARGS='$(ARGS)' tools/lock.sh

clean:
	rm -rf $(VENV) build dist site .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
