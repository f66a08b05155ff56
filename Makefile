# Thin: every target is one command of the program or of its tools, in an environment made from the lock file.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: ranking test test-long lint bench figures lock clean

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("stadtrang needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

ranking: $(READY)  ## the yearly flow on the bundled figures, then the top ten
	@$(BIN)/stadtrang run

test: $(READY)  ## in two processes, a file of tests in one; in the order of folders, since the slow ones come first there
	$(BIN)/python -m pytest -m "not long" --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-long: $(READY)  ## every count that an issue names
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY)  ## time and memory of stages, readers and indices beside their bounds; bench/uncertainty.py takes longer
	$(BIN)/python bench/stages.py
	$(BIN)/python bench/readers.py
	$(BIN)/python bench/sensitivity.py

UPSTREAM ?= ../shared/upstream

figures: $(READY)  ## the bundled figures, from the publishers' own files in $(UPSTREAM)
	$(BIN)/stadtrang fetch --from $(UPSTREAM)
	$(BIN)/stadtrang figures

lock: $(READY)  ## exact versions with hashes for what CI installs (not dask, not spark), without the address of any index
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --extra geo --extra dev --no-header --no-annotate \
	  --no-emit-index-url --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) build dist
