# `make demo` and `make test` need Python 3.11+ (with venv) and make; everything else they install into .venv.
PYTHON ?= python3
BIN := .venv/bin
DEMO_LOG := fixtures/recorded/dmesg-runc-busybox-httpd.txt

# The compiled scan, which setuptools builds where there is a C compiler.
SCAN := audit2seccomp/evidence/text/_scan
SCAN_SOURCES := src/$(SCAN).pyx src/audit2seccomp/evidence/text/_search.h

# On all cores; e2e has the machine to itself.
EVERY_TEST := --ignore tests/e2e -n auto --dist worksteal

.PHONY: help demo check lint format types test pure cover e2e sanitize fuzz tables tables-check corpus bench dist clean
.DELETE_ON_ERROR:

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(BIN)/.run ## install, then turn a recorded log into a profile
	$(BIN)/audit2seccomp $(DEMO_LOG)

check: lint types cover tables-check ## everything that decides whether a change is good

lint: $(BIN)/.dev ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(BIN)/.dev ## put the style right
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(BIN)/.dev ## mypy --strict
	$(BIN)/mypy

test: $(BIN)/.dev ## all tests but those of e2e
	$(BIN)/python -m pytest $(EVERY_TEST)

# Some tests of tests/evidence try both scans by themselves (conftest.py).
READING := $(patsubst %,tests/evidence/test_%.py,fixtures inputs loss parallel query split state) \
  $(patsubst %,tests/cli/test_%.py,collect follow forms generate inputs jobs many merge selection streams)
pure: $(BIN)/.dev ## the tests of reading once more, without the compiled scan, as where there is no C compiler
	AUDIT2SECCOMP_PURE=1 $(BIN)/python -m pytest $(READING) -n auto --dist worksteal --hypothesis-profile few

e2e: $(BIN)/.dev ## tests on the running kernel, as root: journald, auditd, containers, servers
	$(BIN)/python -m pytest tests/e2e

cover: $(BIN)/.dev ## all tests, and the share of branches that they take
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(EVERY_TEST) --hypothesis-profile few
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

# The compiled scan once more, so that it tells what it must not do: its tests, and what the fuzzer keeps, go through it.
SANITIZED := build/sanitized
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g -O1
SANITIZING = env AUDIT2SECCOMP_NO_SKIPS=1 PYTHONPATH=$(SANITIZED) PYTHONMALLOC=malloc \
  ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=16 LD_PRELOAD=$$($(CC) -print-file-name=libasan.so)
sanitize: $(BIN)/.dev ## the compiled scan's tests, with each access to memory checked
	rm -rf $(SANITIZED)
	mkdir -p $(SANITIZED)
	cp -r src/audit2seccomp $(SANITIZED)
	cp -r syscall_tables $(SANITIZED)/audit2seccomp
	rm $(SANITIZED)/$(SCAN).*.so
	$(CC) $(SANITIZERS) -shared -fPIC -I$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))') \
	  src/$(SCAN).c -o $(SANITIZED)/$(SCAN).so
	$(SANITIZING) $(BIN)/python -c 'from $(subst /,.,$(SCAN)) import __file__ as scan; assert "$(SANITIZED)/" in scan'
	$(SANITIZING) $(BIN)/python -m pytest -q --capture=sys tests/evidence/test_compiled.py tests/fuzz/test_corpus.py \
	  -k "test_compiled or compiled or lines or forms or nights"

FUZZ_SECONDS ?= 600
fuzz: $(BIN)/.dev ## look for inputs that break a promise: make fuzz FUZZ_SECONDS=600 FUZZ="profile query"
	-$(BIN)/python -m pip install -q -e '.[fuzz]'
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(FUZZ)

tables: $(BIN)/.dev ## make the system call tables again: make tables KERNEL=/path/to/linux
	$(BIN)/python -m tools.generate_tables $(KERNEL)

tables-check: $(BIN)/.dev ## hold the tables against their manifest, libseccomp and system-calls
	$(BIN)/python -m tools.check_tables

corpus: $(BIN)/.dev ## count the minted cases that are read right, by class
	$(BIN)/python -m tests.corpus

bench: $(BIN)/.dev ## compare with other tools (docs/performance.md)
	$(BIN)/python -m benchmarks.bench $(BENCH)

dist: $(BIN)/.dev ## build sdist and wheel, and try the wheel in a fresh environment
	rm -rf build/dist build/try
	$(BIN)/python -m build -q --outdir build/dist .
	$(PYTHON) -m venv build/try
	build/try/bin/python -m pip install -q build/dist/*.whl
	cd build && try/bin/audit2seccomp -q ../$(DEMO_LOG) -o try/profile.json
	$(BIN)/audit2seccomp -q $(DEMO_LOG) | cmp - build/try/profile.json
	build/try/bin/audit2seccomp --version
	@ls build/dist

clean: ## remove what was made
	rm -rf .venv build src/*.egg-info .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or newer with venv is needed: apt-get install python3-venv'; exit 1; }
	$(PYTHON) -m venv .venv

$(BIN)/.run: pyproject.toml $(SCAN_SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install -q -e .
	touch $@

$(BIN)/.dev: pyproject.toml $(SCAN_SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install -q -e '.[dev]'
	touch $@ $(BIN)/.run
