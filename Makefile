# Needs make and Python 3.11 or newer, and nothing else: everything goes into .venv.
#   make demo       a small simulated district, from raw scenes to a report, in demo/
#   make test       style, types, tests            make test-all   the longer tests too
#   make bench      comparisons with other tools   make pictures   the pictures in docs/, drawn again
#   make docs       the pages of docs/ as a site, in build/site

PYTHON ?= $(shell for p in python3.12 python3.11 python3 python3.13 python3.14 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin/python
PYTEST := $(BIN) -m pytest -q -n 2 --dist loadfile

.PHONY: demo test test-all bench pictures docs clean
.DEFAULT_GOAL := demo

demo: .venv/ready
	@$(BIN) -m pipeline demo

test: .venv/ready-test
	@$(BIN) -m ruff check
	@$(BIN) -m mypy
	@$(PYTEST)

test-all: .venv/ready-test
	@$(BIN) -m ruff check
	@$(BIN) -m mypy
	@$(PYTEST) -m "slow or not slow"

bench: .venv/ready-test
	@set -e; for script in $(sort $(wildcard bench/[a-z]*.py)); do echo "== $$script"; $(BIN) $$script; done

pictures: demo
	@$(BIN) docs/draw_architecture.py
	@$(BIN) docs/draw_demo.py
	@$(BIN) -m pipeline simulate build/district
	@$(BIN) docs/draw_district.py build/district

docs: .venv/ready
	@$(BIN) -c "import material" 2>/dev/null || $(BIN) -m pip install -q --disable-pip-version-check -e ".[docs]"
	@NO_MKDOCS_2_WARNING=1 $(BIN) -m mkdocs build --quiet --strict
	@echo "The site: build/site/index.html"

clean:
	rm -rf .venv demo build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The stamps are written last. A build that was stopped leaves none, and the next one starts from nothing.
.venv/ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer with venv and pip was found. Install one" \
		"(Debian: apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Building .venv with $$($(PYTHON) --version): 3.5 GB, which takes some minutes, once."
	@test -f $@ || { rm -rf .venv && $(PYTHON) -m venv .venv; }
	@rm -f .venv/ready .venv/ready-test
	@$(BIN) -m pip install -q --disable-pip-version-check -e .
	@touch $@

.venv/ready-test: .venv/ready
	@echo "Adding what the tests need to .venv: about 0.5 GB more."
	@rm -f .venv/ready .venv/ready-test
	@$(BIN) -m pip install -q --disable-pip-version-check -e ".[test]"
	@touch .venv/ready
	@touch $@

# An interpreter that is gone (moved folder, upgraded system) makes the environment useless, whatever the stamps say.
ifneq ($(shell $(BIN) -c "print(1)" 2>/dev/null),1)
$(shell rm -f .venv/ready .venv/ready-test)
endif
