"""An appointment as its patient is told of it: nothing that may still turn out otherwise."""

from datetime import timedelta
from uuid import UUID

import pytest

from adapters.appointments import see
from domain.booking import Status
from tests.clinic_rows import Clinic, at


@pytest.mark.parametrize(
    ("over_for", "told"), [(-5, Status.HELD), (1, Status.HELD), (3, Status.EXPIRED)]
)
async def test_a_hold_is_called_expired_when_no_confirmation_can_be_written_any_more(
    clinic: Clinic, over_for: int, told: Status
) -> None:
    hold = await clinic.hold(at("09:00"), lasts=timedelta(seconds=-over_for))

    assert await status_of(clinic, hold) is told


async def test_a_hold_that_was_released_is_expired_at_once(clinic: Clinic) -> None:
    hold = await clinic.hold(at("09:00"), lasts=timedelta(seconds=-1))

    await clinic.becomes(hold, "expired")

    assert await status_of(clinic, hold) is Status.EXPIRED


async def status_of(clinic: Clinic, appointment_id: UUID) -> Status:
    async with clinic.engine.connect() as connection:
        seen = await see(connection, appointment_id)
    assert seen is not None
    return seen.appointment.status
