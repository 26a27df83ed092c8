"""One look at a time for all who wait: whoever comes while one is under way waits for the next."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

import psycopg

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")

MOST_AT_ONCE = 64
"""Questions of one look: more would keep each of them waiting for all."""

LATE_SECONDS = 0.1
"""A look that takes so long keeps nobody else: the next begins beside it."""

GIVEN_UP_SECONDS = 4.5
"""After the server has broken off its statement, before the caller's own deadline."""


class BatchedReads(Generic[Key, Answer]):
    """Questions that are asked of a server together, and never before they were put.

    An answer tells what was so after the question came: a look takes the questions that are there
    when it begins, and no later one, however like it.
    """

    def __init__(
        self,
        look: Callable[[Iterable[Key]], Awaitable[Mapping[Key, Answer]]],
        *,
        late_seconds: float = LATE_SECONDS,
        given_up_seconds: float = GIVEN_UP_SECONDS,
    ) -> None:
        self._look = look
        self._late = late_seconds
        self._given_up = given_up_seconds
        self._waiting: dict[Key, list[asyncio.Future[Answer | None]]] = {}
        self._turn: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def ask(self, key: Key) -> Answer | None:
        """What a look finds that begins after this call; None if it finds nothing.

        Raises what the look raised, or `psycopg.OperationalError` if it was given up.
        """
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answer)
        if self._turn is None:
            self._begin()
        return await answer

    def _begin(self) -> None:
        self._turn = asyncio.create_task(self._look_once())
        self._under_way.add(self._turn)
        self._turn.add_done_callback(self._under_way.discard)

    async def _look_once(self) -> None:
        itself = asyncio.current_task()
        assert itself is not None  # noqa: S101 - a task runs this
        asked = self._taken()
        loop = asyncio.get_running_loop()
        late = loop.call_later(self._late, self._pass_on, itself)
        given_up = loop.call_later(self._given_up, _give_up, itself, asked)
        try:
            found = await self._look(asked)
        except Exception as error:  # noqa: BLE001 - it is told to everybody who asked
            _fail(asked, error)
        else:
            for key, answers in asked.items():
                for answer in answers:
                    if not answer.done():
                        answer.set_result(found.get(key))
        finally:
            late.cancel()
            given_up.cancel()
            for answers in asked.values():
                for answer in answers:
                    answer.cancel()  # of those that have no answer: the process ends
            self._pass_on(itself)

    def _taken(self) -> dict[Key, list[asyncio.Future[Answer | None]]]:
        if len(self._waiting) <= MOST_AT_ONCE:
            taken, self._waiting = self._waiting, {}
            return taken
        first = list(self._waiting)[:MOST_AT_ONCE]
        return {key: self._waiting.pop(key) for key in first}

    def _pass_on(self, turn: asyncio.Task[None]) -> None:
        if self._turn is turn:
            self._turn = None
            if self._waiting:
                self._begin()


def _give_up(
    turn: asyncio.Task[None], asked: Mapping[Key, list[asyncio.Future[Answer | None]]]
) -> None:
    _fail(asked, psycopg.OperationalError("the database gave no answer in time"))
    turn.cancel()


def _fail(asked: Mapping[Key, list[asyncio.Future[Answer | None]]], error: Exception) -> None:
    for answers in asked.values():
        for answer in answers:
            if not answer.done():
                answer.set_exception(error)
