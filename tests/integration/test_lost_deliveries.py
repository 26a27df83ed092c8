"""Temporal begins anew while messages wait in its runs, for the morning or for a provider."""

from uuid import UUID, uuid4

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from adapters.postgres.news_under_way import news_under_way
from adapters.postgres.reads import read
from domain.actors import Role
from domain.events import AppointmentEvent
from domain.reminders import reminder_id
from notifier.deliveries import Deliveries
from notifier.lost_deliveries import begin_lost
from tests.clinic_rows import Clinic, at

WAITS = """
INSERT INTO notifications (id, event_id, audience, channel, kind, status, error, appointment_id,
    patient_id, doctor_id, starts_at, sequence, step, created_at)
SELECT gen_random_uuid(), :event_id, 'patient', channel, :kind, :status, 'quiet_hours', s.id,
    s.patient_id, s.doctor_id, s.starts_at, s.version, :step,
    clock_timestamp() - make_interval(mins => :minutes)
FROM schedules s, unnest(ARRAY['email', 'sms']) AS channel WHERE s.id = :visit
"""


async def waits(  # noqa: PLR0913 - what a record of a message has
    clinic: Clinic,
    visit: UUID,
    event_id: UUID,
    *,
    step: str | None = None,
    status: str = "sending",
    minutes: int = 60,
) -> None:
    """Both messages of this news, under way for so long."""
    await clinic.execute(
        WAITS,
        visit=visit,
        event_id=event_id,
        kind="reminder" if step else "confirmed",
        step=step,
        status=status,
        minutes=minutes,
    )


async def type_of(client: Client, run: str) -> str | None:
    """Of the run with this id, which the test then ends."""
    handle = client.get_workflow_handle(run)
    try:
        found = await handle.describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None
    await handle.terminate()
    return found.workflow_type


async def test_what_waited_in_a_run_that_is_lost_is_delivered_by_a_new_one(
    clinic: Clinic, stand_ins: Client
) -> None:
    visit, event_id = await clinic.book(at("09:00")), uuid4()
    await waits(clinic, visit, event_id)
    await waits(clinic, visit, reminder_id(visit, 2, "P1D"), step="P1D")

    await begin_lost(stand_ins, clinic.database)

    assert await type_of(stand_ins, str(event_id)) == "DeliverNotifications"
    assert await type_of(stand_ins, f"remind-{visit}-2-P1D") == "RemindPatient"


@pytest.mark.parametrize(
    "record", [{"status": "sent"}, {"minutes": 5}, {"minutes": 60 * 25}], ids=str
)
async def test_no_run_is_begun_for_what_is_sent_young_or_old(
    clinic: Clinic, stand_ins: Client, record: dict[str, object]
) -> None:
    visit, event_id = await clinic.book(at("09:00")), uuid4()
    await waits(clinic, visit, event_id, **record)  # type: ignore[arg-type]

    await begin_lost(stand_ins, clinic.database)

    assert await type_of(stand_ins, str(event_id)) is None


async def test_a_run_that_somebody_has_ended_is_not_begun_again(
    clinic: Clinic, stand_ins: Client
) -> None:
    visit, event_id = await clinic.book(at("09:00")), uuid4()
    await waits(clinic, visit, event_id)
    news = next(each for each in await under_way(clinic) if each.event_id == event_id)
    await Deliveries(stand_ins).start(news)
    run = stand_ins.get_workflow_handle(str(event_id))
    first = (await run.describe()).run_id
    await run.terminate()

    await begin_lost(stand_ins, clinic.database)

    assert (await run.describe()).run_id == first


async def test_what_is_told_of_again_wakes_nobody(clinic: Clinic) -> None:
    """A word that nobody waits for: whoever did it a moment ago did so hours ago."""
    visit, event_id = await clinic.book(at("09:00")), uuid4()
    await waits(clinic, visit, event_id)

    news = next(each for each in await under_way(clinic) if each.event_id == event_id)

    assert news.actor_role is Role.SYSTEM
    assert (news.appointment_id, news.starts_at, news.sequence) == (visit, at("09:00"), 2)


async def under_way(clinic: Clinic) -> list[AppointmentEvent]:
    found = await read(clinic.database, news_under_way)
    return [each for each in found if isinstance(each, AppointmentEvent)]
