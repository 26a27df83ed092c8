"""One turn of one engine: users who hold and confirm, one visit after another, and the drain."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aiokafka import AIOKafkaConsumer

from bench import topic
from bench.counters import Counters
from bench.engines import Engine
from bench.figures import Turn
from bench.free_slots import Wish
from bench.http import Connection
from bench.issuer import TokenOf
from bench.readers import Told
from stack.errors import StackError

WARM_SECONDS = 2.0
DRAINED_WITHIN = 30.0
SETTLED = 0.3
"""What follows the last event: a run that closes, a journal that is written."""


Settle = Callable[[Turn], Awaitable[None]]
Readers = Callable[[float], Coroutine[Any, Any, Told]]
"""Read for so many seconds, beside those who book."""


class NotAnnounced(Exception):
    """Confirmed visits without their event after the time that they were given."""


async def events_are_all(_: Turn) -> None:
    """Nothing more is waited for: the events are what engines are compared by."""


class Turns:
    """Every engine has its own place in the same list of wishes."""

    def __init__(
        self,
        wishes: list[Wish],
        counters: Counters,
        consumer: AIOKafkaConsumer,
        token_of: TokenOf | None = None,
    ) -> None:
        self._token_of = token_of
        self._wishes = wishes
        self._counters = counters
        self._consumer = consumer
        self._todo: dict[str, list[Wish]] = {}
        self._written = 0

    async def take(
        self,
        engine: Engine,
        turn: Turn,
        *,
        seconds: float,
        settle: Settle = events_are_all,
        readers: Readers | None = None,
    ) -> Turn:
        """Warm up, then measure; fills the turn and returns it. The warm-up is in no figure.

        What a booking costs is read when its event is written and `settle` has returned.
        """
        warm = Turn(engine=turn.engine, round=turn.round, users=turn.users)
        await self._load(engine, warm, seconds=WARM_SECONDS, readers=readers)
        await self._drain(warm)
        await settle(warm)
        turn.before = await self._counters.read(engine)
        await self._load(engine, turn, seconds=seconds, readers=readers)
        await self._drain(turn)
        await settle(turn)
        turn.after = await self._counters.read(engine)
        turn.warmed = warm.confirmed
        return turn

    async def _load(
        self, engine: Engine, turn: Turn, *, seconds: float, readers: Readers | None
    ) -> None:
        todo = self._todo.setdefault(engine.database_url, list(self._wishes))
        self._written = await topic.length(self._consumer)
        begun = time.perf_counter()
        ends = begun + seconds

        async def user(url: str) -> None:
            connection = Connection(url, self._token_of)
            while time.perf_counter() < ends and todo:
                await book(connection, todo.pop(), turn)
            await connection.close()

        urls = [engine.urls[number % len(engine.urls)] for number in range(turn.users)]
        reading = asyncio.create_task(readers(seconds)) if readers else None
        await asyncio.gather(*(user(url) for url in urls))
        turn.seconds = time.perf_counter() - begun
        if reading is not None:
            told = await reading
            turn.reads, turn.reading_seconds = told.by_status, told.seconds

    async def _drain(self, turn: Turn) -> None:
        begun = time.perf_counter()
        missing = len(turn.confirmed)
        while missing > 0:
            if time.perf_counter() > begun + DRAINED_WITHIN:
                raise NotAnnounced(f"{turn.engine}: {missing} confirmed visits without an event")
            missing = len(turn.confirmed) + self._written - await topic.length(self._consumer)
            if missing > 0:
                await asyncio.sleep(0.02)
        turn.drain_seconds = time.perf_counter() - begun
        await asyncio.sleep(SETTLED)


async def book(connection: Connection, wish: Wish, turn: Turn) -> None:
    """Hold and confirm; what is refused is counted by its code."""
    started = time.perf_counter()
    held = await connection.hold(wish)
    answered = time.perf_counter()
    if held.status != 201:
        _refuse(turn, f"hold {held.status} {(held.body or {}).get('code')}")
        return
    turn.held_ms.append((answered - started) * 1000)
    appointment = held.body["appointmentId"]
    started = time.perf_counter()
    confirmed = await connection.tell(appointment, "confirm")
    answered = time.perf_counter()
    if confirmed.status != 200 or confirmed.body["status"] != "confirmed":
        _refuse(turn, f"confirm {confirmed.status} {(confirmed.body or {}).get('code')}")
        return
    turn.confirmed_ms.append((answered - started) * 1000)
    turn.confirmed.append(appointment)


def say(text: str) -> None:
    print(text, flush=True)


def end_on_sigterm() -> None:
    """As on Ctrl-C: what was started is stopped."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def exit_code_of(run: Callable[[], int]) -> int:
    """What voids a run is said in a line."""
    try:
        return run()
    except (StackError, NotAnnounced, TimeoutError) as error:
        say(f"void: {str(error) or 'not done within its time'}")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130


def _refuse(turn: Turn, what: str) -> None:
    turn.refused[what] = turn.refused.get(what, 0) + 1
