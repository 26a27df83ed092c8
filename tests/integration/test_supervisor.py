"""The supervisor with small real processes: restart, hold, order, and death with its parent."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from stack.errors import NotReadyError
from stack.program import Program
from stack.supervisor import Backoff, Kept, State, Supervisor

QUICK = Backoff(first=0.05, most=0.2, steady=60)
SLEEP = "import time; time.sleep(60)"
IGNORES_SIGTERM = (
    "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
)
SUPERVISES_FOR_EVER = f"""
import asyncio, pathlib, sys
from stack.program import Program
from stack.supervisor import Supervisor

async def main():
    supervisor = Supervisor(pathlib.Path(sys.argv[1]), lambda: None)
    kept = supervisor.add_wave()(Program(name="child", argv=[sys.executable, "-c", "{SLEEP}"]))
    await kept.start()
    print(kept.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def python(name: str, code: str, *arguments: str) -> Program:
    return Program(name=name, argv=[sys.executable, "-c", code, *arguments])


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - other processes' doings set no event
            await asyncio.sleep(0.01)


def back_after(restarts: int, kept: Kept) -> bool:
    return kept.restarts == restarts and kept.state is State.READY


async def never() -> bool:
    return False


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(tmp_path, lambda: None, QUICK)
    yield supervisor
    await supervisor.stop_all()


async def running(supervisor: Supervisor, program: Program) -> tuple[Kept, int]:
    kept = supervisor.add_wave()(program)
    await kept.start()
    assert kept.pid is not None
    return kept, kept.pid


async def test_a_program_that_dies_is_started_again(supervisor: Supervisor) -> None:
    kept, first = await running(supervisor, python("clock", SLEEP))

    os.kill(first, signal.SIGKILL)

    await until(lambda: kept.pid != first and kept.state is State.READY)
    assert kept.restarts == 1
    assert kept.pid is not None
    assert alive(kept.pid)


async def test_a_program_that_keeps_dying_keeps_being_started(supervisor: Supervisor) -> None:
    kept, _ = await running(supervisor, python("clock", SLEEP))

    for restart in range(1, 4):
        os.kill(kept.pid or 0, signal.SIGKILL)
        await until(partial(back_after, restart, kept))

    assert kept.restarts == 3


async def test_a_stopped_program_is_held_down_until_it_is_started(supervisor: Supervisor) -> None:
    kept, first = await running(supervisor, python("clock", SLEEP))

    await kept.stop()

    assert supervisor.pids() == {"clock": None}
    assert kept.state is State.HELD
    assert not alive(first)

    await kept.start()

    assert supervisor.pids()["clock"] not in (None, first)


async def test_every_change_of_pid_is_told_at_once(tmp_path: Path) -> None:
    told: list[int | None] = []

    def tell() -> None:
        told.append(supervised.pids()["clock"])

    supervised = Supervisor(tmp_path, tell, QUICK)
    kept, first = await running(supervised, python("clock", SLEEP))

    os.kill(first, signal.SIGKILL)
    await until(lambda: kept.restarts == 1 and kept.state is State.READY)
    second = kept.pid
    await supervised.stop_all()

    assert list(dict.fromkeys(told)) == [first, second, None]


async def test_a_program_that_cannot_start_is_reported_and_tried_again(
    supervisor: Supervisor,
) -> None:
    argv = [sys.executable, "-c", "raise SystemExit(3)"]
    kept = supervisor.add_wave()(Program(name="broken", argv=argv, ready=never))

    with pytest.raises(NotReadyError, match="broken ended with exit code 3"):
        await kept.start()

    await until(lambda: kept.restarts >= 3)


async def test_a_program_that_does_not_exist_is_reported(supervisor: Supervisor) -> None:
    kept = supervisor.add_wave()(Program(name="ghost", argv=["/nowhere/ghost"]))

    with pytest.raises(NotReadyError, match="could not be started"):
        await kept.start()


async def test_start_returns_when_the_program_is_ready(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"

    async def marked() -> bool:
        return mark.exists()

    code = f"import pathlib, sys; pathlib.Path(sys.argv[1]).touch(); {SLEEP}"
    program = Program(name="slow", argv=[sys.executable, "-c", code, str(mark)], ready=marked)

    kept, _ = await running(supervisor, program)

    assert mark.exists()
    assert kept.state is State.READY


async def test_a_program_that_hangs_is_ended_and_tried_again(supervisor: Supervisor) -> None:
    argv = [sys.executable, "-c", SLEEP]
    program = Program(name="stuck", argv=argv, ready=never, ready_within=0.2)

    with pytest.raises(NotReadyError, match="stuck was not ready within"):
        await supervisor.add_wave()(program).start()


async def test_a_program_that_ignores_the_request_is_killed(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"

    async def marked() -> bool:
        return mark.exists()

    argv = [sys.executable, "-c", IGNORES_SIGTERM, str(mark)]
    kept, pid = await running(supervisor, Program(name="deaf", argv=argv, ready=marked, grace=0.2))

    await kept.stop()

    assert not alive(pid)


async def test_stop_ends_a_start_that_still_waits(supervisor: Supervisor) -> None:
    argv = [sys.executable, "-c", SLEEP]
    kept = supervisor.add_wave()(Program(name="stuck", argv=argv, ready=never))
    starting = asyncio.create_task(kept.start())
    await until(lambda: kept.pid)

    await kept.stop()

    with pytest.raises(NotReadyError, match="stuck was stopped"):
        await starting


async def test_a_stop_is_heeded_though_a_probe_loses_the_first_word_of_it(
    supervisor: Supervisor,
) -> None:
    lost: list[asyncio.CancelledError] = []

    async def deaf() -> bool:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as word:
            if lost:
                raise
            lost.append(word)
        return False

    argv = [sys.executable, "-c", SLEEP]
    kept = supervisor.add_wave()(Program(name="stuck", argv=argv, ready=deaf))
    starting = asyncio.create_task(kept.start())
    await until(lambda: kept.pid)
    pid = kept.pid

    await kept.stop()

    assert lost
    assert pid is not None
    assert not alive(pid)
    with pytest.raises(NotReadyError, match="stuck was stopped"):
        await starting


async def test_the_last_started_is_stopped_first(tmp_path: Path) -> None:
    held: list[str] = []

    def note() -> None:
        down = [name for name, kept in supervised.kept.items() if kept.state is State.HELD]
        held.extend(name for name in down if name not in held)

    supervised = Supervisor(tmp_path, note, QUICK)
    for name in ("server", "process"):
        await running(supervised, python(name, SLEEP))

    await supervised.stop_all()

    assert held == ["process", "server"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of that")
async def test_programs_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SUPERVISES_FOR_EVER, str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert supervisor.stdout is not None
    child = int(await supervisor.stdout.readline())
    assert alive(child)

    supervisor.kill()
    await supervisor.wait()

    await until(lambda: not alive(child))
