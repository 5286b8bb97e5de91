# Every target does its own set-up: a virtual environment in .venv, filled from two locks with hashes.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test test-slow e2e lint audit images record bench lock help
help:
	@echo "make demo    336,776 real flights to a served, verified model"
	@echo "make test    lint, types, layers and the whole test suite"
	@echo "make e2e     the pipelines and their faults on the cluster that KUBECONFIG names"
	@echo "make lint    lint, types, layers and known vulnerabilities alone"
	@echo "make images  the images that components run in, or TARGETS=predictor for one; needs a Docker engine"
	@echo "make record  record the components' interfaces and write their reference"
	@echo "make bench   the README's figures, measured on this machine"
	@echo "make lock    resolve the dependencies anew"

.venv/packages: requirements.lock scripts/bootstrap.lock
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r scripts/bootstrap.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode --no-build-isolation -r requirements.lock
	touch $@

.venv/ready: .venv/packages pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@

demo: .venv/ready
	$(BIN)/fairlead run train_and_deploy --config pipelines/flights.yaml

test: .venv/ready lint
	$(BIN)/python -m pytest -m "not slow and not cluster" -rs

test-slow: .venv/ready
	$(BIN)/python -m pytest -m "slow and not cluster" -rs

e2e: .venv/ready
	$(BIN)/python -m pytest tests/e2e tests/faults -m cluster --dist loadfile -rs

TARGETS ?= python-tabular predictor mlflow python-spark python-torch
images: .venv/ready
	$(BIN)/python scripts/build_images $(addprefix --target ,$(TARGETS))

audit: .venv/ready  # findings are listed; what to do about them is a person's decision
	@$(BIN)/pip-audit --require-hashes --disable-pip --progress-spinner off -r requirements.lock >.venv/audit 2>.venv/audit.log \
	  || { tail -n 1 .venv/audit.log; echo "pip-audit found something or could not ask; its words are in .venv/audit.log"; }
	@grep -v 'could not be audited' .venv/audit || true
	@echo "pip-audit: $$(grep -c 'could not be audited' .venv/audit) packages that the index does not tell of"

record: .venv/ready
	$(BIN)/python scripts/record_interfaces
	$(BIN)/python scripts/reference

lint: .venv/ready audit
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready
	$(BIN)/python scripts/bench

COMPILE := $(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate --python-version 3.11 \
  --python-platform x86_64-manylinux_2_28
EXTRAS := --extra train --extra serve --extra mlflow --extra docker --extra kserve --extra cluster --extra demo
lock: .venv/ready
	$(COMPILE) --group bootstrap --output-file scripts/bootstrap.lock
	$(COMPILE) pyproject.toml $(EXTRAS) --group dev --output-file requirements.lock
	$(BIN)/python scripts/lock_images
