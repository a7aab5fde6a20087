# `make` lists the targets. Everything runs in .venv, which is made from requirements.lock when it is missing or stale.
#
# Paths are relative, so a course in "/home/me/my courses/" works: make splits prerequisites at spaces. For the same
# reason programs are called as `.venv/bin/python -m ...`: the first line of .venv/bin/course cannot hold a space.
# pip takes its settings from its own files and PIP_* variables; nothing here names a package index.

# The first of these that is new enough makes .venv. To choose yourself: make PYTHON=/path/to/python3.12 venv
PYTHON ?=
PYTHON_OLDEST = 3, 11
PYTHON_TOO_NEW = 3, 15
PYTHONS = python3 python3.11 python3.12 python3.13 python3.14 python

# More options of `make quality`, such as QUALITY="--draws 10 --answers FOLDER"
QUALITY ?=

RUN = .venv/bin/python
PIP = $(RUN) -m pip --disable-pip-version-check
# Its content is the folder that .venv was made for: an editable install notes that folder, so a moved course is set up again.
STAMP = .venv/installed-for
# Tests start several processes; one thread in each is faster on few cores than many threads in all.
ONE_THREAD = OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

# Is the interpreter $$python in the range?
IN_RANGE = "$$python" -c 'import sys; sys.exit(not ($(PYTHON_OLDEST)) <= sys.version_info[:2] < ($(PYTHON_TOO_NEW)))' >/dev/null 2>&1

ifneq ($(wildcard $(STAMP)),)
$(shell test "$$(cat $(STAMP))" = "$$(pwd)" || rm -f $(STAMP))
endif

.DEFAULT_GOAL := help
.PHONY: help venv demo test quick long lint build bench quality lock clean

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

venv: $(STAMP)  ## Set up .venv from requirements.lock

demo: $(STAMP)  ## Build the release, make a class, grade it, write the pages, print the marks
	$(RUN) -m course_utils demo

test: lint  ## Lint, types, stale files, then the whole test suite
	$(RUN) -m course_utils build --check
	$(RUN) -m course_utils --course course_utils/engine/proving/toy build --check
	$(ONE_THREAD) $(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

quick: $(STAMP)  ## The tests that are neither slow nor need a browser
	$(ONE_THREAD) $(RUN) -m pytest -n 2 -m "not slow and not browser"

long: $(STAMP)  ## The proofs that take many minutes and are not part of make test
	$(ONE_THREAD) $(RUN) -m pytest -m long

lint: $(STAMP)  ## Lint, format, types and directions of imports, changing nothing
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-cache

build: $(STAMP)  ## Make the student notebooks from solutions/
	$(RUN) -m course_utils build

bench: $(STAMP)  ## Measure speed into build/bench.json
	$(RUN) -m course_utils.instructor.benchmark

quality: $(STAMP)  ## Measure how often grading is right into docs/quality.md; it can be stopped and goes on
	$(ONE_THREAD) $(RUN) -m course_utils selftest --report $(QUALITY)

lock:  ## Make requirements.lock anew from pyproject.toml, in a fresh environment
	@set -e; $(call choose_python,build/lock-venv); \
	build/lock-venv/bin/python -m pip --disable-pip-version-check install --editable ".[instructor,dev]"; \
	{ sed -n '/^#/p;/^[^#]/q' requirements.lock; \
	  build/lock-venv/bin/python -m pip freeze --all --exclude pip --exclude-editable \
	  | sed -e '/^nvidia-/d' -e '/^cuda-/d' -e '/^triton==/d' -e 's/+[A-Za-z0-9.]*$$//'; } >build/requirements.lock; \
	mv build/requirements.lock requirements.lock; rm -rf build/lock-venv; \
	echo "requirements.lock is new. Look at the difference, then: make test"

clean:  ## Remove .venv and build (marks in build/results too)
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis course_utils.egg-info

$(STAMP): requirements.lock pyproject.toml
	@set -e; $(call choose_python,.venv); \
	echo "Installing what requirements.lock names into .venv. The first time this takes some minutes."; \
	$(PIP) install -r requirements.lock; \
	PYTHONWARNINGS=ignore $(PIP) install --quiet --no-deps --no-build-isolation --editable .; \
	pwd >$(STAMP)

# Make the virtual environment $(1) with the first interpreter that is in the range, unless it is there and is in the range.
define choose_python
	found=""; old=""; \
	for python in "$(1)/bin/python" "$(PYTHON)" $(if $(PYTHON),,$(PYTHONS)); do \
	  if test -z "$$python"; then continue; fi; \
	  if $(IN_RANGE); then found=$$python; break; fi; \
	  if test -z "$$old"; then old=$$("$$python" --version 2>&1) || old=""; fi; \
	done; \
	if test -z "$$found"; then \
	  echo "The course needs Python 3.11 to 3.14, and found $${old:-no Python that runs}. Install Python 3.11 or newer (python.org, your system's packages, or conda), or name one: make PYTHON=/path/to/python3.11 venv" >&2; \
	  exit 1; \
	fi; \
	if test "$$found" != "$(1)/bin/python"; then \
	  echo "Making $(1) with $$found ($$("$$found" --version 2>&1))"; \
	  rm -rf "$(1)"; "$$found" -m venv "$(1)"; \
	fi
endef
