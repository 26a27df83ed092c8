"""The state file `run.json`: what runs where, for people, tests and front-end developers."""

import json
from pathlib import Path
from typing import NotRequired, TypedDict


class Patient(TypedDict):
    id: str
    email: str
    phone: str
    language: str


class DemoAccount(TypedDict):
    """Somebody who may sign in at the development issuer, and who that is here."""

    username: str
    password: str
    role: str
    patientId: str | None
    doctorId: str | None
    clinicId: str | None


class RunState(TypedDict):
    """The file's content. An address is null if this stack does not run that server."""

    api: str | None
    temporalUi: str | None
    temporalAddress: str | None
    temporalNamespace: str
    databaseUrl: str | None
    redisUrl: str | None
    kafkaBootstrapServers: str | None
    mailbox: str | None
    pids: dict[str, int | None]
    logs: str
    patients: list[Patient]
    issuer: NotRequired[str]
    accounts: NotRequired[list[DemoAccount]]
    prometheus: NotRequired[str]
    poolerUrl: NotRequired[str]


VARIABLES = {
    "DATABASE_URL": "databaseUrl",
    "REDIS_URL": "redisUrl",
    "KAFKA_BOOTSTRAP_SERVERS": "kafkaBootstrapServers",
    "TEMPORAL_ADDRESS": "temporalAddress",
    "TEMPORAL_NAMESPACE": "temporalNamespace",
}


def addresses(state: RunState) -> dict[str, str]:
    """The variables by which a process finds this stack's servers."""
    known = {name: state.get(key) for name, key in VARIABLES.items()}
    return {name: str(value) for name, value in known.items() if value}


def write(path: Path, state: RunState) -> None:
    """Replace the file atomically: a reader sees the old one or the new one."""
    new = path.with_suffix(".json.new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(state, ensure_ascii=False, indent=1) + "\n")
    new.replace(path)


def read(path: Path) -> RunState | None:
    """None if the stack is not up."""
    try:
        state: RunState = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return state
