# Every target sets up what it needs in .venv; a second run starts at once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The data folder for the tests on real data and for the benchmarks, where it exists.
LEXON_DATA ?= $(wildcard ../shared/data)
export LEXON_DATA

.PHONY: quickstart test lint bench reproduce clean

quickstart: $(VENV)/installed
	$(BIN)/lexon quickstart

test: $(VENV)/installed-dev lint
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check lexon tests benchmarks docs
	$(BIN)/ruff check lexon tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed-peers
	$(BIN)/python -m benchmarks

# The virtual environment and the package in it; made anew when pyproject.toml changes.
$(VENV)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lexon needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/installed: pyproject.toml | $(VENV)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(VENV)/installed

$(VENV)/installed-peers: pyproject.toml | $(VENV)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,peers]'
	touch $@ $(VENV)/installed $(VENV)/installed-dev

# Train published results again from the data folder; continues where it was stopped.
reproduce: $(VENV)/installed-peers
	$(BIN)/python -m benchmarks.reproduce

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
