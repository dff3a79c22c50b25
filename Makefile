PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := .demo
RELEASE := .release
REPORTS := reports
WORKERS ?= 2
# Where the tests of tests/everywhere.txt have their indexes beside folders
STORES ?= postgres
# Where eatmydata is installed, tests don't wait for the disk; most have their files in memory anyway.
PYTEST := $(shell command -v eatmydata) $(BIN)/python -m pytest
.DEFAULT_GOAL := help
.PHONY: help demo test check audit licences sbom dist wheels format bench docs clean

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

licences: $(VENV)/.dev  ## the licences of what is installed with it: fails on one that is not allowed
	$(BIN)/python tools/licences.py --out $(REPORTS)/licences.md --json $(REPORTS)/licences.json

# of an installation with all extras but `train`, without what only tests need
sbom: $(RELEASE)/.tools $(RELEASE)/.plain  ## list what is in an installation with all extras, in CycloneDX
	@mkdir -p $(REPORTS)
	$(RELEASE)/tools/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
		--output-file $(REPORTS)/sbom.cdx.json $(RELEASE)/plain/bin/python

dist: $(RELEASE)/.tools  ## build the packages of the last commit twice, compare, check
	$(RELEASE)/tools/bin/python tools/build_dist.py
	$(RELEASE)/tools/bin/python -m twine check --strict dist/*.whl dist/*.tar.gz
	$(RELEASE)/tools/bin/check-wheel-contents dist/*.whl

wheels: $(RELEASE)/.tools  ## for which systems and Pythons there are wheels (minutes)
	PATH=$(RELEASE)/tools/bin:$$PATH $(RELEASE)/tools/bin/python tools/check_wheels.py

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
	rm -rf $(VENV) $(DEMO) $(RELEASE) $(REPORTS) demo.png dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "ImageFinder needs Python 3.11 or newer; name it with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }

$(RELEASE)/.tools: .ci/release.txt
	@$(PYTHON) -m venv $(RELEASE)/tools
	@$(RELEASE)/tools/bin/python -m pip install --quiet --disable-pip-version-check --requirement .ci/release.txt
	@touch $@

$(RELEASE)/.plain: pyproject.toml | $(RELEASE)/.tools
	@$(PYTHON) -m venv --without-pip $(RELEASE)/plain
	@$(RELEASE)/tools/bin/python -m pip --python $(RELEASE)/plain/bin/python install --quiet --disable-pip-version-check ".[all]"
	@touch $@

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	@echo "Installing ImageFinder into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	@echo "Installing ImageFinder and what its tests need into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $(VENV)/.installed $@
