"""All of a stack that must be kept, in one folder: taken while it runs, put into an empty home.

Kept are PostgreSQL, the runs in Temporal, and the secrets. Events and messages follow from the
rows: the audit publishes what nobody has received. Days and sessions are made anew.
"""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from stack import run_state
from stack.accounts import claim, unprivileged_account
from stack.errors import BadWishError, NoSupervisorError, StackError
from stack.home import Home
from stack.ports import LOOPBACK
from stack.progress import Steps, run_quietly
from stack.servers import postgres
from stack.supplies.cache import replaced

SECRETS = ("secret", "postgres-password", "issuer-secret")
LABEL = "backup.json"
RUNS = "temporal.db"
OWN = {"postgres": "PostgreSQL", "temporal": "Temporal"}
ELSEWHERE = "{} is not ours: back it up by its own means (docs/runbook.md, Backup and restore)"


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A folder that a backup was taken into, and when it was begun."""

    folder: Path
    began_at: datetime

    @property
    def age(self) -> timedelta:
        """What was booked meanwhile is not in it."""
        return datetime.now(UTC) - self.began_at


def take(home: Home, to: Path) -> Backup:
    """Of a running stack; the folder is made completely or not at all.

    The runs first and the rows last: a row without its run is mended by the audit. A run without
    its row is a visit that nobody knows of.
    """
    state = run_state.read(home.run_file)
    if state is None:
        raise NoSupervisorError("Priyom is not running: `make up` first.")
    for name, server in OWN.items():
        if state["pids"].get(name) is None:
            raise StackError(ELSEWHERE.format(server))
    if to.exists():
        raise BadWishError(f"{to} exists already: name a new folder")
    taken = Backup(folder=to, began_at=datetime.now(UTC))
    to.parent.mkdir(parents=True, exist_ok=True)
    with Steps() as steps, replaced(to) as new:
        new.mkdir(mode=0o700)  # it has the secrets in it, and everybody's data
        with steps.step("runs of Temporal"):
            _copy_runs(home.root / "temporal" / RUNS, new / RUNS)
        with steps.step("PostgreSQL"):
            _copy_postgres(home, state, new / "postgres")
        for name in SECRETS:
            if (home.root / name).exists():
                shutil.copy2(home.root / name, new / name)
        label = {"beganAt": taken.began_at.isoformat(), "postgres": postgres.OLDEST}
        (new / LABEL).write_text(json.dumps(label) + "\n")
    return taken


def put_back(home: Home, source: Path) -> Backup:
    """Into an empty home; a damaged backup, or a home with data in it, is refused."""
    backup = read(source)
    account = unprivileged_account()
    folder = home.postgres_folder(account)
    for kept in (folder / "postgres", home.root / "temporal" / RUNS):
        if kept.exists():
            raise BadWishError(f"{kept} is there: `make reset` first, or name another PRIYOM_HOME")
    _verify(source / "postgres")
    home.create()
    for name in SECRETS:
        if (source / name).exists():
            shutil.copy2(source / name, home.root / name)
    (home.root / "temporal").mkdir(exist_ok=True)
    shutil.copy2(source / RUNS, home.root / "temporal" / RUNS)
    if account is not None:
        claim(folder)
    with replaced(folder / "postgres") as data:
        shutil.copytree(source / "postgres", data, dirs_exist_ok=True)
        data.chmod(0o700)
        for path in (data, *data.rglob("*")):
            postgres.give(path, account)
    return backup


def read(folder: Path) -> Backup:
    try:
        label = json.loads((folder / LABEL).read_text())
        return Backup(folder=folder, began_at=datetime.fromisoformat(label["beganAt"]))
    except (OSError, ValueError, KeyError):
        raise BadWishError(f"{folder} is not a backup: it has no readable {LABEL}") from None


def _copy_runs(source: Path, target: Path) -> None:
    """As SQLite copies itself: one moment, whatever is written meanwhile."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
    target.chmod(0o600)


def _copy_postgres(home: Home, state: run_state.RunState, target: Path) -> None:
    port = urlsplit(state["databaseUrl"] or "").port
    password = {**os.environ, "PGPASSWORD": home.secret("postgres-password")}
    argv: list[str | Path] = [
        postgres.binaries(None) / "pg_basebackup",
        *("--host", LOOPBACK, "--port", str(port), "--username", postgres.USER),
        *("--pgdata", str(target), "--wal-method", "stream", "--checkpoint", "fast"),
    ]
    run_quietly(argv, target.parent, password)
    _verify(target)


def _verify(data: Path) -> None:
    run_quietly([postgres.binaries(None) / "pg_verifybackup", str(data)], data.parent)
