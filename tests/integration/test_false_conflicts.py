"""Holds of different slots on an empty table: conflicts that are none reach no caller.

An almost empty table is read as a whole, so every hold seems to have read what every other wrote.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import psycopg
import pytest

from activities.slots import Slots
from adapters.postgres.database import Database, Pool, PooledConnection
from adapters.postgres.seeing import Sees
from domain.booking import BookingRequest, Status
from tests.builders import a_request
from tests.clinic_rows import Clinic, at

SLOT = timedelta(minutes=30)


class CountingDatabase(Database):
    """Counts how often PostgreSQL ended a transaction, by its code."""

    def __init__(self, url: str, pool: Pool) -> None:
        super().__init__(url, pool)
        self.told: Counter[str | None] = Counter()

    @asynccontextmanager
    async def lend(self, sees: Sees | None = None) -> AsyncIterator[PooledConnection]:
        try:
            async with super().lend(sees) as connection:
                yield connection
        except psycopg.Error as error:
            self.told[error.sqlstate] += 1
            raise


@pytest.mark.parametrize("workers", [1, 2])
async def test_fifty_slots_of_one_doctor_are_held_at_once_on_an_empty_table(
    clinic: Clinic, workers: int
) -> None:
    wishes = await fifty_wishes(clinic)
    await empty(clinic)
    database = CountingDatabase(clinic.database.url, clinic.database.pool)
    desks = [Slots(database) for _ in range(workers)]

    held = await asyncio.gather(
        *(desks[n % workers].hold_slot(wish) for n, wish in enumerate(wishes))
    )

    assert {hold.appointment.status for hold in held} == {Status.HELD}
    assert len({hold.appointment.starts_at for hold in held}) == 50
    assert database.told["40001"] > 0, "no conflict came: this has proved nothing"


async def fifty_wishes(clinic: Clinic) -> list[BookingRequest]:
    first = at("12:00")
    await clinic.on_duty(first, first + 50 * SLOT)
    return [
        a_request(
            patient_id=await clinic.patient(),
            doctor_id=clinic.doctor_id,
            clinic_id=clinic.id,
            starts_at=first + number * SLOT,
        )
        for number in range(50)
    ]


async def empty(clinic: Clinic) -> None:
    """The planner knows that it is, too."""
    await clinic.execute("TRUNCATE schedules CASCADE")
    await clinic.execute("VACUUM ANALYZE schedules")
