"""The state file `run.json`: what runs where, for people, tests and the front end's developers."""

import json
from pathlib import Path
from typing import TypedDict


class Patient(TypedDict):
    id: str
    email: str
    phone: str
    language: str


class RunState(TypedDict):
    """The file's content; an address is null when nothing of ours is there."""

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


def write(path: Path, state: RunState) -> None:
    """All at once: a reader sees the old file or the new one."""
    new = path.with_suffix(".json.new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(state, ensure_ascii=False, indent=1) + "\n")
    new.replace(path)


def read(path: Path) -> RunState | None:
    """None when nothing is up."""
    try:
        state: RunState = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return state
