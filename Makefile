# The two commands that a newcomer needs: `make demo` and `make test`. Everything is installed into .venv from Pipfile.lock.

PYTHON ?= python3
RUN := .venv/bin/python
CATEGORIES := packages bot app training dev-packages
# Processes that share the fast tests, file by file; 0: the tests run one after another in one process.
WORKERS ?= 2
# Branch coverage: all of the pure code, nine tenths of everything.
COVERED := $(RUN) -m coverage report --fail-under=90 && \
	$(RUN) -m coverage report --include="bot/advisor/*,bot/core/*,bot/managers/*" --fail-under=100 --format=total

.PHONY: help install demo test test-slow test-all lint types lock thoth clean kubeflow bench-app bench-training bench-updates bench-redeploy

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

install:  ## make .venv from Pipfile.lock
	@$(PYTHON) -m bot.bootstrap $(CATEGORIES)

demo: install  ## the whole loop on this machine, without any account (ONCE=1: without a person)
	@$(RUN) -m bot demo $(if $(ONCE),--once)

test: install lint types  ## checks and tests, within 15 minutes on two cores
	$(RUN) -m pytest -m "not slow" -n $(WORKERS) --dist loadfile --cov --cov-report=
	$(COVERED)

test-slow: install  ## the tests that take minutes each: real pods, the demo in a browser, whole locks (20 minutes)
	$(RUN) -m pytest -m slow

test-all: test test-slow  ## both

lint: install  ## ruff and the import contracts
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	.venv/bin/lint-imports

types: install  ## mypy, strict
	$(RUN) -m mypy

bench-app: install  ## the service against its peers, with the report in docs/benchmarks (needs wrk; 15 minutes)
	$(RUN) -m bench.bench_app --servers --report docs/benchmarks

bench-training: install  ## the training beside the keras.io example, with the report in docs/benchmarks (25 to 40 minutes; ARGS="--parts quick" for one of its parts, the report keeps the others)
	nice $(RUN) -m bench.bench_training --report docs/benchmarks $(ARGS)

bench-updates: install  ## locks beside pipenv, single updates, requests of GitHub and of the index (20 minutes; ARGS="--parts lock")
	$(RUN) -m bench.bench_updates $(ARGS)

bench-redeploy: install  ## merges, roll-outs under load and bad candidates, from the merge to the verified service (ten minutes)
	$(RUN) -m bench.bench_redeploy $(ARGS)

lock: install  ## lock Pipfile again, with pipenv
	$(RUN) -m pipenv lock

thoth: install  ## Thoth's client thamos, in an environment of its own
	@$(RUN) -m bot thoth --install

kubeflow: install  ## compile the training for Kubeflow Pipelines, with its SDK in an environment of its own
	@test -d .kubeflow || $(RUN) -m uv venv -q --python $(RUN) .kubeflow
	@$(RUN) -m uv pip install -q --system-certs --python .kubeflow/bin/python --require-hashes -r training/requirements-kubeflow.txt
	.kubeflow/bin/python -m training.pipeline compile manifests/pipeline/kubeflow/model.yaml $(ARGS)

clean:  ## remove what the other targets made
	rm -rf .venv .kubeflow .demo .bolide demo-report.json .coverage* .hypothesis .*_cache
