PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := .demo
WORKERS ?= 2
# Where the tests of tests/everywhere.txt have their indexes beside folders
STORES ?= postgres
# Where eatmydata is installed, tests don't wait for the disk; most have their files in memory anyway.
PYTEST := $(shell command -v eatmydata) $(BIN)/python -m pytest
.DEFAULT_GOAL := help
.PHONY: help demo test check audit format bench docs clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed  ## index the sample images, search them, draw demo.png
	@$(BIN)/imagefinder demo examples/images --index $(DEMO) --sheet demo.png

test: check  ## every check and test (what CI runs)
	@failed=0; \
	echo "$(PYTEST) -m 'not alone' -n $(WORKERS)"; \
	$(PYTEST) -m "not alone" -n $(WORKERS) --dist loadfile || failed=1; \
	for store in $(STORES); do \
		echo "$(PYTEST) --index-on $$store @tests/everywhere.txt"; \
		$(PYTEST) --index-on $$store -n $(WORKERS) --dist loadfile @tests/everywhere.txt || failed=1; \
	done; \
	echo "$(PYTEST) -m alone"; \
	$(PYTEST) -m alone || failed=1; \
	exit $$failed

check: $(VENV)/.dev  ## format, lint, layout, docs, types: in under a minute
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python tools/make_docs.py --check
	$(PYTEST) tests/test_architecture.py
	$(BIN)/mypy

audit: $(VENV)/.dev  ## compare the installed packages with a list of known weaknesses, if one can be had
	$(BIN)/python tools/check_dependencies.py

format: $(VENV)/.dev  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev  ## measure speed and quality (wants the image sets; minutes)
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/quality.py
	$(BIN)/python benchmarks/clusters.py
	$(BIN)/python benchmarks/maps.py
	$(BIN)/python benchmarks/duplicates.py
	$(BIN)/python benchmarks/feedback.py
	$(BIN)/python benchmarks/fusion.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/models.py
	$(BIN)/python benchmarks/server.py
	$(BIN)/python benchmarks/load.py
	$(BIN)/python benchmarks/load.py --soak

docs: $(VENV)/.dev  ## make the pages that have a source elsewhere: help, benchmarks, openapi
	$(BIN)/python tools/make_docs.py

clean:  ## remove what the others made
	rm -rf $(VENV) $(DEMO) demo.png dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "ImageFinder needs Python 3.11 or newer; name it with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	@echo "Installing ImageFinder into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	@echo "Installing ImageFinder and what its tests need into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $(VENV)/.installed $@
