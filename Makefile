# Each target is a short call of a program of ours; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help demo up down reset stop start status logs doctor seed token import priyom dead backup restore prepare test test-fast soak faults outages browser screenshots check bench fuzz prove reliability histories messages docs format lock advisories

VENV := .venv/stamp
PYTHON := .venv/bin/python
STACK := $(PYTHON) -m stack
DOCTORS ?= 20
DAYS ?= 14
ifdef WITH
export STACK_WITH := $(WITH)
endif

## Try it
demo: $(VENV) ## book appointments on real servers in a temporary directory, and show what comes of it
	@$(STACK) demo

## Run it
up: $(VENV) ## start everything in the background, data under .priyom/; WITH=prometheus,pgbouncer those too
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
token: $(VENV) ## an access token of an account of run.json, alone on one line: AS=patient1
	@$(STACK) token $(or $(AS),$(error say whose: make token AS=patient1))
backup: $(VENV) ## all that must be kept, in one folder that is not there yet: TO=/safe/2026-11-29
	@$(STACK) backup $(or $(TO),$(error say where: make backup TO=/safe/2026-11-29))
restore: $(VENV) ## put a backup into an empty home: FROM=/safe/2026-11-29
	@$(STACK) restore $(or $(FROM),$(error say what: make restore FROM=/safe/2026-11-29))
import: $(VENV) ## appointments of another system: FILE=visits.csv CLINIC=<id>, DRY=1 tells what it would do
	@$(STACK) import-file $(or $(FILE),$(error say which: make import FILE=visits.csv CLINIC=<id>)) --clinic=$(CLINIC) $(if $(DRY),--dry)
doctor: $(VENV) ## what is found on this machine, what will be built, what is missing
	@$(STACK) doctor
priyom: $(VENV) ## what is the matter with a booking, from the row to the cache: ARGS="why 430890e4"
	@$(STACK) priyom $(or $(ARGS),--help)
dead: $(VENV) ## records of Kafka that nobody could read; REPLAY=0:17 or all gives them again
	@$(STACK) dead $(if $(REPLAY),--replay=$(REPLAY))
prepare: $(VENV) ## build and fetch the servers now, rather than at the first `make up`
	@$(STACK) prepare

## Work on it
test: prepare ## every test that a merge needs, on real servers: ARGS="-k hold", WITH=pgbouncer before each PostgreSQL
	@$(PYTHON) -m $(if $(ARGS),pytest $(ARGS),tests.lanes)
test-fast: $(VENV) ## the unit tests alone: no server, no build, under a minute: ARGS="-k hold"
	@$(PYTHON) -m pytest tests/unit -m "not exhaustive" -q $(ARGS)
faults: prepare ## kill, stop, cut and fill while patients book; prove that nothing is lost: ARGS="-k worker"
	@$(PYTHON) -m pytest tests/faults -m "fault and not outage" $(ARGS)
outages: prepare ## each server away for a minute at 5 bookings a second; each part of a pair killed: ARGS="-k beyond"
	@$(PYTHON) -m pytest tests/faults -m outage -s $(ARGS)
soak: prepare ## steady bookings under random faults, all invariants, memory: MINUTES=5
	@$(PYTHON) -m tests.faults.soak --minutes=$(or $(MINUTES),5) $(ARGS)
browser: prepare ## the pages in a real browser, the long cases as well: ARGS="-k lapse"
	@$(PYTHON) -m pytest tests/browser -m "long or not long" $(ARGS)
screenshots: prepare ## take the pictures of docs/img anew, state by state
	@$(PYTHON) -m pytest tests/browser -m "long or not long" --pictures docs/img $(ARGS)
check: $(VENV) ## format, lint, types, import rules, dead dependencies, migrations and documents
	@$(PYTHON) -m stack.check
format: $(VENV) ## lay out the code as `make check` wants it
	@$(PYTHON) -m ruff format . && $(PYTHON) -m ruff check --fix .
bench: $(VENV) ## the product beside its peers, in turns: ARGS="--engines product restate --users 1 16"
	@$(PYTHON) -m bench $(ARGS)
fuzz: prepare ## hostile callers at a stack of their own: MINUTES=5 SEED=n
	@$(PYTHON) -m tests.fuzz --minutes=$(or $(MINUTES),5) $(if $(SEED),--seed=$(SEED))
prove: prepare ## break the product in a copy, one thing at a time: do its tests notice? ONLY=cache
	@$(PYTHON) -m tests.mutations $(ONLY)
reliability: $(VENV) ## write the tables of docs/reliability.md from the last faults, mutations and soaks
	@$(PYTHON) -m tests.reliability
histories: prepare ## record the runs that are not recorded yet: NAMES="lapsed" replaces that one
	@$(PYTHON) -m tests.workflows.recordings $(NAMES)
messages: $(VENV) ## write every message that patients get to docs/messages, to be looked at
	@$(PYTHON) -m notifier.samples
docs: $(VENV) ## write the generated documents anew: .env.example, openapi.json, asyncapi.yaml, ru.po
	@$(PYTHON) -m stack.documents
lock: $(VENV) ## resolve the dependencies anew: Python's and Kafka's
	@$(PYTHON) -m stack.lock
advisories: $(VENV) ## refresh the list of known flaws that `make check` compares the locks with, online
	@$(PYTHON) -m scripts.advisories --refresh

help:
	@awk -f stack/help.awk $(MAKEFILE_LIST)

$(VENV): requirements-dev.lock bootstrap
	@./bootstrap
