"""A shift that closes keeps its visits and takes no others, wherever a slot is looked for."""

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.appointments import Appointments
from activities.slots import Slots
from adapters.postgres.alternatives import free_alternatives
from adapters.postgres.days import DayBook
from adapters.redis.cached_day import decoded, encoded
from domain.booking import BookingRequest
from tests.builders import a_request
from tests.clinic_rows import DAY, Clinic, at, refused_by


@pytest.fixture
async def closing(clinic: Clinic) -> Clinic:
    """From nine to eleven the doctor's shift closes, from noon to one another is open."""
    await clinic.on_duty(at("12:00"), at("13:00"))
    await clinic.execute(
        "UPDATE shifts SET state = 'closing' WHERE doctor_id = :doctor AND during @> :nine",
        doctor=clinic.doctor_id,
        nine=at("09:00"),
    )
    return clinic


async def a_wish(clinic: Clinic, clock: str) -> BookingRequest:
    return a_request(
        patient_id=await clinic.patient(),
        doctor_id=clinic.doctor_id,
        clinic_id=clinic.id,
        starts_at=at(clock),
    )


async def refusal_of(clinic: Clinic, clock: str) -> str | None:
    """Why the slot cannot be held."""
    with pytest.raises(ApplicationError) as refused:
        await Slots(clinic.database).hold_slot(await a_wish(clinic, clock))
    return refused.value.type


async def test_a_closing_shift_takes_no_holds(closing: Clinic) -> None:
    slots = Slots(closing.database)

    assert await refusal_of(closing, "09:00") == "not_a_slot"
    await slots.hold_slot(await a_wish(closing, "12:00"))


async def test_a_hold_from_before_can_be_confirmed_and_its_shift_cannot_vanish(
    clinic: Clinic,
) -> None:
    request = await a_wish(clinic, "09:00")
    await Slots(clinic.database).hold_slot(request)
    await clinic.execute(
        "UPDATE shifts SET state = 'closing' WHERE doctor_id = :doctor", doctor=clinic.doctor_id
    )

    await Appointments(clinic.database).confirm_appointment(request)

    delete = clinic.execute("DELETE FROM shifts WHERE doctor_id = :id", id=clinic.doctor_id)
    assert await refused_by(delete) == "schedules_in_shift"


async def test_the_day_shows_what_is_taken_of_a_closing_shift_and_nothing_free(
    closing: Clinic,
) -> None:
    await closing.book(at("09:00"))
    await closing.hold(at("09:30"), lasts=timedelta(minutes=10))
    book = DayBook(closing.database)

    fresh = await book.day(closing.doctor_id, DAY)
    cached = decoded(
        encoded(fresh.day), closing.doctor_id, DAY, await book.version(closing.doctor_id, DAY)
    )

    shown = [(slot.starts_at, slot.state.value) for slot in fresh.day.at(fresh.now).slots]
    later = [slot.starts_at for slot in fresh.day.at(fresh.now + timedelta(minutes=11)).slots]
    assert shown == [
        (at("09:00"), "booked"),
        (at("09:30"), "held"),
        (at("12:00"), "free"),
        (at("12:30"), "free"),
    ]
    assert later == [at("09:00"), at("12:00"), at("12:30")]
    assert cached is not None
    for after in (timedelta(0), timedelta(minutes=11)):
        assert cached.at(fresh.now + after) == fresh.day.at(fresh.now + after)


async def test_a_shift_that_begins_to_close_gives_the_day_another_version(clinic: Clinic) -> None:
    book = DayBook(clinic.database)
    before = await book.version(clinic.doctor_id, DAY)

    await clinic.execute(
        "UPDATE shifts SET state = 'closing' WHERE doctor_id = :doctor", doctor=clinic.doctor_id
    )

    assert (await book.version(clinic.doctor_id, DAY)).version != before.version


async def test_no_slot_of_a_closing_shift_is_offered_instead(closing: Clinic) -> None:
    async with closing.database.connect() as connection:
        offered = await free_alternatives(
            connection,
            patient_id=await closing.patient(),
            doctor_id=closing.doctor_id,
            starts_at=at("10:00"),
        )

    assert [offer.starts_at for offer in offered] == [at("12:00"), at("12:30")]


async def test_a_patient_who_has_arrived_is_seen_by_the_rules_and_by_the_day(
    clinic: Clinic,
) -> None:
    await clinic.becomes(await clinic.book(at("09:00")), "arrived")

    taken = await refusal_of(clinic, "09:00")

    fresh = await DayBook(clinic.database).day(clinic.doctor_id, DAY)
    assert taken == "slot_taken"
    assert fresh.day.at(fresh.now).slots[0].state.value == "booked"
