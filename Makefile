# Two commands matter: `make demo` and `make test`; both set everything up first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test lint bench-demo bench-hh bench-stages bench-capture bench-preferences bench-signals bench-data bench-defences bench-crash bench-loop bench-gate bench-canary

setup:
	@cmp -s requirements.lock .venv/installed.lock || $(MAKE) --no-print-directory install

.PHONY: install
install:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "heed needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 setup"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@cp requirements.lock .venv/installed.lock

demo: setup
	@$(BIN)/python -m flows.demo

test: setup
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench-demo: setup
	@$(BIN)/python -m benchmarks.demo_seeds

bench-stages: setup
	@$(BIN)/python -m benchmarks.demo_stages

bench-hh: setup
	@$(BIN)/python -m benchmarks.hh_reward

bench-capture: setup
	@$(BIN)/python -m benchmarks.capture

bench-preferences: setup
	@$(BIN)/python -m benchmarks.preferences

bench-signals: setup
	@$(BIN)/python -m benchmarks.signals

bench-data: setup
	@$(BIN)/python -m benchmarks.data

bench-defences: setup
	@$(BIN)/python -m benchmarks.defences

bench-crash: setup
	@$(BIN)/python -m benchmarks.crash

bench-loop: setup
	@$(BIN)/python -m benchmarks.loop

bench-gate: setup
	@$(BIN)/python -m benchmarks.gate

bench-canary: setup
	@$(BIN)/python -m benchmarks.canary
