"""The commands of `make`, on a stack of one small server."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from stack import run_state
from stack.embedded import whole_stack
from stack.ports import LOOPBACK, Ports


async def stack(home: Path, *arguments: str, **settings: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stack", *arguments),
        env={**os.environ, "PRIYOM_HOME": str(home), **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


def supervisor_of(state: run_state.RunState) -> int:
    return int(psutil.Process(state["pids"]["valkey"]).ppid())


async def test_a_stack_is_brought_up_once_switched_and_deleted(tmp_path: Path) -> None:
    home = tmp_path / "home"

    async with whole_stack(home, only="valkey") as state:
        again = await stack(home, "up")
        told = [again[1], *psutil.Process(state["pids"]["valkey"]).cmdline()]
        modes = {path.name: path.stat().st_mode & 0o777 for path in home.rglob("*")}
        stopped = await stack(home, "stop", "valkey")
        state_when_stopped = run_state.read(home / "run.json")
        started = await stack(home, "start", "valkey")
        state_when_started = run_state.read(home / "run.json")
        status = await stack(home, "status")

    assert state["redisUrl"]
    assert again[0] == 0
    assert "up already" in again[1]
    password = urlsplit(state["redisUrl"]).password
    assert password
    assert not any(password in each for each in told)
    assert {modes[name] for name in ("run.json", "valkey-password", "valkey.conf")} == {0o600}
    assert {modes[name] for name in ("logs", "valkey")} == {0o700}
    assert stopped[0] == 0
    assert state_when_stopped
    assert state_when_stopped["pids"] == {"valkey": None}
    assert started[0] == 0
    assert state_when_started
    assert state_when_started["pids"]["valkey"] not in (None, state["pids"]["valkey"])
    assert "ready" in status[1]
    assert not home.exists()


@pytest.mark.parametrize("mask", [0o077, 0o777, 0o000])
async def test_a_stack_comes_up_and_is_shown_under_any_umask_and_tz(
    tmp_path: Path, mask: int
) -> None:
    home, before = tmp_path / "home", os.umask(mask)
    try:
        up, _ = await stack(home, "up", "--only=postgres,valkey", TZ="AAA-99")
        status, shown = await stack(home, "status", TZ="AAA-99")
    finally:
        os.umask(before)
        await stack(home, "reset")

    assert (up, status) == (0, 0)
    assert "postgres" in shown


async def test_two_homes_are_two_stacks(tmp_path: Path) -> None:
    async with (
        whole_stack(tmp_path / "one", only="valkey") as one,
        whole_stack(tmp_path / "two", only="valkey") as two,
    ):
        assert one["redisUrl"] != two["redisUrl"]


async def test_a_command_without_a_stack_says_how_to_start_one(tmp_path: Path) -> None:
    code, said = await stack(tmp_path, "status")

    assert code == 1
    assert said == "Priyom is not running: `make up` starts it.\n"


@pytest.mark.parametrize(
    ("command", "name", "value", "said"),
    [
        ("up", "PRIYOM_HOLD_SECOND", "5", "unknown setting PRIYOM_HOLD_SECOND"),
        ("up", "PRIYOM_SECRET", "short", "PRIYOM_SECRET must be 32 characters or more"),
        ("run", "PRIYOM_SECRET", "short", "PRIYOM_SECRET must be 32 characters or more"),
        ("demo", "SMTP_URL", "foo", "SMTP_URL: must begin with smtp://"),
    ],
)
async def test_a_bad_setting_is_one_clear_line_before_anything_starts(
    tmp_path: Path, command: str, name: str, value: str, said: str
) -> None:
    code, output = await stack(tmp_path, command, **{name: value})

    assert code == 2
    assert output.startswith(said)
    assert len(output.splitlines()) == 1
    assert not any(os.scandir(tmp_path))


async def test_logs_of_nothing_are_not_waited_for(tmp_path: Path) -> None:
    none = await stack(tmp_path, "logs")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "api.log").write_text("api_stopped\n")
    old = await stack(tmp_path, "logs")

    assert none == (1, "Priyom is not running: `make up` starts it.\n")
    assert old == (1, f"{none[1]}Logs of earlier runs: {tmp_path / 'logs'}\n")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--doctors=-1", "DOCTORS must be from 1 to 100000, not -1\n"),
        ("--doctors=0", "DOCTORS must be from 1 to 100000, not 0\n"),
        ("--days=1000000", "DAYS must be from 1 to 366, not 1000000\n"),
    ],
)
async def test_an_amount_that_makes_no_sense_is_refused(
    tmp_path: Path, option: str, said: str
) -> None:
    assert await stack(tmp_path, "seed", option) == (2, said)


async def test_a_database_that_is_away_is_told_in_one_line(tmp_path: Path) -> None:
    ports = Ports()
    url = f"postgresql://priyom@{LOOPBACK}:{ports.take()}/priyom"
    ports.release()

    code, said = await stack(tmp_path, "seed", DATABASE_URL=url)

    assert code == 1
    assert said.startswith("The database does not answer, `make up` starts ours: ")
    assert len(said.splitlines()) == 1


async def test_what_a_killed_supervisor_left_behind_misleads_nobody(tmp_path: Path) -> None:
    home = tmp_path / "home"

    async with whole_stack(home, only="valkey") as state:
        os.kill(supervisor_of(state), signal.SIGKILL)
        status = await stack(home, "status")
        logs = await stack(home, "logs")
        left_over = run_state.read(home / "run.json")
        again = await stack(home, "up", "--only=valkey")
        state_again = run_state.read(home / "run.json")

    assert left_over == state
    assert status == (1, "Priyom is not running: `make up` starts it.\n")
    assert logs[0] == 1
    assert again[0] == 0
    assert state_again
    assert state_again["pids"] != state["pids"]


async def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    async with whole_stack(tmp_path / "home", only="valkey"):
        code, said = await stack(tmp_path / "home", "stop", "kafak")

    assert code == 1
    assert said == "there is no kafak here; there are valkey\n"


async def test_a_start_can_be_called_off(tmp_path: Path) -> None:
    home = tmp_path / "home"
    starting = asyncio.create_task(stack(home, "up", "--only=valkey"))
    async with asyncio.timeout(60):
        while not (home / "control.sock").exists():  # noqa: ASYNC110 - a file
            await asyncio.sleep(0.01)

    called_off = await stack(home, "down")
    await starting

    assert called_off[0] == 0
    assert not (home / "run.json").exists()
    assert (await stack(home, "status"))[0] == 1
