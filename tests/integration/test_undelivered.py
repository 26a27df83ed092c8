"""What operations are shown of messages that are under way."""

from uuid import uuid4

import pytest

from adapters.postgres.booking_search import Trouble, bookings_in_trouble
from adapters.postgres.database import Database
from adapters.postgres.operations import figures
from adapters.postgres.reads import read
from tests.clinic_rows import Clinic, at, open_clinic

UNDER_WAY = """
INSERT INTO notifications (id, event_id, audience, channel, kind, status, error, appointment_id,
    patient_id, doctor_id, starts_at, sequence, created_at)
SELECT :id, :id, 'patient', 'sms', 'confirmed', 'sending', :error, s.id, s.patient_id, s.doctor_id,
    s.starts_at, 1, now() - interval '5 minutes'
FROM schedules s WHERE s.id = :visit
"""


WAITS_FOR_THE_MORNING = pytest.mark.parametrize(
    ("error", "count"),
    [(None, 1), ("sms_503", 1), ("quiet_hours", 0), ("quiet_hours_unanswered", 0)],
    ids=str,
)


@WAITS_FOR_THE_MORNING
async def test_a_message_is_undelivered_after_a_minute_unless_it_waits_for_the_morning(
    scratch: Database, error: str | None, count: int
) -> None:
    """Where nobody else's messages become a minute old meanwhile."""
    clinic = await open_clinic(scratch)
    await clinic.execute("TRUNCATE notifications CASCADE")
    visit = await clinic.book(at("09:00"))

    await clinic.execute(UNDER_WAY, id=uuid4(), error=error, visit=visit)

    assert (await read(scratch, figures)).undelivered == count


@WAITS_FOR_THE_MORNING
async def test_the_list_behind_the_figure_has_just_the_bookings_that_it_counts(
    clinic: Clinic, error: str | None, count: int
) -> None:
    visit = await clinic.book(at("09:00"))
    await clinic.execute(UNDER_WAY, id=uuid4(), error=error, visit=visit)

    async with clinic.database.connect() as connection:
        listed = await bookings_in_trouble(connection, Trouble.DELAYED, clinics=None, limit=1000)

    assert [each.appointment.appointment_id for each in listed].count(visit) == count
