"""A program that ends while it is stopped."""

import asyncio
from typing import Any, cast

import pytest

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
