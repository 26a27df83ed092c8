# Each target is a short call of a program of ours; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help demo up down reset stop start status logs doctor seed prepare test check bench docs format lock

VENV := .venv/stamp
PYTHON := .venv/bin/python
STACK := $(PYTHON) -m stack
DOCTORS ?= 20
DAYS ?= 14

## Try it
demo: $(VENV) ## book appointments on real servers in a temporary directory, and show what comes of it
	@$(STACK) demo

## Run it
up: $(VENV) ## start everything in the background, data under .priyom/
	@$(STACK) up
down: $(VENV) ## stop everything, keep the data
	@$(STACK) down
reset: $(VENV) ## stop everything, delete the data
	@$(STACK) reset
stop: $(VENV) ## stop one server or process and hold it down: S=kafka
	@$(STACK) stop $(or $(S),$(error say which: make stop S=kafka))
start: $(VENV) ## start it again: S=kafka
	@$(STACK) start $(or $(S),$(error say which: make start S=kafka))
status: $(VENV) ## what runs, since when, with which pid and port
	@$(STACK) status
logs: $(VENV) ## follow the logs
	@$(STACK) logs
seed: $(VENV) ## add demo doctors with shifts, up to DOCTORS=20 in all, DAYS=14 ahead
	@$(STACK) seed --doctors=$(DOCTORS) --days=$(DAYS)
doctor: $(VENV) ## what is found on this machine, what will be built, what is missing
	@$(STACK) doctor
prepare: $(VENV) ## build and fetch the servers now, rather than at the first `make up`
	@$(STACK) prepare

## Work on it
test: prepare ## every test that a merge needs, on real servers: ARGS="-k hold"
	@$(PYTHON) -m pytest $(or $(ARGS),--cov)
check: $(VENV) ## format, lint, types, import rules, dead dependencies, migrations and documents
	@$(PYTHON) -m stack.check
format: $(VENV) ## lay out the code as `make check` wants it
	@$(PYTHON) -m ruff format . && $(PYTHON) -m ruff check --fix .
bench: $(VENV) ## how fast the running stack books: make up first
	@$(PYTHON) -m bench.speed $(ARGS)
docs: $(VENV) ## write the generated documents anew: .env.example, openapi.json, asyncapi.yaml
	@$(PYTHON) -m stack.documents
lock: $(VENV) ## resolve the dependencies anew: Python's and Kafka's
	@$(PYTHON) -m stack.lock

help:
	@awk -f stack/help.awk $(MAKEFILE_LIST)

$(VENV): requirements-dev.lock bootstrap
	@./bootstrap
