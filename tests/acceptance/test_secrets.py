"""No secret of a running stack stands where somebody else on this machine could read it."""

import asyncio
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from adapters.process.server_checks import USER, postgres_refuses, redis_refuses
from stack.home import CHECKOUT, Home
from tests.acceptance.conftest import SEALED_WITH, SETTINGS, Clinic

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

MADE_BY_THE_STACK = ("postgres-password", "application-password", "valkey-password")
LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
OTHERS_READ, OTHERS_ENTER = stat.S_IROTH, stat.S_IXOTH


def secrets_of(clinic: Clinic) -> list[bytes]:
    made = [(clinic.home / name).read_text().strip() for name in MADE_BY_THE_STACK]
    given = [SETTINGS["PRIYOM_SECRET"], SETTINGS["PRIYOM_RECEIPTS_KEY"], SEALED_WITH.split(":")[1]]
    return [each.encode() for each in made + given]


def told_in(content: bytes, secrets: list[bytes]) -> bool:
    return any(secret in content for secret in secrets)


def processes_of(clinic: Clinic) -> set[int]:
    """Those of run.json and all that they have begun, the supervisor before them."""
    pids = [pid for name in clinic.state["pids"] if (pid := clinic.pid(name)) is not None]
    supervisor = psutil.Process(pids[0]).parent()
    assert supervisor is not None
    return {supervisor.pid, *(each.pid for each in supervisor.children(recursive=True))}


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""  # it has ended meanwhile


def is_alive(pid: int) -> bool:
    """One that has ended has no command line, also while its parent has not taken note."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def files_of(clinic: Clinic) -> list[Path]:
    """Of servers that run: any of them may be gone when it is looked at."""
    walks = (os.walk(folder) for folder in Home(clinic.home).data_folders())
    paths = (Path(folder, name) for walk in walks for folder, _, names in walk for name in names)
    return [path for path in paths if path.is_file()]


def mode_of(path: Path) -> int:
    """Open to nobody, if a server has deleted it meanwhile."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return 0


def is_open_to_others(path: Path, clinic: Clinic) -> bool:
    """By its own mode, and by that of every folder of the stack that it lies in."""
    tops = Home(clinic.home).data_folders()
    within = [each for each in path.parents if any(each.is_relative_to(top) for top in tops)]
    return bool(mode_of(path) & OTHERS_READ) and all(
        mode_of(each) & OTHERS_ENTER for each in within
    )


async def test_no_command_line_has_a_secret(clinic: Clinic) -> None:
    secrets, ours = secrets_of(clinic), processes_of(clinic)

    lines = {pid: command_line(pid) for pid in {*psutil.pids()} | ours}

    assert len(ours) > len(clinic.state["pids"])
    assert all(lines[pid] for pid in ours if is_alive(pid))
    assert [line for line in lines.values() if told_in(line, secrets)] == []


async def test_no_log_and_no_output_of_make_has_a_secret(clinic: Clinic) -> None:
    logs = {path.name: contents(path) for path in files_of(clinic) if path.suffix == ".log"}

    outputs = [await output_of(clinic, command) for command in ("up", "status")]

    assert {"api.log", "worker.log", "notifier.log", "postgres.log"} <= logs.keys()
    assert [name for name, log in logs.items() if told_in(log, secrets_of(clinic))] == []
    assert all(b"valkey" in output.lower() for output in outputs)
    assert not any(told_in(output, secrets_of(clinic)) for output in outputs)


async def output_of(clinic: Clinic, command: str) -> bytes:
    """As a person sees it, of a stack that is up."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stack", command),
        cwd=CHECKOUT,
        env={**os.environ, **SETTINGS, "PRIYOM_HOME": str(clinic.home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output


async def test_a_file_with_a_secret_is_its_owners_only(clinic: Clinic) -> None:
    secrets = secrets_of(clinic)
    open_ones: list[Path] = []
    private: list[Path] = []
    for path in files_of(clinic):
        if mode_of(path) & stat.S_IWOTH:
            open_ones.append(path)
        if told_in(contents(path), secrets):
            (open_ones if mode_of(path) & 0o077 else private).append(path)

    assert open_ones == []
    assert {path.name for path in private} >= {*MADE_BY_THE_STACK, "run.json", "valkey.conf"}


async def test_what_others_could_read_of_a_home_is_next_to_nothing(clinic: Clinic) -> None:
    """Data, logs and state lie in folders that nobody else enters."""
    readable = {path.name for path in files_of(clinic) if is_open_to_others(path, clinic)}

    assert readable <= {"supervisor.lock"}


def contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""  # a server has deleted it meanwhile


async def test_every_process_listens_on_this_machine_only(clinic: Clinic) -> None:
    heard = dict(listening(processes_of(clinic)))

    assert len(heard) > len(clinic.state["pids"]), "the servers' ports and the processes' own"
    assert {address for address in heard.values() if address not in LOOPBACK} == set()


def listening(pids: set[int]) -> Iterator[tuple[int, str]]:
    """The port and the address of everything that they listen on."""
    for pid in pids:
        try:
            for each in psutil.Process(pid).net_connections(kind="inet"):
                if each.status == psutil.CONN_LISTEN:
                    yield each.laddr.port, each.laddr.ip
        except psutil.NoSuchProcess:
            continue


async def test_postgresql_and_valkey_let_nobody_in_without_a_password(clinic: Clinic) -> None:
    urls = [str(clinic.state["databaseUrl"]), str(clinic.state["redisUrl"])]
    without = [url.replace(f":{urlsplit(url).password}@", "@").replace("//@", "//") for url in urls]

    assert without[0] != urls[0]
    assert without[1] != urls[1]
    assert [await postgres_refuses(without[0]), await redis_refuses(without[1])] == [USER, USER]
