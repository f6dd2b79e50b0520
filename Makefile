# What a newcomer needs: `make demo` and `make test`. Both make their own environment in .venv.

# The python3 on the path where it is 3.10 or later, else the newest that the path or pyenv has.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 $$HOME/.pyenv/versions/3.1[0-9].*/bin/python; do \
	  p=$$(command -v $$p 2>/dev/null) && \
	  "$$p" -c 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo "$$p" && exit; \
	done)
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := setup.py $(shell find csrc -name '*.[ch]') $(wildcard src/hookloop/_core*.p*)
KERNEL_TESTS := tests/kernels tests/ops tests/compile tests/train tests/data tests/test_random.py

.PHONY: help demo test lint typing levels reference sanitize aarch64 fuzz-small fuzz tsan fence sdist soak bench clean

help:
	@echo "make demo       trains a small network on handwritten digits"
	@echo "make test       runs the tests"
	@echo "make lint       ruff: lint and format"
	@echo "make typing     mypy on the stubs and the typing tests"
	@echo "make levels     the numeric tests at each ISA level of this machine"
	@echo "make reference  the tests on the reference executor"
	@echo "make sanitize   the C tests under AddressSanitizer and UndefinedBehaviorSanitizer"
	@echo "make aarch64    the C tests on an emulated AArch64 processor"
	@echo "make fuzz       C code on inputs that libFuzzer looks for: 4 minutes; fuzz-small: the dose of every check"
	@echo "make tsan       pool, runner, run path and step loop under ThreadSanitizer"
	@echo "make fence      tests with forbidden pages around each value"
	@echo "make sdist      the source distribution, installed and tested elsewhere"
	@echo "make soak       kills while saving, a million steps, a thousand of everything: about 15 minutes"
	@echo "make bench      the benchmarks"

# The environment with the package in place (editable) and what tests, demo and checks need.
$(VENV)/.made: pyproject.toml
	@test -n "$(PYTHON)" || { echo "hookloop needs Python 3.10 or later with venv: make PYTHON=/path/to/python"; exit 1; }
	@echo "making the environment in $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q "setuptools>=77" wheel "Cython>=3.0" "numpy>=2.0"
	@echo "building hookloop (about five minutes of processor time)"
	@$(BIN)/python -m pip install -q --no-build-isolation -e ".[demo,test,dev]"
	@touch $(VENV)/.made && touch $(VENV)/.built

# Sources that changed since are compiled again; an environment that was made just now has been built.
$(VENV)/.built: $(VENV)/.made $(SOURCES)
	@if [ ! -e $@ ] || [ -n "$$(find $^ -newer $@)" ]; then \
	  echo "building what changed"; $(BIN)/python setup.py -q build_ext --inplace && touch $@; \
	fi

build: $(VENV)/.built
.PHONY: build

demo: build
	$(BIN)/hookloop demo

test: build
	$(BIN)/python -m pytest

lint: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typing: build
	$(BIN)/python tools/make_stubs.py --check
	$(BIN)/mypy

# LEVELS="avx2" runs those levels alone.
levels: build
	@for level in $${LEVELS:-$$($(BIN)/python -c "from hookloop import _core; print(*_core.isa_levels())")}; do \
	  echo "ISA level $$level"; \
	  HOOKLOOP_ISA=$$level $(BIN)/python -m pytest $(KERNEL_TESTS) || exit 1; \
	done

reference: build
	HOOKLOOP_EXECUTOR=reference $(BIN)/python -m pytest tests/ops tests/train tests/test_variable_order.py tests/test_threads.py

sanitize: build
	$(MAKE) -j$(shell nproc) -C tests/c run

aarch64:
	@if command -v qemu-aarch64 && command -v aarch64-linux-gnu-gcc; then \
	  $(MAKE) -j$(shell nproc) -C tests/c aarch64; \
	else \
	  echo "skipped: the C tests on AArch64 need qemu-aarch64 and aarch64-linux-gnu-gcc (qemu-user and gcc-aarch64-linux-gnu)"; \
	fi

fuzz-small: build
	$(MAKE) -j$(shell nproc) -C tests/fuzz small

fuzz: build
	$(MAKE) -j$(shell nproc) -C tests/fuzz large
	HOOKLOOP_SOAK=1 $(BIN)/python -m pytest tests/fuzz

tsan: build
	$(MAKE) -C tests/c threads
	$(BIN)/python tests/under_thread_sanitizer.py

fence: build
	$(MAKE) -C tests/c fence
	$(BIN)/python tests/behind_fences.py

sdist: build
	$(BIN)/python tests/install_elsewhere.py

soak: build
	HOOKLOOP_SOAK=1 $(BIN)/python -m pytest tests/soak tests/leaks/test_each_kind.py

bench: build
	$(BIN)/python -m pytest bench --benchmark-only

clean:
	rm -rf $(VENV) build dist src/hookloop/*.so src/hookloop/_core.c src/*.egg-info
