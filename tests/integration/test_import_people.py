"""Whom the rows of a file are about, and what a row that differs may change of them."""

from datetime import datetime

import pytest
from sqlalchemy import text

from activities.imports import ROWS_AT_ONCE
from tests.clinic_rows import Clinic, at
from tests.integration.import_office import Office, a_row, counted


@pytest.fixture
async def office(clinic: Clinic) -> Office:
    return Office(clinic)


async def test_a_patient_of_an_earlier_file_is_found_by_either_contact(office: Office) -> None:
    anna = {"patient_name": "Anna", "patient_email": "Anna@example.org"}
    await office.take(office.file(a_row(1, **anna, patient_phone="+79165550001")))
    await office.take(
        office.file(
            a_row(
                2,
                "09:30",
                "10:00",
                patient_name="ANNA",
                patient_email="anna@EXAMPLE.org",
                patient_phone="",
            ),
            a_row(3, "10:00", "10:30", patient_name="Anna", patient_phone="+79165550001"),
            a_row(4, "10:30", "11:00", patient_name="Anna", patient_phone="+79165550002"),
            a_row(5, "11:00", "11:30", patient_name="Olga", patient_phone="+79165550001"),
        )
    )

    first, by_email, by_phone, other_phone, other_name = [
        each["patient_id"] for each in await office.visits()
    ]
    assert first == by_email == by_phone
    assert len({first, other_phone, other_name}) == 3


async def test_a_new_person_is_found_by_either_contact_in_the_rows_that_follow(
    office: Office,
) -> None:
    both = {"patient_phone": "+79165550001", "patient_email": "a@x.ru"}
    file = office.file(
        a_row(1, "09:00", "09:30", patient_name="Алёна", **both),
        a_row(2, "09:30", "10:00", patient_name="Алёна", patient_phone="8 916 555-00-01"),
        a_row(3, "10:00", "10:30", patient_name="АЛЕНА", patient_phone="", patient_email="A@x.ru"),
        a_row(4, "10:30", "11:00", patient_name="Алёна", patient_phone="+79165550002"),
        a_row(5, "11:00", "11:30", patient_name="Ольга", **both),
    )

    rehearsed = await office.take(file, dry_run=True)
    imported = await office.take(file)

    assert rehearsed.report == imported.report
    first, by_phone, by_email, other_phone, other_name = [
        each["patient_id"] for each in await office.visits()
    ]
    assert first == by_phone == by_email
    assert len({first, other_phone, other_name}) == 3


async def test_a_new_person_is_found_by_either_contact_however_far_the_rows_are_apart(
    office: Office,
) -> None:
    """A dry run, which writes nobody, says the same."""
    other = str(await office.clinic.hire(specialty="dentist"))
    kim = {"doctor": str(office.clinic.doctor_id)}
    between = [
        a_row(nth, starts_at=f"2030-02-{nth:02}T09:00", ends_at=f"2030-02-{nth:02}T09:30", **kim)
        for nth in range(2, ROWS_AT_ONCE + 2)
    ]
    file = office.file(
        a_row(1, **kim, patient_email="a@x.ru"),
        *between,
        a_row(90, doctor=other, patient_name="PATIENT 1", patient_phone="+79160000001"),
        a_row(91, doctor=other, patient_name="Patient 1", patient_phone="", patient_email="A@X.ru"),
    )

    rehearsed = await office.take(file, dry_run=True)
    imported = await office.take(file)

    reason = "the patient has another appointment then"
    assert [each["reason"] for each in rehearsed.report.refused] == [reason, reason]
    assert rehearsed.report == imported.report


MOVE = "UPDATE schedules SET starts_at = :at, ends_at = :until WHERE id = :id"


async def moved_here(office: Office) -> datetime:
    """The first visit, half an hour later than a file had it."""
    first, *_ = await office.visits()
    await office.clinic.execute(MOVE, id=first["id"], at=at("09:30"), until=at("10:00"))
    return at("09:30")


async def test_a_contact_that_was_added_is_kept_and_the_visit_stays_where_it_was_moved(
    office: Office,
) -> None:
    await office.take(office.file(a_row(1, patient_phone=""), a_row(2, "10:00", "10:30")))
    moved = await moved_here(office)
    file = office.file(
        a_row(1, patient_phone="+79165550001", patient_email="a@x.ru"),
        a_row(2, "10:00", "10:30", patient_phone="", patient_email="b@x.ru"),
    )

    rehearsed = await office.take(file, dry_run=True)
    imported = await office.take(file)
    again = await office.take(file)

    assert rehearsed.report == imported.report
    assert (counted(imported), counted(again)) == ((0, 2, 0, 0), (0, 0, 2, 0))
    first, second = await office.visits()
    assert (first["starts_at"], first["phone"], first["email"]) == (moved, "+79165550001", "a@x.ru")
    assert (second["phone"], second["email"]) == ("+79160000002", "b@x.ru")


@pytest.mark.parametrize(
    "corrected",
    [{"patient_name": "Olga", "patient_email": "o@x.ru"}, {"patient_phone": "+79165550009"}],
)
async def test_a_row_of_another_name_or_number_leaves_record_and_visit_as_they_are_here(
    office: Office, corrected: dict[str, str]
) -> None:
    await office.take(office.file(a_row(1)))
    await moved_here(office)
    before = await office.visits()

    imported = await office.take(office.file(a_row(1, **corrected)))

    assert counted(imported) == (0, 0, 1, 0)
    assert await office.visits() == before


async def test_a_row_of_another_contact_and_another_time_changes_both(office: Office) -> None:
    await office.take(office.file(a_row(1)))
    await office.take(office.file(a_row(1, "10:00", "10:30", patient_email="a@x.ru")))

    [visit] = await office.visits()
    assert (visit["starts_at"], visit["email"]) == (at("10:00"), "a@x.ru")


async def test_a_contact_is_kept_also_where_another_row_of_the_patient_has_none(
    office: Office,
) -> None:
    anna = {"patient_name": "Anna", "patient_phone": "+79160000001"}
    await office.take(office.file(a_row(1, **anna), a_row(2, "10:00", "10:30", **anna)))

    await office.take(
        office.file(
            a_row(1, **anna, patient_email="a@x.ru"),
            a_row(2, "10:00", "10:30", **anna | {"patient_phone": ""}),
        )
    )

    assert [each["email"] for each in await office.visits()] == ["a@x.ru", "a@x.ru"]


async def test_a_row_that_the_build_before_read_last_has_the_time_of_the_file(
    office: Office,
) -> None:
    """It knows no digest of the visit alone, and leaves the one of a row before in its place."""
    await office.take(office.file(a_row(1)))
    await office.clinic.execute(
        "UPDATE imported SET digest = 'another' WHERE appointment_id IN"
        " (SELECT id FROM schedules WHERE clinic_id = :id)",
        id=office.clinic.id,
    )
    await moved_here(office)

    imported = await office.take(office.file(a_row(1)))

    assert counted(imported) == (0, 1, 0, 0)
    [visit] = await office.visits()
    assert visit["starts_at"] == at("09:00")


async def test_a_visit_that_the_build_before_imported_stays_once_its_row_was_read_again(
    office: Office,
) -> None:
    await office.take(office.file(a_row(1)))
    await office.clinic.execute(
        "UPDATE imported SET visit_digest = NULL WHERE appointment_id IN"
        " (SELECT id FROM schedules WHERE clinic_id = :id)",
        id=office.clinic.id,
    )

    read_again = await office.take(office.file(a_row(1)))
    moved = await moved_here(office)
    imported = await office.take(office.file(a_row(1, patient_email="a@x.ru")))

    assert (counted(read_again), counted(imported)) == ((0, 0, 1, 0), (0, 1, 0, 0))
    [visit] = await office.visits()
    assert (visit["starts_at"], visit["email"]) == (moved, "a@x.ru")


async def test_a_contact_that_a_later_row_adds_is_kept_for_a_patient_who_is_known(
    office: Office,
) -> None:
    await office.take(office.file(a_row(1)))
    await office.take(
        office.file(
            a_row(2, "09:30", "10:00", patient_name="Patient 1", patient_phone="+79160000001"),
            a_row(3, "10:00", "10:30", patient_name="Patient 1", patient_phone="+79160000001")
            | {"patient_email": "a@x.ru"},
            a_row(4, "10:30", "11:00", patient_name="Patient 1", patient_phone="")
            | {"patient_email": "a@x.ru"},
        )
    )

    assert {(each["phone"], each["email"]) for each in await office.visits()} == {
        ("+79160000001", "a@x.ru")
    }
    assert len({each["patient_id"] for each in await office.visits()}) == 1


async def test_a_visit_that_was_moved_here_is_announced_though_a_row_adds_a_contact(
    office: Office,
) -> None:
    """The version up to which the other system has told whom it had to stays as it was."""
    asked = text(
        "SELECT i.version FROM imported i JOIN schedules s ON s.id = i.appointment_id"
        " WHERE s.clinic_id = :id"
    )

    async def told() -> int:
        async with office.database.connect() as connection:
            found = await connection.execute(asked, {"id": office.clinic.id})
            return int(found.scalar_one())

    await office.take(office.file(a_row(1)))
    before = await told()
    await moved_here(office)

    await office.take(office.file(a_row(1, patient_email="a@x.ru")))

    assert await told() == before
