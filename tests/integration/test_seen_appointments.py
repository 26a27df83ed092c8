"""An appointment as its patient is told of it: nothing that may still turn out otherwise."""

from datetime import timedelta
from uuid import UUID

import pytest

from adapters.postgres.appointments import Seen, see
from adapters.postgres.direct import plain
from domain.booking import Status
from tests.clinic_rows import Clinic, at


@pytest.mark.parametrize(
    ("over_for", "status", "may_be_confirmed"),
    [(-5, Status.HELD, True), (1, Status.EXPIRED, True), (3, Status.EXPIRED, False)],
)
async def test_a_hold_is_over_at_its_end_and_settled_when_no_confirmation_can_be_written(
    clinic: Clinic, over_for: int, status: Status, *, may_be_confirmed: bool
) -> None:
    hold = await clinic.hold(at("09:00"), lasts=timedelta(seconds=-over_for))

    seen = await seen_of(clinic, hold)

    assert (seen.appointment.status, seen.may_be_confirmed) == (status, may_be_confirmed)


async def test_a_hold_that_was_released_is_settled_at_once(clinic: Clinic) -> None:
    hold = await clinic.hold(at("09:00"), lasts=timedelta(seconds=-1))

    await clinic.becomes(hold, "expired")

    seen = await seen_of(clinic, hold)

    assert (seen.appointment.status, seen.may_be_confirmed) == (Status.EXPIRED, False)


async def seen_of(clinic: Clinic, appointment_id: UUID) -> Seen:
    async with plain(clinic.database) as connection:
        seen = await see(connection, appointment_id)
    assert seen is not None
    return seen
