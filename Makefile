# Everything runs from .venv, which the first target that needs it builds. Nothing here needs root.
#
#   make test PYTHON=python3.12               another interpreter
#   make test PYTEST_ARGS='-k offload -x'     some tests only
#   make slow HYPOTHESIS_SEED=42              the same random choices again
#   make soak SEEDS=7,20-25 DAYS=14           weeks of faults, other ones with each seed

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
# A third of their time the fast tests wait, for processes and sockets.
FAST_JOBS ?= 3
# Each process has containers of its own; a running stack that was named is for one.
IT_JOBS ?= $(if $(IT_ADMIN_URL),0,2)
PYTEST_ARGS ?=
DEMO_ARGS ?=
HYPOTHESIS_SEED ?=
SEEDS ?= 1-4
DAYS ?= 14

BIN := $(VENV)/bin
FOR_USE := $(VENV)/.installed-demo
FOR_WORK := $(VENV)/.installed-dev
SEED := $(if $(HYPOTHESIS_SEED),--hypothesis-seed=$(HYPOTHESIS_SEED))
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Use
.PHONY: help demo install
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(FOR_USE) ## Install into .venv and offload a topic of the embedded cluster: no Java, no Docker
	@$(BIN)/offloadctl demo $(DEMO_ARGS)

install: $(FOR_USE) ## Install into .venv only; then run .venv/bin/offloadctl
	@echo "offloadctl is installed: $(BIN)/offloadctl --help"

##@ Work on it
.PHONY: dev test slow soak it images check format lint types imports bench baseline-study clean
dev: $(FOR_WORK) ## Install what tests and checks need into .venv
	@echo "$(VENV) has all that tests and checks need: make check"

test: $(FOR_WORK) ## The fast tests
	$(BIN)/pytest -n $(FAST_JOBS) -m 'not slow and not integration' --durations=10 $(SEED) $(PYTEST_ARGS)

slow: $(FOR_WORK) ## The long tests: simulations and kills
	HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-slow} $(BIN)/pytest -n $(JOBS) -m slow --durations=10 $(SEED) $(PYTEST_ARGS) \
	  || [ $$? -eq 5 ] # 5: no test was selected

soak: $(FOR_WORK) ## Weeks of faults on the embedded cluster, then an audit: SEEDS=7,20-25 DAYS=14
	@PYTHONHASHSEED=0 $(BIN)/python -m tests.soak --seeds $(SEEDS) --days $(DAYS)

it: $(FOR_WORK) ## The tests on a real Pulsar and a real MinIO; needs Docker, and makes the images first
	@[ -n "$$IT_ADMIN_URL" ] || [ -n "$$IT_PULSAR_IMAGE" ] || $(MAKE) --no-print-directory images
	$(BIN)/pytest -n $(IT_JOBS) --dist loadfile -m integration --timeout=600 --durations=15 $(SEED) $(PYTEST_ARGS)

images: $(FOR_WORK) ## Local images of Pulsar, MinIO and offloadctl, where no image registry is reachable
	@$(BIN)/python -m tests.stack.images

check: lint types imports test ## Format, lint, types, import contracts, fast tests

format: $(FOR_WORK) ## Rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(FOR_WORK) ## Format and lint, changing nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(FOR_WORK) ## mypy, strict
	$(BIN)/mypy

imports: $(FOR_WORK) ## The import contracts of the architecture
	@$(BIN)/lint-imports --no-logo --no-cache

bench: $(FOR_WORK) ## Measure what the documentation claims
	@for script in tests/benchmarks/bench_*.py; do echo "== $$script"; PYTHONPATH=. $(BIN)/python "$$script" || exit 1; done

baseline-study: $(FOR_WORK) ## Baseline against static thresholds: the table in docs/baseline.md
	@$(BIN)/python -m tests.study.baseline_study

clean: ## Remove .venv and every cache
	rm -rf $(VENV) build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find offloadctl tests -name __pycache__ -type d -prune -exec rm -rf {} +

# -- the virtual environment

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "offloadctl needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || echo missing)." >&2; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments: on Debian and Ubuntu the package python3-venv brings that." >&2; \
	  echo "As root: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)" >&2
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(FOR_USE): pyproject.toml | $(BIN)/python
	@echo "Installing offloadctl into $(VENV); this takes a minute the first time" >&2
	@$(PIP_INSTALL) --editable '.[demo]'
	@touch $@

$(FOR_WORK): pyproject.toml | $(BIN)/python
	@echo "Installing offloadctl and its tests' tools into $(VENV); this takes a minute or two the first time" >&2
	@$(PIP_INSTALL) --editable '.[dev]'
	@touch $@ $(FOR_USE)
