"""The commands of `make`, on a stack of one small server."""

import asyncio
import os
import sys
from pathlib import Path

from stack import run_state
from stack.embedded import whole_stack


async def stack(home: Path, *arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stack", *arguments),
        env={**os.environ, "PRIYOM_HOME": str(home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_a_stack_is_brought_up_once_switched_and_deleted(tmp_path: Path) -> None:
    home = tmp_path / "home"

    async with whole_stack(home, only="valkey") as state:
        again = await stack(home, "up")
        stopped = await stack(home, "stop", "valkey")
        state_when_stopped = run_state.read(home / "run.json")
        started = await stack(home, "start", "valkey")
        state_when_started = run_state.read(home / "run.json")
        status = await stack(home, "status")

    assert state["redisUrl"]
    assert again[0] == 0
    assert "up already" in again[1]
    assert stopped[0] == 0
    assert state_when_stopped
    assert state_when_stopped["pids"] == {"valkey": None}
    assert started[0] == 0
    assert state_when_started
    assert state_when_started["pids"]["valkey"] not in (None, state["pids"]["valkey"])
    assert "ready" in status[1]
    assert not home.exists()


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


async def test_a_bad_setting_is_one_clear_line(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stack", "up", "--only=valkey"),
        env={**os.environ, "PRIYOM_HOME": str(tmp_path), "PRIYOM_HOLD_SECOND": "5"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()

    assert process.returncode == 1
    assert said.decode().startswith("unknown setting PRIYOM_HOLD_SECOND")


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
