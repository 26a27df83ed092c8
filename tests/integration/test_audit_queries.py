"""What the audit finds in the database and what it leaves alone; a database of its own."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters import audit
from adapters.audit import Doubt
from domain.audit import AuditOrder
from domain.booking import Status
from domain.events import EventType, event_id
from tests.clinic_rows import at, open_clinic
from tests.integration.audit_rows import Books, scratch_database

ORDER = AuditOrder(settled_after_seconds=15)
JUST_NOW = timedelta(seconds=5)


@pytest.fixture(scope="module")
async def scratch(clinic_engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    async with scratch_database(clinic_engine) as engine:
        yield engine


@pytest.fixture
async def books(scratch: AsyncEngine) -> Books:
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


async def doubts(books: Books) -> list[Doubt]:
    return await audit.doubtful_events(books.clinic.engine, ORDER)


# Holds past their deadline.


async def test_a_hold_past_its_deadline_is_expired_and_its_version_moves(books: Books) -> None:
    hold = await books.held("09:00", lasts=timedelta(seconds=-6))

    found = await audit.expire_lapsed_holds(books.clinic.engine)
    again = await audit.expire_lapsed_holds(books.clinic.engine)

    row = await books.row(hold)
    assert (row["status"], row["version"]) == ("expired", 2)
    assert [(each.appointment_id, each.doctor_id) for each in found] == [
        (hold, books.clinic.doctor_id)
    ]
    assert again == []


async def test_a_hold_that_lapsed_a_moment_ago_is_left_to_its_run(books: Books) -> None:
    hold = await books.held("09:00", lasts=timedelta(seconds=-3))

    assert await audit.expire_lapsed_holds(books.clinic.engine) == []
    assert (await books.row(hold))["status"] == "held"


# Open holds.


async def test_an_open_hold_is_looked_at_once_it_is_old_enough(books: Books) -> None:
    old = await books.held("09:00")
    await books.clinic.hold(at("09:30"))
    await books.held("10:00", lasts=timedelta(seconds=-1))

    found = await audit.open_holds(books.clinic.engine, ORDER)

    assert [hold.touched.appointment_id for hold in found] == [old]


async def test_a_hold_that_was_confirmed_meanwhile_is_not_given_back(books: Books) -> None:
    hold = await books.held("09:00")
    [seen] = await audit.open_holds(books.clinic.engine, ORDER)
    await books.clinic.execute(
        "UPDATE schedules SET status = 'confirmed', version = version + 1 WHERE id = :id", id=hold
    )

    assert not await audit.give_back(books.clinic.engine, seen)
    assert (await books.row(hold))["status"] == "confirmed"


async def test_a_hold_is_given_back_once(books: Books) -> None:
    hold = await books.held("09:00")
    [seen] = await audit.open_holds(books.clinic.engine, ORDER)

    once, again = [await audit.give_back(books.clinic.engine, seen) for _ in range(2)]

    assert (once, again) == (True, False)
    assert (await books.row(hold))["status"] == "expired"


# Events.


async def test_a_visit_whose_event_nobody_received_is_in_doubt_until_somebody_did(
    books: Books,
) -> None:
    visit = await books.confirmed("09:00")

    [doubt] = await doubts(books)
    await books.received(visit, 2)

    assert doubt.event.event_id == event_id(visit, 2, EventType.CONFIRMED)
    assert doubt.event.status is Status.CONFIRMED
    assert await doubts(books) == []


async def test_a_visit_whose_event_was_received_is_never_in_doubt(books: Books) -> None:
    await books.received(await books.confirmed("09:00"), 2)

    assert await doubts(books) == []
    assert await books.rows("SELECT FROM events_in_doubt") == []


async def test_the_notice_of_another_kind_or_version_is_no_sign(books: Books) -> None:
    visit = await books.confirmed("09:00")
    await books.received(visit, 2, kind="cancelled")
    await books.received(visit, 1)

    assert len(await doubts(books)) == 1


async def test_a_visit_that_was_confirmed_a_moment_ago_is_left_to_its_run(books: Books) -> None:
    await books.confirmed("09:00", ago=JUST_NOW)

    assert await doubts(books) == []


async def test_a_cancelled_visit_has_two_events_of_two_versions(books: Books) -> None:
    visit = await books.cancelled("09:00")

    found = {doubt.event.type: doubt.event for doubt in await doubts(books)}

    assert found[EventType.CONFIRMED].event_id == event_id(visit, 2, EventType.CONFIRMED)
    assert found[EventType.CONFIRMED].status is Status.CONFIRMED
    assert found[EventType.CANCELLED].event_id == event_id(visit, 3, EventType.CANCELLED)
    assert found[EventType.CANCELLED].time > found[EventType.CONFIRMED].time


async def test_a_hold_that_was_given_up_or_lapsed_has_no_event(books: Books) -> None:
    for clock, status in (("09:00", "cancelled"), ("09:30", "expired")):
        hold = await books.held(clock)
        await books.clinic.becomes(hold, status)
        await books.turn_back(hold)

    assert await doubts(books) == []


async def test_a_doubt_that_is_settled_does_not_come_back_with_the_next_sweep(
    books: Books,
) -> None:
    await books.confirmed("09:00", ago=timedelta(minutes=2))
    [doubt] = await doubts(books)

    await audit.settle(books.clinic.engine, doubt)

    assert await doubts(books) == []


async def test_a_doubt_stays_however_far_the_sweep_has_gone(books: Books) -> None:
    await books.confirmed("09:00", ago=timedelta(hours=23))
    await doubts(books)
    await books.clinic.execute("UPDATE audit_progress SET swept_until = clock_timestamp()")

    assert len(await doubts(books)) == 1


async def test_a_change_that_commits_late_is_still_seen(books: Books) -> None:
    """Its instant lies before the place to which the last sweep has come."""
    await books.received(await books.confirmed("09:00", ago=timedelta(seconds=20)), 2)
    await doubts(books)
    await books.confirmed("09:30", ago=timedelta(seconds=90))

    assert len(await doubts(books)) == 1


async def test_what_is_older_than_a_day_is_not_looked_for(books: Books) -> None:
    await books.confirmed("09:00", ago=timedelta(hours=25))

    assert await doubts(books) == []


async def test_one_that_cannot_be_settled_does_not_stand_before_the_others(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "DOUBTS_LOOKED_AT", 1)
    both = {await books.confirmed("09:00"), await books.confirmed("09:30")}

    seen = [(await doubts(books))[0].appointment.appointment_id for _ in range(4)]

    assert set(seen[:2]) == set(seen[2:]) == both


async def test_many_changes_are_swept_in_batches_and_none_is_passed_by(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "CHANGES_SWEPT", 1)
    visits = {
        await books.confirmed(clock, ago=timedelta(hours=hours))
        for clock, hours in (("09:00", 4), ("09:30", 3), ("10:00", 2), ("10:30", 1))
    }

    seen: set[UUID] = set()
    for _ in range(5):
        seen |= {doubt.appointment.appointment_id for doubt in await doubts(books)}

    assert seen == visits


async def test_two_audits_at_once_note_one_doubt(books: Books) -> None:
    await books.confirmed("09:00")

    await asyncio.gather(*(doubts(books) for _ in range(5)))

    assert len(await books.rows("SELECT FROM events_in_doubt")) == 1


async def test_a_settled_doubt_is_forgotten_after_a_while(books: Books) -> None:
    await books.confirmed("09:00")
    [doubt] = await doubts(books)
    await audit.settle(books.clinic.engine, doubt)
    await books.clinic.execute(
        "UPDATE events_in_doubt SET settled_at = settled_at - interval '2 hours'"
    )
    await books.clinic.execute("UPDATE audit_progress SET swept_until = clock_timestamp()")

    await doubts(books)

    assert await books.rows("SELECT FROM events_in_doubt") == []


# Overlaps.


async def test_visits_side_by_side_do_not_overlap(books: Books) -> None:
    for clock in ("09:00", "09:30", "10:00"):
        await books.confirmed(clock)

    assert (await audit.overlaps(books.clinic.engine)).count == 0


async def test_two_visits_of_one_doctor_at_one_time_are_found_until_they_are_mended(
    unruled: Books,
) -> None:
    first, second = await unruled.confirmed("09:00"), await unruled.confirmed("09:10")

    found, again = [await audit.overlaps(unruled.clinic.engine) for _ in range(2)]
    await unruled.clinic.becomes(second, "cancelled")
    mended = await audit.overlaps(unruled.clinic.engine)

    [pair] = found.first
    assert {pair.appointment_id, pair.other_id} == {first, second}
    assert (found.count, again.count, mended.count) == (1, 1, 0)


async def test_one_patient_at_two_doctors_at_one_time_is_found(unruled: Books) -> None:
    patient, colleague = await unruled.clinic.patient(), await unruled.clinic.hire()
    await unruled.clinic.on_duty(at("09:00"), at("11:00"), doctor_id=colleague)
    await unruled.clinic.hold(at("09:00"), patient_id=patient)
    await unruled.clinic.hold(at("09:29"), patient_id=patient, doctor_id=colleague)

    assert (await audit.overlaps(unruled.clinic.engine)).count == 1


async def test_what_is_over_overlaps_nothing(unruled: Books) -> None:
    await unruled.confirmed("09:00")
    await unruled.held("09:00", lasts=timedelta(seconds=-1))
    await unruled.clinic.becomes(await unruled.confirmed("09:10"), "cancelled")

    assert (await audit.overlaps(unruled.clinic.engine)).count == 0


async def test_an_overlap_with_an_old_visit_is_found_by_the_new_one(unruled: Books) -> None:
    old = await unruled.confirmed("09:00", ago=timedelta(days=30))
    await audit.overlaps(unruled.clinic.engine)
    new = await unruled.confirmed("09:00", ago=timedelta(0))

    [pair] = (await audit.overlaps(unruled.clinic.engine)).first

    assert {pair.appointment_id, pair.other_id} == {old, new}


async def test_a_row_that_brings_an_old_date_along_is_given_todays(unruled: Books) -> None:
    """Copied from another row, say: the audit goes by when a row was written."""
    visit = await unruled.confirmed("09:00", ago=timedelta(days=30))
    await audit.overlaps(unruled.clinic.engine)
    await unruled.clinic.execute(
        "INSERT INTO schedules (id, visit_id, patient_id, doctor_id, starts_at, ends_at, status,"
        " confirmed_at, created_at, updated_at) SELECT :copy, :copy, patient_id, doctor_id,"
        " starts_at, ends_at, status, confirmed_at, created_at, updated_at"
        " FROM schedules WHERE id = :id",
        id=visit,
        copy=uuid4(),
    )

    assert (await audit.overlaps(unruled.clinic.engine)).count == 1


# Cost.

MANY = 60_000
SMALL_TABLES = {"audit_progress", "events_in_doubt"}
STATEMENTS = {
    name: statement for name, statement in vars(audit).items() if isinstance(statement, TextClause)
}
FILL = text("""
INSERT INTO schedules (id, visit_id, patient_id, doctor_id, practitioner_id, clinic_id,
    starts_at, ends_at, status, held_until, version, confirmed_at, updated_at)
SELECT made.id, made.id, (CAST(:patients AS uuid[]))[1 + n % 20],
    d.id, d.practitioner_id, d.clinic_id, starts_at, starts_at + interval '30 minutes',
    status, held_until, 2,
    CASE WHEN status = 'confirmed' THEN written END, written
FROM generate_series(1, :many) n
CROSS JOIN LATERAL (SELECT gen_random_uuid() AS id,
    CAST(:first AS timestamptz) + (n / 20) * interval '1 hour' AS starts_at,
    CASE WHEN n % 100 = 0 THEN 'held' WHEN n % 3 = 0 THEN 'expired' ELSE 'confirmed' END AS status,
    clock_timestamp() + (n % 700 - 100) * interval '1 second' AS held_until,
    clock_timestamp() - (:many - n) * interval '20 seconds' AS written) AS made
JOIN doctors d ON d.id = (CAST(:doctors AS uuid[]))[1 + n % 20]
""")
NOTICES = text("""
INSERT INTO notifications (id, event_id, audience, channel, kind, status, appointment_id, doctor_id,
    starts_at, sequence)
SELECT gen_random_uuid(), gen_random_uuid(), 'doctor', 'inbox', 'confirmed', 'sent', id, doctor_id,
    starts_at, 2
FROM schedules WHERE status = 'confirmed' AND id::text > '01'
""")
DOUBTS = text("""
INSERT INTO events_in_doubt (appointment_id, sequence, kind, settled_at)
SELECT id, 2, 'confirmed', CASE WHEN id::text > '02' THEN clock_timestamp() END
FROM schedules WHERE status = 'confirmed' LIMIT 20000
""")


async def fill(books: Books) -> None:
    """Visits of two weeks with their notices but for a few, open holds, settled doubts."""
    clinic = books.clinic
    doctors = [await clinic.hire() for _ in range(20)]
    patients = [await clinic.patient() for _ in range(20)]
    async with clinic.engine.connect() as connection:
        for setting in ("session_replication_role = replica", "statement_timeout = '60s'"):
            await connection.execute(text(f"SET {setting}"))
        filling = {"patients": patients, "doctors": doctors, "first": at("09:00"), "many": MANY}
        await connection.execute(FILL, filling)
        await connection.execute(NOTICES)
        await connection.execute(DOUBTS)
        await connection.execute(text("ANALYZE schedules, notifications, events_in_doubt"))
        await connection.execute(text("RESET ALL"))


async def test_each_question_is_answered_by_an_index(books: Books) -> None:
    await fill(books)
    await books.clinic.execute(
        "UPDATE audit_progress SET swept_until = clock_timestamp() - interval '5 minutes'"
    )
    asked = {"batch": 1000, "settled_after": 15, "named": 20, "sequence": 2, "version": 2}
    ids = dict.fromkeys(("id", "appointment_id"), uuid4())

    plans = {
        name: await books.rows(f"EXPLAIN {statement}", **asked, **ids)
        for name, statement in STATEMENTS.items()
    }

    assert len(plans) == 9
    for name, plan in plans.items():
        steps = "\n".join(step["QUERY PLAN"] for step in plan)
        read_whole = re.findall(r"Seq Scan on (\w+)", steps)
        assert set(read_whole) <= SMALL_TABLES, f"{name}\n{steps}"
        assert "Index" in steps, name
