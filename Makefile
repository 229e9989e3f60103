# One environment for each lane of Spark: `make test` uses Spark 3.5, `make test SPARK=41` Spark 4.1.
SPARK ?= 35
ifeq ($(filter $(SPARK),35 41),)
  $(error SPARK is '$(SPARK)', expected 35 or 41)
endif

VENV := .venv-spark$(SPARK)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
CHECKED := $(wildcard src jobs)
EXTRAS := --extra audit --extra aws --extra bench --extra dev --extra report

.DEFAULT_GOAL := run
.PHONY: run browser test test-airflow lint format bench lock clean
.DELETE_ON_ERROR:

run: $(VENV)/ready
	@echo "Making 20,000 observations in build/observations"
	@$(BIN)/obs2seq generate build/observations --observations 20000 --force
	@echo "Making sequences of them in build/sequences"
	@$(BIN)/obs2seq run --config conf/local.yaml --s3_data_location build/observations \
		--output_s3_location build/sequences --sequence_length 20
	@$(BIN)/obs2seq show build/sequences/train_sequenced_20

# Two processes, each with its own test modules and its own Spark session.
test: $(VENV)/ready
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

# What the tests of pages need, and are passed over without; on Debian and its kin.
browser:
	@command -v chromium > /dev/null || (apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium)

# An environment of its own: Airflow and Spark's packages need not agree.
test-airflow: .venv-airflow/dependencies
	@.venv-airflow/bin/python -m pytest --noconftest tests/test_airflow.py $(ARGS)

lint: $(VENV)/ready
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy $(CHECKED)
	@$(BIN)/lint-imports

format: $(VENV)/ready
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

# What sequences cost, side by side: 1m takes some minutes, 100m hours. The machine should have nothing else to do.
SIZE ?= 1m
bench: $(VENV)/ready
	@$(BIN)/python -m benchmarks --size $(SIZE) $(ARGS)

# The locks, for Python 3.11 and up; delete them first to take newer versions. A cluster gets what the tests run with.
lock: $(VENV)/ready
	@$(PIP) install uv
	@for lane in 35 41; do \
		$(BIN)/uv pip compile pyproject.toml --quiet --universal --fork-strategy fewest --python-version 3.11 \
			--no-header --no-annotate --extra spark$$lane $(EXTRAS) --output-file requirements/spark$$lane.txt || exit 1; \
	done
	@$(BIN)/uv pip compile pyproject.toml --quiet --universal --fork-strategy fewest --python-version 3.11 \
		--no-header --no-annotate --extra aws --extra airflow --output-file requirements/airflow.txt
	@$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--generate-hashes --constraint requirements/spark35.txt --extra aws --no-emit-package setuptools \
		--output-file requirements/cluster.txt

clean:
	@rm -rf .venv-spark35 .venv-spark41 .venv-airflow build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# A pyenv shim may be on the path and yet refuse, and Debian's python3 may lack venv: so each is tried.
.venv-%/dependencies: requirements/%.txt
	@python='$(PYTHON)'; \
	for candidate in python3.13 python3.12 python3.11 python3; do \
		test -n "$$python" && break; \
		"$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
			&& python="$$candidate"; \
	done; \
	if test -z "$$python"; then \
		echo "obs2seq needs Python 3.11 or newer, with venv. Hint: install it, or say 'make PYTHON=/path/to/python3'." >&2; \
		exit 1; \
	fi; \
	echo "Creating $(@D) with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(@D)
	@echo "Installing the packages of $<: the first time takes a few minutes"
	@PIP_USE_PEP517=1 $(@D)/bin/python -m pip --quiet --disable-pip-version-check install --requirement $<
	@touch $@

$(VENV)/ready: $(VENV)/dependencies pyproject.toml setup.py requirements/java.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m obs2seq.warehouses.java $(SPARK) || { \
		echo "Installing a Java of its own" && $(PIP) install --requirement requirements/java.txt; }
	@touch $@
