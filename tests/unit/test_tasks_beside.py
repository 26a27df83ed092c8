"""What a process does again and again beside its work, and what becomes of a fault in it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import psycopg
import pytest
from psycopg import errors
from structlog.testing import capture_logs

from activities.trail import keep_forgetting, keep_sealing
from adapters.postgres.access_gauges import AccessGauges, keep_measuring
from adapters.postgres.booking_gauges import BookingGauges, keep_counting
from adapters.postgres.database import Database
from worker.process import beside

KEEPERS: dict[str, Callable[[Database], Awaitable[None]]] = {
    "trail_is_not_sealed_now": keep_sealing,
    "trail_is_not_forgotten_now": partial(keep_forgetting, days=400),
    "bookings_not_counted": partial(keep_counting, gauges=BookingGauges()),
    "access_not_measured": partial(keep_measuring, gauges=AccessGauges()),
}
"""By what each says where it could do nothing."""

FAULTS = (
    errors.ReadOnlySqlTransaction,
    errors.UndefinedColumn,
    errors.InsufficientPrivilege,
    errors.AdminShutdown,
)
"""A standby or a full disk, a migration that is missing, rights that were taken, a restart."""


class Refusing:
    """A database that refuses every statement."""

    def __init__(self, fault: type[psycopg.Error]) -> None:
        self.was_asked = asyncio.Event()
        self._fault = fault

    @asynccontextmanager
    async def connect(self, _: object = None) -> AsyncIterator[Any]:
        self.was_asked.set()
        raise self._fault
        yield


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("says", KEEPERS)
async def test_what_the_database_refuses_now_is_tried_again_later(
    says: str, fault: type[psycopg.Error]
) -> None:
    database = Refusing(fault)
    with capture_logs() as lines:
        keeping = asyncio.ensure_future(KEEPERS[says](cast("Database", database)))
        await database.was_asked.wait()

    assert not keeping.done()
    assert [(line["event"], line["error"]) for line in lines] == [(says, fault.__name__)]
    keeping.cancel()


class Broken(Exception):
    """A bug."""


async def breaks() -> None:
    await asyncio.sleep(0)
    raise Broken


async def test_a_task_that_breaks_ends_the_work_of_its_process() -> None:
    over = asyncio.Event()

    with pytest.raises(Broken):
        async with asyncio.timeout(10):
            await works_for_ever(keeps_on(over), breaks())

    await over.wait()  # the others are ended with it


async def test_a_process_that_is_told_to_stop_ends_its_tasks_and_nothing_is_broken() -> None:
    over = asyncio.Event()
    working = asyncio.create_task(works_for_ever(keeps_on(over)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    working.cancel()
    await asyncio.wait((working,))
    await over.wait()

    assert working.cancelled()


async def test_a_task_that_breaks_as_its_process_stops_does_not_cut_the_stop_short() -> None:
    closes, closed = asyncio.Event(), asyncio.Event()
    working = asyncio.create_task(closes_slowly(closes, closed))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    working.cancel()
    await asyncio.wait((working,))

    assert closed.is_set()
    assert working.cancelled()


async def closes_slowly(closes: asyncio.Event, closed: asyncio.Event) -> None:
    """What is beside it breaks meanwhile."""
    async with beside(breaks_when(closes)):
        try:
            await asyncio.Event().wait()
        finally:
            closes.set()
            for _ in range(5):
                await asyncio.sleep(0)
            closed.set()


async def breaks_when(told: asyncio.Event) -> None:
    await told.wait()
    raise Broken


async def works_for_ever(*tasks: Coroutine[Any, Any, None]) -> None:
    async with beside(*tasks):
        await asyncio.Event().wait()


async def keeps_on(over: asyncio.Event) -> None:
    """Until it is cancelled."""
    try:
        await asyncio.Event().wait()
    finally:
        over.set()
