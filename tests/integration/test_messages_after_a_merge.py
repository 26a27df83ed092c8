"""Two records become one while a letter waits for the morning: it is as true as before."""

import re
from dataclasses import replace
from uuid import uuid4

import pytest

from activities.messages import Sent
from adapters.messages.rendering import Letter
from adapters.postgres.notifications import State
from adapters.postgres.removing_patients import Merge, merge
from domain.actors import SYSTEM, Role
from domain.booking import Placement
from domain.events import AppointmentEvent, EventType
from domain.reminders import Reminder
from domain.visit_links import read_token
from tests.clinic_rows import Clinic
from tests.integration.test_messages import ALWAYS_QUIET, NEVER_QUIET, Desk

LINK = re.compile(r"/v/([\w-]+)")


@pytest.fixture
def desk(clinic: Clinic) -> Desk:
    return Desk(clinic, quiet_hours=ALWAYS_QUIET)


async def merged(desk: Desk, event: AppointmentEvent) -> None:
    order = Merge(patient_id=event.patient_id, into=await desk.clinic.patient())
    await merge(desk.clinic.database, order, SYSTEM)


async def version_of(desk: Desk, event: AppointmentEvent) -> int:
    (row,) = await desk.rows(
        "SELECT version FROM schedules WHERE id = :id", id=event.appointment_id
    )
    version: int = row["version"]
    return version


async def test_a_cancellation_that_waits_is_told_though_two_records_were_merged(
    desk: Desk,
) -> None:
    confirmed = await desk.visit()
    await desk.moves_on(confirmed)
    cancelled = replace(
        confirmed,
        type=EventType.CANCELLED,
        sequence=confirmed.sequence + 1,
        event_id=uuid4(),
        actor_role=Role.RECEPTION,
    )

    waits = await desk.email(cancelled)
    await merged(desk, cancelled)
    desk.quiet_hours = NEVER_QUIET
    told = await desk.email(cancelled)

    assert waits.until is not None
    assert await version_of(desk, cancelled) > cancelled.sequence
    assert told == Sent(state=State.SENT)
    assert (await desk.email(replace(confirmed, event_id=uuid4()))).state is State.SUPERSEDED


async def test_a_confirmation_that_waits_has_a_link_that_works_after_two_records_were_merged(
    desk: Desk,
) -> None:
    confirmed = replace(await desk.visit(), actor_role=Role.RECEPTION)

    await desk.email(confirmed)
    await merged(desk, confirmed)
    desk.quiet_hours = NEVER_QUIET
    told = await desk.email(confirmed)

    (sent,) = desk.mail.contents
    assert isinstance(sent, Letter)
    (token, *_) = LINK.findall(sent.text)
    link = read_token(b"k" * 32, token)
    assert told == Sent(state=State.SENT)
    assert link is not None
    assert link.version == await version_of(desk, confirmed) > confirmed.sequence


async def test_an_offer_that_waits_is_told_until_it_is_held_no_more(desk: Desk) -> None:
    visit = await desk.visit()
    offer_id = await desk.clinic.hold(visit.ends_at, patient_id=visit.patient_id)
    stands = Placement(
        doctor_id=visit.doctor_id,
        clinic_id=visit.clinic_id,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
    )
    offered = replace(
        visit,
        type=EventType.OFFERED,
        event_id=uuid4(),
        appointment_id=offer_id,
        sequence=1,
        actor_role=Role.SYSTEM,
        previous=stands,
    )

    await desk.email(offered)
    await merged(desk, offered)
    desk.quiet_hours = NEVER_QUIET
    told = await desk.email(offered)
    await desk.clinic.becomes(offer_id, "expired")
    late = await desk.email(replace(offered, event_id=uuid4()))

    assert (told.state, late.state) == (State.SENT, State.SUPERSEDED)


async def test_of_a_patient_who_has_come_nothing_more_is_told(desk: Desk) -> None:
    event = await desk.visit()
    await desk.clinic.becomes(event.appointment_id, "arrived")

    assert (await desk.email(event)).state is State.SUPERSEDED


async def test_a_reminder_is_of_one_version_whatever_the_change(desk: Desk) -> None:
    event = await desk.visit()
    reminder = Reminder(
        event_id=uuid4(),
        step="P1D",
        time=event.time,
        sequence=event.sequence,
        appointment_id=event.appointment_id,
        patient_id=event.patient_id,
        doctor_id=event.doctor_id,
        clinic_id=event.clinic_id,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
    )
    await merged(desk, event)

    told = await desk.worker.run(desk.messages.send_email, reminder)

    assert told.state is State.SUPERSEDED
