"""A backup of a running stack, put into another home."""

import asyncio
import gc
import json
import shutil
from pathlib import Path

import psycopg
import pytest
from temporalio.client import Client

from stack import run_state
from stack.backup import put_back, take
from stack.embedded import whole_stack
from stack.errors import BadWishError, NoSupervisorError, StackError, StepFailedError
from stack.home import Home
from tests.integration.test_stack_commands import stack
from tests.payload_keys import as_stored

pytestmark = pytest.mark.timeout(600)  # two stacks, on a busy machine

TWO_SERVERS = "postgres,temporal"


async def begun(state: run_state.RunState, number: int) -> None:
    """A row and a run of that number."""
    assert state["databaseUrl"]
    async with await psycopg.AsyncConnection.connect(state["databaseUrl"]) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        await connection.execute("INSERT INTO kept VALUES (%s)", [number])
    client = await Client.connect(str(state["temporalAddress"]), data_converter=as_stored())
    await client.start_workflow("Nobody", id=f"run-{number}", task_queue="nobody")
    del client
    gc.collect()


async def kept_in(state: run_state.RunState) -> tuple[list[int], set[str]]:
    assert state["databaseUrl"]
    async with await psycopg.AsyncConnection.connect(state["databaseUrl"]) as connection:
        rows = await (await connection.execute("SELECT number FROM kept")).fetchall()
    client = await Client.connect(str(state["temporalAddress"]), data_converter=as_stored())
    runs = {run.id async for run in client.list_workflows() if run.id.startswith("run-")}
    del client
    gc.collect()
    return [number for (number,) in rows], runs


@pytest.fixture(scope="module")
async def backed_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a backup, taken between two things that happened."""
    home, folder = (tmp_path_factory.mktemp("a") / name for name in ("home", "backup"))
    async with whole_stack(home, only=TWO_SERVERS) as state:
        await begun(state, 1)
        taken = await stack(home, "backup", str(folder))
        assert taken[0] == 0, taken[1]
        await begun(state, 2)
        with pytest.raises(BadWishError, match="exists already"):
            await asyncio.to_thread(take, Home(home), folder)
    return folder


async def test_a_backup_of_a_running_stack_is_that_moment_in_another_home(
    backed_up: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"

    restored = await stack(home, "restore", str(backed_up))
    with pytest.raises(BadWishError, match="is there"):
        await asyncio.to_thread(put_back, Home(home), backed_up)
    async with whole_stack(home, only=TWO_SERVERS) as state:
        kept = await kept_in(state)
        password = (home / "postgres-password").read_text()

    assert (restored[0], "make up" in restored[1]) == (0, True), restored[1]
    assert kept == ([1], {"run-1"})
    assert password == (backed_up / "postgres-password").read_text()


def test_a_backup_is_nobody_elses_to_read(backed_up: Path) -> None:
    assert backed_up.stat().st_mode & 0o077 == 0


def test_what_is_no_whole_backup_is_not_restored(backed_up: Path, tmp_path: Path) -> None:
    home, damaged = Home(tmp_path / "home"), tmp_path / "damaged"
    shutil.copytree(backed_up, damaged)
    next((damaged / "postgres" / "base").rglob("1*_fsm")).write_bytes(b"")

    with pytest.raises(BadWishError, match="is not a backup"):
        put_back(home, tmp_path)
    with pytest.raises(StepFailedError, match="pg_verifybackup"):
        put_back(home, damaged)

    assert not home.root.exists(), "nothing is half restored"


def test_servers_of_others_are_not_ours_to_back_up(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(NoSupervisorError, match="make up"):
        take(home, tmp_path / "backup")
    home.run_file.write_text(json.dumps({"pids": {"temporal": 1}}))
    with pytest.raises(StackError, match="PostgreSQL is not ours"):
        take(home, tmp_path / "backup")


@pytest.mark.parametrize("command", ["backup", "restore"])
async def test_make_says_which_folder_it_needs(command: str) -> None:
    make = await asyncio.create_subprocess_exec(
        *("make", command, "VENV="),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await make.communicate()

    assert make.returncode != 0
    assert f"make {command} " in output.decode()
