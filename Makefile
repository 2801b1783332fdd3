# Each target is enough alone on a machine with Python 3.11+ and git.
#   make run     open the desk (without a terminal: replay the quickstart week and print its report)
#   make test    run the tests
#   make check   ruff, mypy strict and the tests
#   make docs    the site of docs/, in build/site; a broken link ends it
#   make bench   the figures README quotes, printed as ratios
PYTHON ?= python3
BIN := .venv/bin
.PHONY: run test lint check docs bench clean

run: .venv/ready
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/voltadesk tui; else $(BIN)/voltadesk headless replay; fi

test: .venv/ready-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test

docs: .venv/ready-dev
	$(BIN)/zensical build --strict

bench: .venv/ready-dev
	$(BIN)/python -m benchmarks

# uv where it is installed, pip otherwise; either way with byte-code, so that the first start is quick.
.venv/ready: pyproject.toml
	@if command -v uv >/dev/null; then \
	  uv venv -q --allow-existing --python $(PYTHON) .venv && uv pip install -q --compile-bytecode --python $(BIN)/python -e .; \
	else \
	  $(PYTHON) -m venv .venv && $(BIN)/python -m pip install -q --disable-pip-version-check --compile -e .; \
	fi
	@touch $@

.venv/ready-dev: .venv/ready
	@if command -v uv >/dev/null; then \
	  uv pip install -q --compile-bytecode --python $(BIN)/python -e '.[dev]'; \
	else \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --compile -e '.[dev]'; \
	fi
	@touch $@

clean:
	rm -rf .venv build dist .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
