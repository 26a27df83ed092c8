"""What the clinic keeps of its messages, and for how long."""

from uuid import UUID

import pytest
from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.forgetting import Forgetting
from adapters.postgres.database import Database
from adapters.postgres.imports import Report, find_import, note, stage, staged
from adapters.postgres.notifications import Notifications
from adapters.postgres.seeing import EVERYBODY
from adapters.postgres.transactions import serializable
from domain.actors import SYSTEM
from domain.imports import UNREAD_FROM_HERE, Kind
from tests.clinic_rows import Clinic, at, open_clinic
from tests.integration.audit_rows import Books
from tests.messages import an_event

REFUSED: dict[str, object] = {"line": 4, "reason": "starts_at: is missing"}


@pytest.fixture
async def books(scratch: Database) -> Books:
    return Books(clinic=await open_clinic(scratch))


async def told(books: Books, clock: str, *, days_ago: int, visit_is_over: bool = True) -> UUID:
    """A visit whose notice was written so many days ago."""
    clinic: Clinic = books.clinic
    appointment_id = await clinic.book(at(clock))
    event = an_event(appointment_id=appointment_id, doctor_id=clinic.doctor_id)
    await Notifications(clinic.database).tell_doctor(event)
    await clinic.execute(
        "UPDATE notifications SET created_at = created_at - make_interval(days => :days)"
        " WHERE appointment_id = :id",
        id=appointment_id,
        days=days_ago,
    )
    if visit_is_over:
        await clinic.execute(
            "UPDATE schedules SET status = 'completed', starts_at = starts_at - interval '9 years',"
            " ends_at = ends_at - interval '9 years' WHERE id = :id",
            id=appointment_id,
        )
    return appointment_id


async def a_file(books: Books, *, days_ago: int) -> UUID:
    """Of an import that began so many days ago, and goes on no more."""
    clinic = books.clinic
    import_id = await stage(
        clinic.database,
        clinic_id=clinic.id,
        kind=Kind.CSV,
        dry_run=False,
        content=b"Maria Ivanova",
        actor=SYSTEM,
    )
    await clinic.execute(
        "UPDATE imports SET created_at = created_at - make_interval(days => :days) WHERE id = :id",
        id=import_id,
        days=days_ago,
    )
    return import_id


async def forget(books: Books) -> int:
    forgetting = Forgetting(books.clinic.database)
    return await ActivityEnvironment().run(forgetting.forget_old_messages, 30)


async def remembered(books: Books) -> set[UUID]:
    async with books.clinic.database.connect() as connection:
        asked = {"doctor": books.clinic.doctor_id}
        rows = await connection.execute(
            text("SELECT appointment_id FROM notifications WHERE doctor_id = :doctor"), asked
        )
        return {row.appointment_id for row in rows}


async def test_what_is_older_than_it_may_be_is_forgotten(books: Books) -> None:
    old = await told(books, "09:00", days_ago=31)
    young = await told(books, "09:30", days_ago=29)

    assert await forget(books) == 1
    assert await forget(books) == 0
    assert await remembered(books) == {young} != {old}


@pytest.mark.parametrize(("days_ago", "is_kept"), [(31, False), (29, True)])
async def test_a_file_of_an_import_that_nobody_has_read_is_forgotten(
    books: Books,
    *,
    days_ago: int,
    is_kept: bool,
) -> None:
    """Its run never began, or was ended by force; people are named in it, who may be erased."""
    clinic = books.clinic
    import_id = await a_file(books, days_ago=days_ago)

    await forget(books)

    file = await staged(clinic.database, import_id)
    about = await find_import(clinic.database, import_id)
    assert (file.content is not None, about.done_at is None) == (is_kept, is_kept)


@pytest.mark.parametrize("rows_read", [0, 100])
async def test_the_report_of_a_file_that_was_not_read_to_its_end_says_so(
    books: Books, rows_read: int
) -> None:
    """The rows that were read stay counted."""
    import_id = await a_file(books, days_ago=31)
    before = Report(rows=rows_read, created=rows_read, refused=[REFUSED][:rows_read])
    await serializable(
        books.clinic.database,
        lambda cursor: note(cursor, import_id, before, rows_read),
        sees=EVERYBODY,
    )

    await forget(books)
    await forget(books)

    about = await find_import(books.clinic.database, import_id)
    assert about.report.refused[:-1] == before.refused
    assert about.report.refused[-1] == {"line": rows_read + 2, "reason": UNREAD_FROM_HERE}
    assert (about.report.rows, about.report.created) == (rows_read, rows_read)


async def test_the_record_of_a_visit_to_come_is_kept(books: Books) -> None:
    """Without it an event that is read again would be told again."""
    ahead = await told(books, "09:00", days_ago=400, visit_is_over=False)

    await forget(books)

    assert await remembered(books) == {ahead}


async def test_what_is_being_sent_or_in_doubt_is_kept(books: Books) -> None:
    sending = await told(books, "09:00", days_ago=31)
    doubted = await told(books, "09:30", days_ago=31)
    await books.clinic.execute(
        "UPDATE notifications SET status = 'sending' WHERE appointment_id = :id", id=sending
    )
    await books.clinic.execute(
        "INSERT INTO events_in_doubt (appointment_id, sequence, kind) VALUES (:id, 2, 'confirmed')",
        id=doubted,
    )

    await forget(books)

    assert await remembered(books) == {sending, doubted}


async def test_more_than_one_statement_deletes_are_forgotten(books: Books) -> None:
    appointment = await told(books, "09:00", days_ago=31)
    await books.clinic.execute(
        "INSERT INTO notifications (id, event_id, audience, channel, kind, status, appointment_id,"
        " doctor_id, starts_at, sequence, created_at) SELECT gen_random_uuid(), gen_random_uuid(),"
        " 'patient', 'email', 'confirmed', 'sent', appointment_id, doctor_id, starts_at, 2,"
        " created_at FROM notifications, generate_series(1, 1200) WHERE appointment_id = :id",
        id=appointment,
    )

    assert await forget(books) == 1201
