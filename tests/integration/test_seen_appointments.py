"""An appointment as its patient is told of it: nothing that may still turn out otherwise."""

from datetime import timedelta
from uuid import UUID

import pytest

from adapters.postgres.appointments import Seen, see
from adapters.postgres.direct import cursor
from domain.booking import Status
from tests.clinic_rows import Clinic, at


@pytest.mark.parametrize(
    ("over_for", "status"), [(-5, Status.HELD), (0, Status.HELD), (3, Status.EXPIRED)]
)
async def test_a_hold_is_held_until_it_can_no_longer_be_confirmed(
    clinic: Clinic, over_for: int, status: Status
) -> None:
    hold = await clinic.hold(at("09:00"), lasts=timedelta(seconds=-over_for))

    seen = await seen_of(clinic, hold)

    assert seen.appointment.status is status


async def test_a_hold_that_was_released_is_over_at_once(clinic: Clinic) -> None:
    hold = await clinic.hold(at("09:00"), lasts=timedelta(seconds=-1))

    await clinic.becomes(hold, "expired")

    seen = await seen_of(clinic, hold)

    assert seen.appointment.status is Status.EXPIRED


async def seen_of(clinic: Clinic, appointment_id: UUID) -> Seen:
    async with cursor(clinic.database) as connection:
        seen = await see(connection, appointment_id)
    assert seen is not None
    return seen
