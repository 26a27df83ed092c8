"""Holds of different slots on an empty table: conflicts that are none reach no caller.

An almost empty table is read as a whole, so every hold seems to have read what every other wrote.
"""

import asyncio
from collections import Counter
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from activities.slots import Slots
from adapters.postgres import direct as plain
from adapters.postgres.direct import translated
from domain.booking import BookingRequest, Status
from tests.builders import a_request
from tests.clinic_rows import Clinic, at

SLOT = timedelta(minutes=30)


@pytest.mark.parametrize("workers", [1, 2])
async def test_fifty_slots_of_one_doctor_are_held_at_once_on_an_empty_table(
    clinic: Clinic, told: Counter[str | None], workers: int
) -> None:
    wishes = await fifty_wishes(clinic)
    await empty(clinic)
    desks = [Slots(clinic.engine) for _ in range(workers)]

    held = await asyncio.gather(
        *(desks[n % workers].hold_slot(wish) for n, wish in enumerate(wishes))
    )

    assert {hold.appointment.status for hold in held} == {Status.HELD}
    assert len({hold.appointment.starts_at for hold in held}) == 50
    assert told["40001"] > 0, "no conflict came: this has proved nothing"


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
    await clinic.execute("DELETE FROM schedules")
    await clinic.execute("VACUUM ANALYZE schedules")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Counter[str | None]:
    """How often PostgreSQL ended a transaction, by its code."""
    codes: Counter[str | None] = Counter()

    def count(error: psycopg.Error, *, is_dead: bool) -> DBAPIError:
        codes[error.sqlstate] += 1
        return translated(error, is_dead=is_dead)

    monkeypatch.setattr(plain, "translated", count)
    return codes
