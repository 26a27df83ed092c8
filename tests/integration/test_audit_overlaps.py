"""Overlaps that the audit finds once somebody has dropped the rules that make them impossible."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from adapters.postgres.database import Database
from adapters.postgres.overlaps import find_overlaps
from tests.clinic_rows import at, open_clinic
from tests.integration.audit_rows import Books


@pytest.fixture
async def books(scratch: Database) -> Books:
    kept = Books(clinic=await open_clinic(scratch))
    await kept.nothing_yet()
    return kept


@pytest.fixture
async def unruled(books: Books) -> AsyncIterator[Books]:
    """Somebody has dropped the rules that make overlaps impossible."""
    rules = ("schedules_doctor_free", "practitioner_id"), ("schedules_patient_free", "patient_id")
    for name, _ in rules:
        await books.clinic.execute(f"ALTER TABLE schedules DROP CONSTRAINT {name}")
    for _, column in rules:
        await books.clinic.execute(
            f"CREATE INDEX unruled_{column} ON schedules USING gist ({column}, occupies, visit_id)"
        )
    yield books
    await books.nothing_yet()
    for name, column in rules:
        await books.clinic.execute(f"DROP INDEX unruled_{column}")
        await books.clinic.execute(
            f"ALTER TABLE schedules ADD CONSTRAINT {name} EXCLUDE USING gist"
            f" ({column} WITH =, occupies WITH &&, visit_id WITH <>)"
        )


async def test_visits_side_by_side_do_not_overlap(books: Books) -> None:
    for clock in ("09:00", "09:30", "10:00"):
        await books.confirmed(clock)

    assert (await find_overlaps(books.clinic.database)).count == 0


async def test_two_visits_of_one_doctor_at_one_time_are_found_until_they_are_mended(
    unruled: Books,
) -> None:
    first, second = await unruled.confirmed("09:00"), await unruled.confirmed("09:10")

    found, again = [await find_overlaps(unruled.clinic.database) for _ in range(2)]
    await unruled.clinic.becomes(second, "cancelled")
    mended = await find_overlaps(unruled.clinic.database)

    [pair] = found.first
    assert {pair.appointment_id, pair.other_id} == {first, second}
    assert (found.count, again.count, mended.count) == (1, 1, 0)


async def test_progress_from_a_clock_that_was_fast_hides_no_overlap(unruled: Books) -> None:
    await unruled.clinic.execute(
        "UPDATE audit_progress SET swept_until = clock_timestamp() + interval '1 hour'"
    )
    for clock in ("09:00", "09:10"):
        await unruled.confirmed(clock, ago=timedelta(minutes=20))

    assert (await find_overlaps(unruled.clinic.database)).count == 1


async def test_one_patient_at_two_doctors_at_one_time_is_found(unruled: Books) -> None:
    patient, colleague = await unruled.clinic.patient(), await unruled.clinic.hire()
    await unruled.clinic.on_duty(at("09:00"), at("11:00"), doctor_id=colleague)
    await unruled.clinic.hold(at("09:00"), patient_id=patient)
    await unruled.clinic.hold(at("09:29"), patient_id=patient, doctor_id=colleague)

    assert (await find_overlaps(unruled.clinic.database)).count == 1


async def test_what_is_over_overlaps_nothing(unruled: Books) -> None:
    await unruled.confirmed("09:00")
    await unruled.held("09:00", lasts=timedelta(seconds=-1))
    await unruled.clinic.becomes(await unruled.confirmed("09:10"), "cancelled")

    assert (await find_overlaps(unruled.clinic.database)).count == 0


async def test_an_overlap_with_an_old_visit_is_found_by_the_new_one(unruled: Books) -> None:
    old = await unruled.confirmed("09:00", ago=timedelta(days=30))
    await find_overlaps(unruled.clinic.database)
    new = await unruled.confirmed("09:00", ago=timedelta(0))

    [pair] = (await find_overlaps(unruled.clinic.database)).first

    assert {pair.appointment_id, pair.other_id} == {old, new}


async def test_a_row_that_brings_an_old_date_along_is_given_todays(unruled: Books) -> None:
    """Copied from another row, say: the audit goes by when a row was written."""
    visit = await unruled.confirmed("09:00", ago=timedelta(days=30))
    await find_overlaps(unruled.clinic.database)
    await unruled.clinic.execute(
        "INSERT INTO schedules (id, visit_id, patient_id, doctor_id, starts_at, ends_at, status,"
        " confirmed_at, created_at, updated_at) SELECT :copy, :copy, patient_id, doctor_id,"
        " starts_at, ends_at, status, confirmed_at, created_at, updated_at"
        " FROM schedules WHERE id = :id",
        id=visit,
        copy=uuid4(),
    )

    assert (await find_overlaps(unruled.clinic.database)).count == 1
