"""The effects on Schedules, as stories that the real database and the fake clinic both tell."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError

from activities.appointments import Appointments
from activities.slots import Slots
from adapters.postgres.booking_facts import load_facts
from adapters.postgres.direct import cursor
from domain.actors import ActorRef, Role
from domain.booking import (
    Appointment,
    BookingRequest,
    Cancellation,
    Confirmation,
    Extension,
    Hold,
    Release,
    Status,
)
from domain.rules import SlotWish
from tests.builders import a_cancellation, a_request
from tests.clinic_rows import Clinic, at
from tests.fakes.clinic import FakeClinic

pytestmark = pytest.mark.unmeasured


class RealDesk:
    """The product's activities on the product's database."""

    def __init__(self, clinic: Clinic) -> None:
        self.slots = Slots(clinic.database)
        self.appointments = Appointments(clinic.database)

    async def hold_slot(self, request: BookingRequest) -> Hold:
        return await self.slots.hold_slot(request)

    async def extend_hold(self, extension: Extension) -> Hold:
        return await self.slots.extend_hold(extension)

    async def release_slot(self, release: Release) -> Hold:
        return await self.slots.release_slot(release)

    async def confirm_appointment(self, request: BookingRequest) -> Confirmation:
        return await self.appointments.confirm_appointment(request)

    async def cancel_appointment(self, cancellation: Cancellation) -> Appointment:
        return await self.appointments.cancel_appointment(cancellation)


DoctorGrid = RealDesk | FakeClinic


@pytest.fixture(params=["real", "fake"])
def desk(request: pytest.FixtureRequest, clinic: Clinic) -> DoctorGrid:
    return RealDesk(clinic) if request.param == "real" else FakeClinic()


@pytest.fixture
async def request_for_nine(clinic: Clinic) -> BookingRequest:
    return await a_wish(clinic)


async def a_wish(clinic: Clinic, clock: str = "09:00", **changes: object) -> BookingRequest:
    values = {
        "patient_id": await clinic.patient(),
        "doctor_id": clinic.doctor_id,
        "clinic_id": clinic.id,
        "starts_at": at(clock),
    }
    return a_request(**(values | changes))


async def refusal_of(effect: Awaitable[object]) -> str:
    """The code with which an activity refused; such a failure is final."""
    with pytest.raises(ApplicationError) as refused:
        await effect
    assert refused.value.non_retryable
    assert refused.value.type is not None
    return refused.value.type


async def test_a_slot_is_held_and_a_second_try_finds_its_own_hold(
    desk: DoctorGrid, request_for_nine: BookingRequest
) -> None:
    once = await desk.hold_slot(request_for_nine)
    again = await desk.hold_slot(request_for_nine)

    assert once.appointment.status is Status.HELD
    assert again.appointment == once.appointment
    assert 590 < once.lasts_seconds <= 600


async def test_a_held_slot_is_taken_for_others(
    desk: DoctorGrid, clinic: Clinic, request_for_nine: BookingRequest
) -> None:
    await desk.hold_slot(request_for_nine)

    assert await refusal_of(desk.hold_slot(await a_wish(clinic))) == "slot_taken"


async def test_confirming_twice_confirms_once(
    desk: DoctorGrid, request_for_nine: BookingRequest
) -> None:
    await desk.hold_slot(request_for_nine)

    once = await desk.confirm_appointment(request_for_nine)
    again = await desk.confirm_appointment(request_for_nine)

    assert (once.status, once.version) == (Status.CONFIRMED, 2)
    assert again == once


async def test_a_confirmation_tried_again_after_the_visit_was_cancelled_finds_that_it_was_made(
    desk: DoctorGrid, request_for_nine: BookingRequest
) -> None:
    await desk.hold_slot(request_for_nine)
    once = await desk.confirm_appointment(request_for_nine)
    await desk.cancel_appointment(a_cancellation(once))

    again = await desk.confirm_appointment(request_for_nine)

    assert again == once


async def test_a_confirmation_tried_again_after_the_visit_was_changed_has_its_own_version(
    real: RealDesk, clinic: Clinic, request_for_nine: BookingRequest
) -> None:
    """Or the event of the confirmation would have the id of another one."""
    await real.hold_slot(request_for_nine)
    once = await real.confirm_appointment(request_for_nine)
    await clinic.execute(
        "UPDATE schedules SET status = 'arrived', version = version + 1 WHERE id = :id",
        id=once.appointment_id,
    )

    again = await real.confirm_appointment(request_for_nine)

    assert (again.status, again.version) == (Status.CONFIRMED, 2)


async def test_a_released_slot_is_free_and_a_second_release_changes_nothing(
    desk: DoctorGrid, clinic: Clinic, request_for_nine: BookingRequest
) -> None:
    await desk.hold_slot(request_for_nine)
    release = Release(request=request_for_nine, status=Status.CANCELLED, reason="mistake")

    once = await desk.release_slot(release)
    again = await desk.release_slot(release)

    assert once.appointment.status is Status.CANCELLED
    assert once.appointment.reason == "mistake"
    assert again.appointment == once.appointment
    assert (await desk.hold_slot(await a_wish(clinic))).appointment.status is Status.HELD


async def test_a_late_hold_loses_to_the_release_that_came_before_it(
    desk: DoctorGrid, request_for_nine: BookingRequest
) -> None:
    await desk.release_slot(Release(request=request_for_nine, status=Status.EXPIRED))

    late = await desk.hold_slot(request_for_nine)

    assert late.appointment.status is Status.EXPIRED


async def test_a_release_leaves_a_confirmed_visit_alone(
    desk: DoctorGrid, request_for_nine: BookingRequest
) -> None:
    await desk.hold_slot(request_for_nine)
    confirmed = await desk.confirm_appointment(request_for_nine)

    left = await desk.release_slot(Release(request=request_for_nine, status=Status.EXPIRED))

    assert left.appointment == confirmed.appointment


async def test_a_hold_is_extended_twice_and_only_by_the_version_that_was_seen(
    desk: DoctorGrid, request_for_nine: BookingRequest
) -> None:
    await desk.hold_slot(request_for_nine)
    by = Extension(appointment_id=request_for_nine.appointment_id, version=1, hold_seconds=600)

    once = await desk.extend_hold(by)
    stale = await refusal_of(desk.extend_hold(replace(by, version=7)))
    twice = await desk.extend_hold(replace(by, version=2))
    thrice = await refusal_of(desk.extend_hold(replace(by, version=3)))

    assert (once.appointment.version, once.appointment.extensions_left) == (2, 1)
    assert twice.appointment.extensions_left == 0
    assert (stale, thrice) == ("version_mismatch", "extension_limit")


async def test_an_extension_tried_again_finds_what_it_made(
    desk: DoctorGrid, request_for_nine: BookingRequest
) -> None:
    await desk.hold_slot(request_for_nine)
    by = Extension(appointment_id=request_for_nine.appointment_id, version=1, hold_seconds=600)

    once = await desk.extend_hold(by)
    again = await desk.extend_hold(by)

    assert again.appointment == once.appointment


async def test_a_visit_is_cancelled_once_and_only_in_the_version_that_was_seen(
    desk: DoctorGrid, request_for_nine: BookingRequest
) -> None:
    await desk.hold_slot(request_for_nine)
    visit = await desk.confirm_appointment(request_for_nine)

    stale = await refusal_of(desk.cancel_appointment(a_cancellation(visit, version=1)))
    once = await desk.cancel_appointment(a_cancellation(visit))
    again = await desk.cancel_appointment(a_cancellation(visit))

    assert stale == "version_mismatch"
    assert (once.status, once.version) == (Status.CANCELLED, 3)
    assert again == once


# From here on only the real database can tell: its clock and its constraints decide.


@pytest.fixture
def real(clinic: Clinic) -> RealDesk:
    return RealDesk(clinic)


async def test_a_lapsed_hold_stands_in_nobodys_way_and_cannot_be_confirmed(
    real: RealDesk, clinic: Clinic, request_for_nine: BookingRequest
) -> None:
    lapsed = await real.hold_slot(request_for_nine)
    await lapse(clinic, lapsed.appointment)

    taken = await real.hold_slot(await a_wish(clinic))

    assert taken.appointment.status is Status.HELD
    assert await refusal_of(real.confirm_appointment(request_for_nine)) == "hold_expired"
    released = await real.release_slot(Release(request=request_for_nine, status=Status.EXPIRED))
    assert released.appointment.status is Status.EXPIRED


async def test_a_hold_past_its_deadline_cannot_be_confirmed_whoever_wants_the_slot(
    real: RealDesk, clinic: Clinic, request_for_nine: BookingRequest
) -> None:
    held = await real.hold_slot(request_for_nine)
    await lapse(clinic, held.appointment)

    assert await refusal_of(real.confirm_appointment(request_for_nine)) == "hold_expired"


async def test_a_hold_lapses_when_the_database_says_so_and_not_before(
    real: RealDesk, clinic: Clinic, request_for_nine: BookingRequest
) -> None:
    held = await real.hold_slot(request_for_nine)
    if_lapsed = Release(request=request_for_nine, status=Status.EXPIRED, only_if_lapsed=True)

    too_early = await real.release_slot(if_lapsed)
    await lapse(clinic, held.appointment)
    over = await real.release_slot(if_lapsed)

    assert too_early.appointment.status is Status.HELD
    assert 590 < too_early.lasts_seconds <= 600
    assert over.appointment.status is Status.EXPIRED


async def test_a_hold_ends_at_the_latest_when_its_slot_begins(
    real: RealDesk, clinic: Clinic
) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=3)).replace(microsecond=0)
    await clinic.on_duty(soon, soon + timedelta(hours=1))
    wish = await a_wish(clinic, starts_at=soon)
    more = Extension(appointment_id=wish.appointment_id, version=1, hold_seconds=600)

    held = await real.hold_slot(wish)
    extended = await real.extend_hold(more)

    assert held.appointment.held_until == soon
    assert extended.appointment.held_until == soon
    assert held.lasts_seconds < 180


async def test_more_time_for_a_lapsed_hold_is_asked_for_too_late_whatever_its_version(
    real: RealDesk, clinic: Clinic, request_for_nine: BookingRequest
) -> None:
    held = await real.hold_slot(request_for_nine)
    by = Extension(appointment_id=request_for_nine.appointment_id, version=1, hold_seconds=600)
    await lapse(clinic, held.appointment, ago=timedelta())

    refused = {
        await refusal_of(real.extend_hold(replace(by, version=version))) for version in (1, 2, 7)
    }

    assert refused == {"hold_expired"}


async def test_a_lapsed_hold_of_the_patient_makes_way_at_another_doctor(
    real: RealDesk, clinic: Clinic, request_for_nine: BookingRequest
) -> None:
    lapsed = await real.hold_slot(request_for_nine)
    colleague = await clinic.hire()
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=colleague)
    elsewhere = await a_wish(clinic, doctor_id=colleague, patient_id=request_for_nine.patient_id)
    busy = await refusal_of(real.hold_slot(elsewhere))

    await lapse(clinic, lapsed.appointment)

    assert busy == "patient_busy"
    assert (await real.hold_slot(elsewhere)).appointment.status is Status.HELD


async def test_a_confirmation_within_the_grace_is_taken_while_nobody_else_wants_the_slot(
    real: RealDesk, clinic: Clinic, request_for_nine: BookingRequest
) -> None:
    held = await real.hold_slot(request_for_nine)
    await lapse(clinic, held.appointment, ago=timedelta())

    confirmed = await real.confirm_appointment(request_for_nine)

    assert confirmed.status is Status.CONFIRMED


async def test_the_first_end_of_a_hold_is_known_after_two_extensions_and_a_confirmation(
    real: RealDesk, clinic: Clinic, request_for_nine: BookingRequest
) -> None:
    first = (await real.hold_slot(request_for_nine)).appointment
    by = Extension(appointment_id=first.appointment_id, version=1, hold_seconds=900)
    ends = {await first_end(clinic, request_for_nine)}

    for version in (1, 2):
        await real.extend_hold(replace(by, version=version))
        ends.add(await first_end(clinic, request_for_nine))
    confirmed = await real.confirm_appointment(request_for_nine)
    ends.add(await first_end(clinic, request_for_nine))

    assert ends == {first.held_until}
    assert first.held_until is not None
    assert confirmed.held_until is not None
    assert confirmed.held_until > first.held_until


async def first_end(clinic: Clinic, request: BookingRequest) -> datetime | None:
    """What a repeated POST is told of its hold."""
    wish = SlotWish(
        patient_id=request.patient_id,
        doctor_id=request.doctor_id,
        starts_at=request.starts_at,
        max_holds=3,
    )
    async with cursor(clinic.database) as connection:
        _, own = await load_facts(connection, wish, appointment_id=request.appointment_id)
    assert own is not None
    return own.held_until


async def test_the_cap_of_holds_counts_live_ones_only(real: RealDesk, clinic: Clinic) -> None:
    patient = await clinic.patient()
    holds = [
        await real.hold_slot(await a_wish(clinic, clock, patient_id=patient, max_holds=2))
        for clock in ("09:00", "09:30")
    ]
    third = await a_wish(clinic, "10:00", patient_id=patient, max_holds=2)
    capped = await refusal_of(real.hold_slot(third))

    await lapse(clinic, holds[0].appointment)

    assert capped == "too_many_holds"
    assert (await real.hold_slot(third)).appointment.status is Status.HELD


async def test_who_holds_for_others_has_no_more_holds_than_anybody(
    real: RealDesk, clinic: Clinic
) -> None:
    mother, child = await clinic.patient(), await clinic.patient()
    by_mother = ActorRef(id=str(mother), role=Role.PATIENT)
    for clock, patient in (("09:00", mother), ("09:30", child)):
        wish = await a_wish(clinic, clock, patient_id=patient, actor=by_mother, max_holds=2)
        await real.hold_slot(wish)

    third = await a_wish(clinic, "10:00", actor=by_mother, max_holds=2)
    by_reception = ActorRef(id="desk", role=Role.RECEPTION)

    assert await refusal_of(real.hold_slot(third)) == "too_many_holds"
    at_the_desk = replace(third, actor=by_reception, origin="reception")
    assert (await real.hold_slot(at_the_desk)).appointment.status is Status.HELD


async def test_a_second_lapse_of_one_slot_waits(real: RealDesk, clinic: Clinic) -> None:
    patient = await clinic.patient()
    for _ in range(2):
        held = await real.hold_slot(await a_wish(clinic, patient_id=patient))
        await lapse(clinic, held.appointment)
    third = await a_wish(clinic, patient_id=patient)
    elsewhere = await a_wish(clinic, "09:30", patient_id=patient)

    assert await refusal_of(real.hold_slot(third)) == "too_many_holds"
    assert (await real.hold_slot(elsewhere)).appointment.status is Status.HELD
    assert (await real.hold_slot(await a_wish(clinic))).appointment.status is Status.HELD


async def test_a_slot_given_back_for_another_again_and_again_waits(
    real: RealDesk, clinic: Clinic
) -> None:
    mother = ActorRef(id=str(await clinic.patient()), role=Role.PATIENT)
    for _ in range(5):
        held = await a_wish(clinic, actor=mother)
        await real.hold_slot(held)
        await real.release_slot(Release(request=held, status=Status.CANCELLED))

    sixth = await a_wish(clinic, actor=mother)

    assert await refusal_of(real.hold_slot(sixth)) == "too_many_holds"


async def test_what_does_not_exist_and_what_is_no_slot_is_refused(
    real: RealDesk, clinic: Clinic
) -> None:
    refused = [
        await refusal_of(real.hold_slot(await a_wish(clinic, **changes)))
        for changes in (
            {"doctor_id": uuid4()},
            {"patient_id": uuid4()},
            {"starts_at": at("09:07")},
            {"starts_at": at("12:00")},
            {"starts_at": at("09:00") - timedelta(days=4000)},
        )
    ]

    assert refused == ["doctor_not_found", "patient_not_found", *["not_a_slot"] * 3]


async def test_a_taken_slot_is_refused_with_free_alternatives(
    real: RealDesk, clinic: Clinic, request_for_nine: BookingRequest
) -> None:
    await real.hold_slot(request_for_nine)

    with pytest.raises(ApplicationError) as refused:
        await real.hold_slot(await a_wish(clinic))

    offered = [each.starts_at for each in refused.value.details[0].alternatives]
    assert offered == [at("09:30"), at("10:00"), at("10:30")]


async def test_a_visit_that_has_begun_cannot_be_cancelled(
    real: RealDesk, clinic: Clinic, request_for_nine: BookingRequest
) -> None:
    await real.hold_slot(request_for_nine)
    visit = await real.confirm_appointment(request_for_nine)
    await clinic.on_duty(at("09:00") - timedelta(days=9000), at("11:00") - timedelta(days=9000))
    await clinic.execute(
        "UPDATE schedules SET starts_at = starts_at - interval '9000 days',"
        " ends_at = ends_at - interval '9000 days' WHERE id = :id",
        id=visit.appointment_id,
    )

    seen = replace(visit, version=3)
    assert await refusal_of(real.cancel_appointment(a_cancellation(seen))) == "too_late"


async def test_two_hundred_patients_want_one_slot_and_one_gets_it(
    real: RealDesk, clinic: Clinic
) -> None:
    wishes = [await a_wish(clinic) for _ in range(200)]

    answers = await asyncio.gather(*map(real.hold_slot, wishes), return_exceptions=True)

    held = [answer for answer in answers if isinstance(answer, Hold)]
    codes = {answer.type for answer in answers if isinstance(answer, ApplicationError)}
    assert (len(held), codes) == (1, {"slot_taken"})


async def test_two_hundred_doctors_are_held_at_once_without_a_false_conflict(
    real: RealDesk, clinic: Clinic
) -> None:
    wishes = []
    for _ in range(200):
        doctor = await clinic.hire()
        await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=doctor)
        wishes.append(await a_wish(clinic, doctor_id=doctor))

    answers = await asyncio.gather(*map(real.hold_slot, wishes))

    assert {answer.appointment.status for answer in answers} == {Status.HELD}


async def lapse(
    clinic: Clinic, appointment: Appointment, *, ago: timedelta = timedelta(seconds=10)
) -> None:
    await clinic.execute(
        "UPDATE schedules SET held_until = clock_timestamp() - CAST(:ago AS interval)"
        " WHERE id = :id",
        id=appointment.appointment_id,
        ago=ago,
    )
