# Two commands matter: `make run` and `make test`. Both make the environment they need.

# The first Python that is new enough; another one by `make PYTHON=python3.13 run`.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test soak bench lint format lock messages manage environment

help: ## What can be made here.
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' Makefile

run: environment ## Start everything: provider, worker, Redis, mail catcher and a demo application.
	@exec $(VENV)/python -m examples.demo

test: environment ## Run every check and every test; what was skipped is said last.
	@exec $(VENV)/python -m tests.run

soak: environment ## Ask for 20000 codes while workers are killed and Redis is restarted (ten minutes).
	@exec $(VENV)/python -m tests.faults.soak

bench: environment ## Measure Regain beside two other providers (needs PostgreSQL, Redis, node and npm).
	@exec $(VENV)/python -m bench

lint: environment ## Rules, format and types, without the tests.
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy

format: environment ## Put the code in order.
	@$(VENV)/ruff check --fix .
	@$(VENV)/ruff format .

lock: environment ## Pin dependencies by hash (UPGRADE=1 moves to the newest).
	@$(VENV)/python deploy/lock.py

messages: environment ## Collect the texts to translate and compile the catalogues (needs gettext).
	@$(VENV)/python deploy/messages.py

manage: environment ## Run a command with the demo's settings: make manage CMD="verify_audit"
	@exec $(VENV)/python -m examples.demo manage $(CMD)

environment:
	@test -n "$(PYTHON)" || { echo "Regain needs Python 3.11 or newer on PATH." >&2; exit 1; }
	@$(PYTHON) deploy/environment.py
