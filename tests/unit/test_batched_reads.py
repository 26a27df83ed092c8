"""Questions that share a look: each is answered by one that began after it was put."""

import asyncio
from collections.abc import Iterable

import psycopg
import pytest

from adapters.postgres.batched_reads import MOST_AT_ONCE, BatchedReads

NEVER = 60.0
"""Seconds that no test lasts."""


class Server:
    """Tells what is so when a look begins; the answers come when the test lets them."""

    def __init__(self) -> None:
        self.now = 1
        self.looks: list[list[str]] = []
        self._gates: list[asyncio.Future[None]] = []

    async def look(self, keys: Iterable[str]) -> dict[str, int]:
        seen = self.now
        self.looks.append(list(keys))
        gate = asyncio.get_running_loop().create_future()
        self._gates.append(gate)
        await gate
        return {key: seen for key in self.looks[-1] if key != "unknown"}

    async def begun(self, looks: int) -> None:
        while len(self.looks) < looks:  # noqa: ASYNC110 - what is begun is begun in a few turns
            await asyncio.sleep(0)

    def answers(self, nth: int = -1) -> None:
        self._gates[nth].set_result(None)

    def fails(self) -> None:
        self._gates[-1].set_exception(psycopg.Error("lost"))


def looks_at(
    server: Server, *, late: float = NEVER, given_up: float = NEVER
) -> BatchedReads[str, int]:
    return BatchedReads(server.look, late_seconds=late, given_up_seconds=given_up)


async def test_who_comes_while_a_look_is_under_way_gets_the_answer_of_the_next() -> None:
    server = Server()
    looks = looks_at(server)
    first = asyncio.create_task(looks.ask("monday"))
    await server.begun(1)
    server.now = 2

    second = asyncio.create_task(looks.ask("monday"))
    await asyncio.sleep(0)
    server.answers()
    await server.begun(2)
    server.answers()

    assert (await first, await second) == (1, 2)


async def test_a_thousand_who_wait_cost_one_look_more() -> None:
    server = Server()
    looks = looks_at(server)
    first = asyncio.create_task(looks.ask("monday"))
    await server.begun(1)

    others = [asyncio.create_task(looks.ask("monday")) for _ in range(1_000)]
    await asyncio.sleep(0)
    server.answers()
    await server.begun(2)
    server.answers()

    assert await asyncio.gather(first, *others) == [1] * 1_001
    assert server.looks == [["monday"], ["monday"]]


async def test_several_days_are_looked_at_together_and_one_that_is_not_there_is_told_so() -> None:
    server = Server()
    looks = looks_at(server)

    asked = [asyncio.create_task(looks.ask(day)) for day in ("monday", "unknown", "monday")]
    await server.begun(1)
    server.answers()

    assert await asyncio.gather(*asked) == [1, None, 1]
    assert server.looks == [["monday", "unknown"]]


async def test_a_look_takes_so_many_questions_and_leaves_the_others_to_the_next() -> None:
    server = Server()
    looks = looks_at(server)

    asked = [asyncio.create_task(looks.ask(str(n))) for n in range(MOST_AT_ONCE + 1)]
    await server.begun(1)
    server.answers()
    await server.begun(2)
    server.answers()

    await asyncio.gather(*asked)
    assert [len(keys) for keys in server.looks] == [MOST_AT_ONCE, 1]


async def test_a_fault_is_told_to_those_who_asked_and_to_nobody_else() -> None:
    server = Server()
    looks = looks_at(server)
    asked = [asyncio.create_task(looks.ask("monday")) for _ in range(2)]
    await server.begun(1)
    later = asyncio.create_task(looks.ask("monday"))
    await asyncio.sleep(0)

    server.fails()
    await server.begun(2)
    server.answers()

    ends = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(end) for end in ends] == [psycopg.Error] * 2
    assert await later == 1


async def test_who_leaves_takes_the_answer_from_nobody() -> None:
    server = Server()
    looks = looks_at(server)
    leaver, other = (asyncio.create_task(looks.ask("monday")) for _ in range(2))
    await server.begun(1)

    leaver.cancel()
    await asyncio.sleep(0)
    server.answers()

    assert await other == 1
    assert leaver.cancelled()


async def test_a_look_that_is_late_keeps_nobody_who_came_after_it() -> None:
    server = Server()
    looks = looks_at(server, late=0)
    first = asyncio.create_task(looks.ask("monday"))
    await server.begun(1)

    second = asyncio.create_task(looks.ask("monday"))
    await server.begun(2)
    server.answers(1)
    assert await second == 1
    assert not first.done()

    server.answers(0)
    assert await first == 1


async def test_a_look_that_never_ends_is_given_up() -> None:
    server = Server()
    looks = looks_at(server, given_up=0)

    with pytest.raises(psycopg.OperationalError):
        await looks.ask("monday")

    assert server.looks == [["monday"]]
