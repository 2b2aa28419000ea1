# Every target works alone on a fresh machine: Python 3.11 or newer, git, make and a C compiler are enough.
#
#   make demo                                  a shipped network predicts, then data and training; 12 minutes
#   make test PIP_ARGS="torch==2.13.0"         words for pip: a version, a wheel folder, an index of CPU-only builds
#   make test PYTHON=python3.12 ARGS="-k radio"
#   make wheelhouse PYTHON_VERSION=3.12 EXTRAS=radio,seismic   for a machine with a GPU and without network
#   make gpu-check VENV=/opt/venv              there: in an environment that is complete, nothing is installed

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP_ARGS ?=
ARGS ?=
EXTRAS ?= dev
PYTHON_VERSION ?= 3.11
PLATFORM ?= manylinux_2_28_x86_64
PART_MB ?= 60
JSON ?= runs/gpu.json
VENV := .venv
BIN := $(VENV)/bin
BENCHES := $(basename $(notdir $(shell grep -l '^def run\b' benchmarks/speed/*.py)))
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help install demo test lint types bench docs gpu-check wheelhouse clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(VENV)/.dev  ## install the package with everything that development needs into .venv

demo: $(VENV)/.radio  ## build radio maps of real cities, train, predict an unseen city
	$(BIN)/python -m surrogates.domains.radio.demo $(ARGS)

test: $(VENV)/.dev  ## run the tests; coverage below 85 % fails
	$(BIN)/python -m pytest -n logical --maxprocesses=8 --dist=worksteal --cov --cov-report=term --cov-fail-under=85 $(ARGS)

lint: $(VENV)/.dev  ## check style, formatting and the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(VENV)/.dev  ## check the type annotations
	$(BIN)/mypy

bench: $(VENV)/.dev  ## measure speed against the references
	set -e; for name in $(BENCHES); do echo; $(BIN)/surrogates bench $$name $(ARGS); done

docs: $(VENV)/.dev  ## build the documentation into site/; a stale page of results fails
	$(BIN)/surrogates report results --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

gpu-check:  ## compare a CUDA device with the CPU, and measure both; installs nothing
	@$(BIN)/python -c 'import sys, torch; torch.cuda.is_available() or sys.exit("error: torch sees no CUDA device here; ask $(BIN)/surrogates doctor")'
	tested=0; $(BIN)/python -m pytest -m gpu -rs $(shell grep -rls --include='*.py' 'mark\.gpu$$' tests) $(ARGS) || tested=$$?; \
	$(BIN)/surrogates bench gpu --json $(JSON) && exit $$tested

wheelhouse: $(VENV)/.dev  ## collect what a machine with PyTorch and CuPy, but without network, lacks
	$(BIN)/python -m benchmarks.wheelhouse --extras $(EXTRAS) --python-version $(PYTHON_VERSION) --platform $(PLATFORM) --part-mb $(PART_MB)

clean:  ## remove what make made; data/ and runs/ stay
	rm -rf $(VENV) site build dist wheelhouse *.egg-info .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps record an installation; a changed pyproject.toml (dependencies, entry points) makes it again.
$(VENV)/.radio: $(VENV)/.python pyproject.toml setup.py
	$(PIP) install $(PIP_ARGS) --editable ".[radio]"
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml setup.py
	$(PIP) install $(PIP_ARGS) --editable ".[dev,docs]"
	@touch $@ $(VENV)/.radio

# Without a GPU, a torch wheel in one of pip's own wheel folders (find-links) saves downloading several
# gigabytes of CUDA libraries; where there is none, the next step installs torch from the index as usual.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit("error: Python 3.11 or newer is needed, found " + sys.version.split()[0] + "; say make PYTHON=/path/to/python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@test -e /dev/nvidiactl || $(PIP) install --quiet --no-index --no-deps torch 2>/dev/null || true
	@touch $@
