"""What the rows say of events on the topic: true, overtaken and true, or forged."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from adapters.postgres.borne_out import Rows
from adapters.postgres.removing_patients import Merge, merge
from domain.actors import ActorRef, Role
from domain.booking import Status
from domain.events import (
    AppointmentEvent,
    EventType,
    appointment_cancelled,
    appointment_confirmed,
    appointment_rescheduled,
    event_id,
)
from tests.builders import a_cancellation, a_move, a_placement, an_appointment
from tests.clinic_rows import Clinic, at
from tests.integration.test_moves import Desk

FORGERIES: list[dict[str, Any]] = [
    {"event_id": uuid4()},
    {"patient_id": uuid4()},
    {"doctor_id": uuid4()},
    {"clinic_id": uuid4()},
    {"starts_at": at("10:30")},
    {"ends_at": at("10:30")},
    {"time": at("09:00")},
    {"status": Status.CANCELLED},
    {"expires_at": at("09:00")},
    {"previous": a_placement(an_appointment())},
]


async def is_forged(desk: Desk, event: AppointmentEvent) -> bool:
    return await Rows(desk.clinic.database).forged([event]) == {0}


def as_told(event: AppointmentEvent, type_: EventType, sequence: int) -> AppointmentEvent:
    """The same fact under another name, with the id that it would have."""
    status = Status.CANCELLED if type_ is EventType.CANCELLED else Status.CONFIRMED
    return replace(
        event,
        type=type_,
        sequence=sequence,
        status=status,
        event_id=event_id(event.appointment_id, sequence, type_),
    )


@pytest.fixture
def desk(clinic: Clinic) -> Desk:
    return Desk(clinic)


async def test_an_event_is_true_as_the_row_has_it(desk: Desk) -> None:
    event = appointment_confirmed(await desk.book("09:00"))

    assert not await is_forged(desk, event)


@pytest.mark.parametrize("lie", FORGERIES, ids=lambda lie: next(iter(lie)))
async def test_an_event_that_differs_in_anything_is_forged(desk: Desk, lie: dict[str, Any]) -> None:
    event = appointment_confirmed(await desk.book("09:00"))

    assert await is_forged(desk, replace(event, **lie))


async def test_what_has_not_happened_is_forged(desk: Desk) -> None:
    event = appointment_confirmed(await desk.book("09:00"))

    assert await is_forged(desk, as_told(event, EventType.CANCELLED, event.sequence + 1))
    assert await is_forged(desk, as_told(event, EventType.CANCELLED, event.sequence))
    assert await is_forged(desk, as_told(event, EventType.CONFIRMED, event.sequence + 1))
    held = await desk.clinic.hold(at("09:30"))
    unconfirmed = replace(event, appointment_id=held, starts_at=at("09:30"), ends_at=at("10:00"))
    assert await is_forged(desk, as_told(unconfirmed, EventType.CONFIRMED, 2))
    assert await is_forged(desk, as_told(replace(event, appointment_id=uuid4()), event.type, 2))


async def test_what_was_overtaken_is_as_true_as_before(desk: Desk) -> None:
    booked = await desk.book("09:00")
    confirmed = appointment_confirmed(booked)
    before = a_placement(booked)
    there = await desk.move(a_move(booked))
    moved = appointment_rescheduled(there, before)
    gone = await desk.appointments.cancel_appointment(a_cancellation(there))
    cancelled = appointment_cancelled(gone)

    rows = Rows(desk.clinic.database)
    assert await rows.forged([confirmed, moved, cancelled, confirmed]) == set()
    day = timedelta(days=1)
    lies = [
        replace(before, starts_at=before.starts_at - day),
        replace(before, ends_at=before.ends_at + day),
        replace(before, doctor_id=uuid4()),
        replace(before, clinic_id=uuid4()),
    ]
    assert await rows.forged([replace(moved, previous=lie) for lie in lies]) == {0, 1, 2, 3}
    assert await rows.forged([cancelled, replace(confirmed, starts_at=at("09:30"))]) == {1}


async def test_an_event_of_a_patient_who_was_merged_meanwhile_is_true(desk: Desk) -> None:
    event = appointment_confirmed(await desk.book("09:00"))
    into = await desk.clinic.patient()
    await desk.clinic.execute(
        "UPDATE schedules SET patient_id = :into WHERE id = :id", into=into, id=event.appointment_id
    )

    assert await is_forged(desk, event)
    await desk.clinic.execute(
        "UPDATE patients SET full_name = '', phone = NULL, email = NULL, merged_into = :into,"
        " erased_at = clock_timestamp() WHERE id = :old",
        into=into,
        old=event.patient_id,
    )
    assert not await is_forged(desk, event)
    of_another = appointment_confirmed(await desk.book("10:00"))
    assert await is_forged(desk, replace(of_another, patient_id=event.patient_id))


async def test_an_event_of_a_patient_who_was_merged_again_and_again_is_true(desk: Desk) -> None:
    event = appointment_confirmed(await desk.book("09:00"))
    of_another = appointment_confirmed(await desk.book("10:00"))
    records = [event.patient_id, *[await desk.clinic.patient() for _ in range(3)]]
    for old, into in pairwise(records):
        order = Merge(patient_id=old, into=into)
        await merge(desk.clinic.database, order, ActorRef(id="m", role=Role.MANAGER))

    assert not await is_forged(desk, event)
    assert [
        await is_forged(desk, replace(event, patient_id=each)) for each in [*records, uuid4()]
    ] == [False, False, False, False, True]
    assert await is_forged(desk, replace(of_another, patient_id=records[1]))


async def test_of_no_events_none_is_forged(desk: Desk) -> None:
    assert await Rows(desk.clinic.database).forged([]) == set()
