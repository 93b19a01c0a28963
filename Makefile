# make demo     pictures of faces, bent and unbent, in out/demo/
# make test     the test suite
# make check    style, types and the direction of imports
# make bench    speed, beside limits and peers; half an hour
# make gallery  the pictures of docs/gallery, captions measured; needs the model photo-faces and netbend[align]

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check bench gallery clean

demo: $(VENV)/.installed
	@BIN=$(BIN) sh scripts/demo.sh out/demo

bench: $(VENV)/.developing
	@BIN=$(BIN) sh scripts/bench.sh out/bench

gallery: $(VENV)/.measuring
	@BIN=$(BIN) sh scripts/gallery.sh

test: $(VENV)/.developing
	$(BIN)/python -m pytest

check: $(VENV)/.developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

$(VENV)/.environment:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.environment pyproject.toml constraints.txt
	$(PIP) --editable .
	@touch $@

# The pictures of docs/gallery are measured with landmarks, whose terms exclude commercial use.
$(VENV)/.measuring: $(VENV)/.environment pyproject.toml constraints.txt
	$(PIP) --editable '.[align]'
	@touch $@

# With LOCK=requirements-ci.txt, as CI has it, every package is installed by its hash, and none is built.
$(VENV)/.developing: $(VENV)/.environment pyproject.toml constraints.txt $(LOCK)
ifdef LOCK
	$(PIP) --require-hashes --only-binary :all: --requirement $(LOCK) || \
		{ echo "$(LOCK) does not fit this machine; 'python scripts/lock.py' writes it anew"; exit 1; }
	$(PIP) --no-deps --no-build-isolation --editable .
else
	$(PIP) --editable '.[dev]'
endif
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
