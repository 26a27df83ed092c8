"""What the database refuses, whoever writes: these tests speak SQL, not the product's code."""

from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text

from tests.clinic_rows import Clinic, assert_accepted, at, refused_by

NO_SHIFTS = "DELETE FROM shifts WHERE doctor_id = :doctor"
ANOTHER_ROW = """
INSERT INTO schedules (id, visit_id, patient_id, doctor_id, starts_at, ends_at, status, held_until)
SELECT gen_random_uuid(), visit_id, patient_id, doctor_id, starts_at + interval '10 minutes',
    ends_at + interval '10 minutes', :status, held_until
FROM schedules WHERE id = :id
"""


async def versions(clinic: Clinic, appointment_id: UUID) -> tuple[int | None, int | None]:
    """Of the confirmation and of the cancellation."""
    async with clinic.database.connect() as connection:
        found = await connection.execute(
            text("SELECT confirmed_version, cancelled_version FROM schedules WHERE id = :id"),
            {"id": appointment_id},
        )
        confirmed, cancelled = found.one()
    return confirmed, cancelled


async def test_a_doctor_cannot_have_two_visits_that_overlap_by_a_minute(clinic: Clinic) -> None:
    await clinic.book(at("09:00"))

    assert await refused_by(clinic.book(at("09:29"))) == "schedules_doctor_free"
    await clinic.book(at("09:30"))


async def test_the_same_practitioner_at_another_desk_is_the_same_doctor(clinic: Clinic) -> None:
    person = uuid4()
    here, there = [await clinic.hire(practitioner_id=person) for _ in range(2)]
    for desk in (here, there):
        await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=desk)
    await clinic.book(at("09:00"), doctor_id=here)

    assert await refused_by(clinic.book(at("09:10"), doctor_id=there)) == "schedules_doctor_free"


async def test_a_patient_cannot_be_at_two_doctors_at_once(clinic: Clinic) -> None:
    patient, colleague = await clinic.patient(), await clinic.hire()
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=colleague)
    await clinic.hold(at("09:00"), patient_id=patient)

    twice = clinic.hold(at("09:29"), doctor_id=colleague, patient_id=patient)

    assert await refused_by(twice) == "schedules_patient_free"


async def test_a_cancelled_visit_is_in_nobodys_way(clinic: Clinic) -> None:
    cancelled = await clinic.book(at("09:00"))
    await clinic.becomes(cancelled, "cancelled")

    assert await clinic.book(at("09:10")) != cancelled


async def test_a_visit_outside_every_shift_is_refused(clinic: Clinic) -> None:
    assert await refused_by(clinic.book(at("10:31"))) == "schedules_in_shift"


async def test_a_shift_under_a_live_visit_cannot_vanish(clinic: Clinic) -> None:
    visit = await clinic.book(at("09:00"))

    refused = await refused_by(clinic.execute(NO_SHIFTS, doctor=clinic.doctor_id))
    await clinic.becomes(visit, "cancelled")
    await clinic.execute(NO_SHIFTS, doctor=clinic.doctor_id)

    assert refused == "schedules_in_shift"


async def test_two_shifts_of_one_doctor_cannot_overlap(clinic: Clinic) -> None:
    assert await refused_by(clinic.on_duty(at("10:59"), at("12:00"))) == "shifts_pkey"


async def test_an_offer_may_overlap_the_visit_it_would_replace(clinic: Clinic) -> None:
    visit = await clinic.book(at("09:00"))

    await assert_accepted(clinic.execute(ANOTHER_ROW, id=visit, status="held"))


@pytest.mark.parametrize("status", ["confirmed", "arrived"])
async def test_a_visit_has_one_row_that_stands(clinic: Clinic, status: str) -> None:
    visit = await clinic.book(at("09:00"))

    second = clinic.execute(ANOTHER_ROW, id=visit, status=status)

    assert await refused_by(second) == "schedules_visit_once"


async def test_a_visit_has_one_row_that_is_held(clinic: Clinic) -> None:
    visit = await clinic.hold(at("09:00"))

    second = clinic.execute(ANOTHER_ROW, id=visit, status="held")

    assert await refused_by(second) == "schedules_visit_once"


async def test_an_offer_cannot_be_confirmed_beside_the_visit_it_replaces(clinic: Clinic) -> None:
    visit = await clinic.book(at("09:00"))
    await clinic.execute(ANOTHER_ROW, id=visit, status="held")

    confirmed = clinic.execute(
        "UPDATE schedules SET status = 'confirmed' WHERE visit_id = :id AND id <> :id", id=visit
    )

    assert await refused_by(confirmed) == "schedules_visit_once"


async def test_a_patient_who_has_arrived_still_has_the_slot(clinic: Clinic) -> None:
    visit = await clinic.book(at("09:00"))
    await clinic.becomes(visit, "arrived")

    assert await refused_by(clinic.book(at("09:10"))) == "schedules_doctor_free"
    assert await refused_by(clinic.execute(NO_SHIFTS, doctor=clinic.doctor_id)) == (
        "schedules_in_shift"
    )


@pytest.mark.parametrize("status", ["completed", "no_show"])
async def test_a_visit_that_is_over_is_in_nobodys_way(clinic: Clinic, status: str) -> None:
    await clinic.becomes(await clinic.book(at("09:00")), status)

    await assert_accepted(clinic.book(at("09:10")))


# Who makes way.

MARK = """
UPDATE schedules SET overbook = true
WHERE id = :id AND set_config('priyom.makes_way', :who, true) IS NOT NULL
"""


async def test_nobody_is_marked_unseen_by_saying_that_they_make_way(clinic: Clinic) -> None:
    visit = await clinic.book(at("09:00"))

    assert await refused_by(clinic.execute(MARK, id=visit, who=str(visit))) == "schedules_made_way"
    assert await version_of(clinic, visit) == 2


async def test_a_change_of_another_than_who_makes_way_is_counted(clinic: Clinic) -> None:
    visit = await clinic.book(at("09:00"))

    await assert_accepted(clinic.execute(MARK, id=visit, who=str(uuid4())))

    assert await version_of(clinic, visit) == 3


async def version_of(clinic: Clinic, appointment_id: UUID) -> int:
    async with clinic.database.connect() as connection:
        found = await connection.scalar(
            text("SELECT version FROM schedules WHERE id = :id"), {"id": appointment_id}
        )
    return int(found)


# Shifts.


async def test_a_shift_is_cut_around_its_visit_in_one_transaction(clinic: Clinic) -> None:
    await clinic.book(at("09:30"))
    async with clinic.database.lend() as connection, connection.transaction():
        await connection.execute("SET CONSTRAINTS schedules_in_shift DEFERRED")
        await connection.execute("DELETE FROM shifts WHERE doctor_id = %s", [clinic.doctor_id])
        await connection.execute(
            "INSERT INTO shifts (doctor_id, during) VALUES (%s, tstzrange(%s, %s))",
            [clinic.doctor_id, at("09:30"), at("10:00")],
        )

    assert await refused_by(clinic.book(at("10:00"))) == "schedules_in_shift"


async def test_a_shift_is_open_or_closing(clinic: Clinic) -> None:
    close = "UPDATE shifts SET state = :state WHERE doctor_id = :doctor"

    await clinic.execute(close, doctor=clinic.doctor_id, state="closing")

    assert await refused_by(clinic.execute(close, doctor=clinic.doctor_id, state="shut")) == (
        "shifts_state"
    )


# What the row keeps of its changes, whoever makes them.


async def test_a_row_keeps_the_versions_of_its_confirmation_and_of_its_cancellation(
    clinic: Clinic,
) -> None:
    visit = await clinic.hold(at("09:00"))
    for status in ("confirmed", "arrived", "confirmed", "cancelled", "cancelled"):
        await clinic.execute(
            "UPDATE schedules SET status = :status, version = version + 1 WHERE id = :id",
            id=visit,
            status=status,
        )

    assert await versions(clinic, visit) == (2, 5)


async def test_a_hold_that_was_given_up_keeps_neither(clinic: Clinic) -> None:
    hold = await clinic.hold(at("09:00"))
    await clinic.becomes(hold, "cancelled")

    assert await versions(clinic, hold) == (None, None)


async def test_nobody_else_may_overlap_a_visit_under_its_name(clinic: Clinic) -> None:
    visit = await clinic.book(at("09:00"))

    stolen = clinic.execute(
        "INSERT INTO schedules (id, visit_id, patient_id, doctor_id, starts_at, ends_at, status,"
        " held_until) SELECT gen_random_uuid(), visit_id, :other, doctor_id,"
        " starts_at + interval '10 minutes', ends_at + interval '10 minutes', 'held', held_until"
        " FROM schedules WHERE id = :id",
        id=visit,
        other=await clinic.patient(),
    )

    assert await refused_by(stolen) == "schedules_visit"


async def test_every_change_of_a_row_takes_a_new_revision(clinic: Clinic) -> None:
    visit = await clinic.hold(at("09:00"))
    before = await revision(clinic, visit)

    await clinic.becomes(visit, "confirmed")

    assert await revision(clinic, visit) > before


async def test_the_doctors_clinic_and_person_cannot_be_written_wrong(clinic: Clinic) -> None:
    elsewhere = uuid4()
    await clinic.execute(
        "INSERT INTO clinics (id, name, address, time_zone) VALUES (:id, 'B', 'C', 'UTC')",
        id=elsewhere,
    )

    await clinic.execute(
        "INSERT INTO schedules (id, patient_id, doctor_id, practitioner_id, clinic_id, starts_at,"
        " ends_at, status, held_until) VALUES (gen_random_uuid(), :patient, :doctor, :wrong,"
        " :clinic, :start, :end, 'held', :end)",
        patient=await clinic.patient(),
        doctor=clinic.doctor_id,
        wrong=uuid4(),
        clinic=elsewhere,
        start=at("09:00"),
        end=at("09:30"),
    )

    assert await refused_by(clinic.book(at("09:10"))) == "schedules_doctor_free"


async def test_a_doctor_who_turns_out_to_be_another_person_takes_the_visits_along(
    clinic: Clinic,
) -> None:
    person, other = uuid4(), uuid4()
    here = await clinic.hire(practitioner_id=person)
    there = await clinic.hire(practitioner_id=other)
    for desk in (here, there):
        await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=desk)
    await clinic.book(at("09:00"), doctor_id=here)
    become = "UPDATE doctors SET practitioner_id = :person WHERE id = :doctor"

    await clinic.execute(become, person=other, doctor=here)

    assert await refused_by(clinic.book(at("09:10"), doctor_id=there)) == "schedules_doctor_free"
    assert await refused_by(clinic.book(at("09:10"), doctor_id=here)) == "schedules_doctor_free"


async def test_a_clinic_needs_a_time_zone_that_exists(clinic: Clinic) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        await clinic.execute(
            "UPDATE clinics SET time_zone = 'Mars/Olympus' WHERE id = :id", id=clinic.id
        )


async def revision(clinic: Clinic, appointment_id: UUID) -> int:
    async with clinic.database.connect() as connection:
        found = await connection.scalar(
            text("SELECT revision FROM schedules WHERE id = :id"), {"id": appointment_id}
        )
    assert isinstance(found, int)
    return found
