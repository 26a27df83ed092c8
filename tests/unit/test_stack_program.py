"""A program that ends while it is stopped, or starts slowly."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from stack.embedded import running
from stack.errors import NotReadyError
from stack.program import Program, end, until_ready


class Ending:
    """A process that ends when the test says so."""

    pid = 0

    def __init__(self) -> None:
        self.returncode: int | None = None
        self._ended = asyncio.Event()
        self.is_awaited = asyncio.Event()

    async def wait(self) -> int:
        self.is_awaited.set()
        await self._ended.wait()
        return 3

    def end(self) -> None:
        self.returncode = 3
        self._ended.set()

    def send_signal(self, _: int) -> None:
        """It is about to end anyway."""


async def never() -> bool:
    return False


@pytest.mark.parametrize("what", [until_ready, end])
async def test_a_stop_in_the_instant_in_which_it_ends_is_heeded(what: Any) -> None:
    """Or the supervisor would start it again, and whoever stops it wait for ever."""
    process = Ending()
    program = Program(name="ends", argv=["ends"], ready=never)
    keeper = asyncio.create_task(what(program, cast("asyncio.subprocess.Process", process)))
    await process.is_awaited.wait()

    process.end()
    keeper.cancel()

    with pytest.raises(asyncio.CancelledError):
        await keeper


async def test_who_gives_way_to_others_may_take_longer_to_start() -> None:
    """On a busy machine its start would be ended and begun anew for ever."""
    began = time.monotonic()

    async def too_late_for_others() -> bool:
        return time.monotonic() > began + 0.75

    slow = Program(
        name="slow", argv=["slow"], ready=too_late_for_others, ready_within=0.5, niceness=10
    )

    await until_ready(slow, cast("asyncio.subprocess.Process", Ending()))
    hurried = replace(slow, ready=never, ready_within=0.1, niceness=0)
    with pytest.raises(NotReadyError, match=r"within 0\.1 s"):
        await until_ready(hurried, cast("asyncio.subprocess.Process", Ending()))


async def test_a_test_waits_for_a_server_that_a_busy_machine_starts_slowly(tmp_path: Path) -> None:
    began = time.monotonic()

    async def after_a_while() -> bool:
        return time.monotonic() > began + 0.5

    slow = Program(name="slow", argv=["sleep", "60"], ready=after_a_while, ready_within=0.1)

    async with running(slow, tmp_path) as process:
        assert process.returncode is None
