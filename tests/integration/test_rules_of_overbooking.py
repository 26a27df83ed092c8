"""On top of others only with the mark, whoever writes: these tests speak SQL, too."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.clinic_rows import Clinic, assert_accepted, at, refused_by


async def overbook(
    clinic: Clinic,
    clock: str,
    *,
    status: str = "confirmed",
    held_until: datetime = datetime(2030, 1, 1, tzinfo=UTC),
    patient_id: UUID | None = None,
) -> UUID:
    """As reception does it: with the mark."""
    appointment_id = uuid4()
    await clinic.execute(
        "INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status, held_until,"
        " overbook) VALUES (:id, :patient, :doctor, :start, :end, :status, :until, true)",
        id=appointment_id,
        patient=patient_id or await clinic.patient(),
        doctor=clinic.doctor_id,
        start=at(clock),
        end=at(clock) + timedelta(minutes=30),
        status=status,
        until=held_until,
    )
    return appointment_id


async def test_a_marked_visit_may_stand_on_top_of_others(clinic: Clinic) -> None:
    await clinic.book(at("09:00"))

    await assert_accepted(overbook(clinic, "09:10"))
    await assert_accepted(overbook(clinic, "09:10"))


@pytest.mark.parametrize("status", ["held", "confirmed", "arrived"])
async def test_an_unmarked_visit_cannot_come_on_top_of_a_marked_one(
    clinic: Clinic, status: str
) -> None:
    await overbook(clinic, "09:00", status=status)

    assert await refused_by(clinic.hold(at("09:10"))) == "schedules_doctor_free"


async def test_a_marked_hold_that_lapsed_is_in_nobodys_way(clinic: Clinic) -> None:
    await overbook(clinic, "09:00", status="held", held_until=datetime(2020, 1, 1, tzinfo=UTC))

    await assert_accepted(clinic.hold(at("09:10")))


async def test_a_visit_goes_on_when_a_marked_one_has_come_on_top_of_it(clinic: Clinic) -> None:
    hold = await clinic.hold(at("09:00"))
    await overbook(clinic, "09:10")

    for status in ("confirmed", "arrived", "confirmed"):
        await assert_accepted(clinic.becomes(hold, status))


async def test_a_mark_cannot_be_taken_off_where_it_is_needed(clinic: Clinic) -> None:
    await clinic.book(at("09:00"))
    marked = await overbook(clinic, "09:10")
    lone = await overbook(clinic, "10:00")
    unmark = "UPDATE schedules SET overbook = false WHERE id = :id"

    refused = await refused_by(clinic.execute(unmark, id=marked))
    await clinic.execute(unmark, id=lone)

    assert refused == "schedules_doctor_free"


async def test_an_unmarked_visit_cannot_be_moved_on_top_of_a_marked_one(clinic: Clinic) -> None:
    visit = await clinic.book(at("10:00"))
    await overbook(clinic, "09:00")

    moved = clinic.execute(
        "UPDATE schedules SET starts_at = :start, ends_at = :end WHERE id = :id",
        id=visit,
        start=at("09:10"),
        end=at("09:40"),
    )

    assert await refused_by(moved) == "schedules_doctor_free"


async def test_no_mark_lets_a_patient_be_at_two_doctors_at_once(clinic: Clinic) -> None:
    patient, colleague = await clinic.patient(), await clinic.hire()
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=colleague)
    await clinic.hold(at("09:00"), patient_id=patient, doctor_id=colleague)

    marked = overbook(clinic, "09:10", patient_id=patient)

    assert await refused_by(marked) == "schedules_patient_free"


async def test_no_mark_lets_a_visit_be_outside_every_shift(clinic: Clinic) -> None:
    assert await refused_by(overbook(clinic, "12:00")) == "schedules_in_shift"
