"""The trail of who did what: every change has its line, and no line goes without being missed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import text

from activities.appointments import Appointments
from activities.slots import Slots
from activities.trail import checked_trail, keep_forgetting
from adapters.postgres.audit import expire_lapsed_holds
from adapters.postgres.database import Database
from adapters.postgres.removing_patients import Merge, merge
from adapters.postgres.trail import Change, Sought, history_of, lines_of
from adapters.postgres.trail_seals import forget
from domain.actors import ActorRef, Role
from domain.audit import Trail
from domain.booking import BookingRequest, CancelReason, Extension, Release, Status
from tests.builders import THE_PATIENT, a_cancellation, a_move, a_request
from tests.clinic_rows import Clinic, at, open_clinic


@pytest.fixture
async def alone(scratch: Database) -> AsyncIterator[Clinic]:
    """A clinic in another database, whose trail may be broken."""
    clinic = await open_clinic(scratch)
    await clinic.execute("TRUNCATE audit, audit_seals")
    yield clinic
    await clinic.execute("TRUNCATE audit, audit_seals")


async def history(clinic: Clinic, request: BookingRequest) -> list[Change]:
    async with clinic.database.connect() as connection:
        return await history_of(connection, request.appointment_id)


async def a_wish(clinic: Clinic, clock: str = "09:00") -> BookingRequest:
    return a_request(
        patient_id=await clinic.patient(),
        doctor_id=clinic.doctor_id,
        clinic_id=clinic.id,
        starts_at=at(clock),
    )


async def test_a_visit_s_history_names_every_change_and_who_made_it(clinic: Clinic) -> None:
    slots, appointments = Slots(clinic.database), Appointments(clinic.database)
    wish = await a_wish(clinic)

    await slots.hold_slot(wish)
    await slots.extend_hold(
        Extension(
            appointment_id=wish.appointment_id, version=1, hold_seconds=600, actor=THE_PATIENT
        )
    )
    visit = await appointments.confirm_appointment(wish)
    await appointments.cancel_appointment(a_cancellation(visit))

    changes = await history(clinic, wish)
    assert [(each.version, each.action, each.status) for each in changes] == [
        (1, "hold", "held"),
        (2, "extend", "held"),
        (3, "confirm", "confirmed"),
        (4, "cancel", "cancelled"),
    ]
    assert {each.role for each in changes} == {"patient"}
    assert {each.starts_at for each in changes} == {at("09:00")}
    assert changes[-1].reason == CancelReason.PATIENT_REQUEST


async def test_a_move_s_reason_is_in_the_history_alone(clinic: Clinic) -> None:
    slots, appointments = Slots(clinic.database), Appointments(clinic.database)
    wish = await a_wish(clinic)
    await slots.hold_slot(wish)
    visit = await appointments.confirm_appointment(wish)

    moved = await appointments.move_appointment(a_move(visit, reason=CancelReason.CLINIC_REQUEST))

    changes = await history(clinic, wish)
    assert [(each.action, each.reason) for each in changes][1:] == [
        ("confirm", None),
        ("reschedule", CancelReason.CLINIC_REQUEST),
    ]
    assert moved.reason is None


async def test_a_change_by_sql_is_a_version_of_the_role_sql(clinic: Clinic) -> None:
    wish = await a_wish(clinic)
    await Slots(clinic.database).hold_slot(wish)

    await clinic.becomes(wish.appointment_id, "confirmed")

    changes = await history(clinic, wish)
    assert [(each.version, each.action, each.role) for each in changes] == [
        (1, "hold", "patient"),
        (2, "confirm", "sql"),
    ]


async def test_a_lapse_is_the_system_s_whoever_finds_it(clinic: Clinic) -> None:
    slots = Slots(clinic.database)
    by_its_run, by_the_next, by_the_audit = [
        replace(await a_wish(clinic, clock), hold_seconds=0)
        for clock in ("09:00", "09:30", "10:00")
    ]
    for wish in (by_its_run, by_the_next, by_the_audit):
        await slots.hold_slot(wish)

    await slots.release_slot(
        Release(request=by_its_run, status=Status.EXPIRED, only_if_lapsed=True)
    )
    await slots.hold_slot(await a_wish(clinic, "09:30"))
    await clinic.execute(
        "UPDATE schedules SET held_until = held_until - interval '1 minute' WHERE id = :id",
        id=by_the_audit.appointment_id,
    )
    await expire_lapsed_holds(clinic.database)

    for wish in (by_its_run, by_the_next, by_the_audit):
        last = (await history(clinic, wish))[-1]
        assert (last.action, last.role, last.status) == ("expire", "system", "expired")


async def test_a_deleted_row_leaves_its_last_line(clinic: Clinic) -> None:
    wish = await a_wish(clinic)
    await Slots(clinic.database).hold_slot(wish)

    await clinic.execute("DELETE FROM schedules WHERE id = :id", id=wish.appointment_id)

    assert (await history(clinic, wish))[-1].action == "delete"


async def test_what_is_rolled_back_leaves_no_line(clinic: Clinic) -> None:
    wish = await a_wish(clinic)
    await Slots(clinic.database).hold_slot(wish)

    async with await psycopg.AsyncConnection.connect(clinic.database.url) as connection:
        await connection.execute(
            "UPDATE schedules SET status = 'confirmed' WHERE id = %s", [wish.appointment_id]
        )
        await connection.rollback()

    assert [each.version for each in await history(clinic, wish)] == [1]


async def test_the_name_of_one_transaction_is_not_the_next_one_s(clinic: Clinic) -> None:
    """Connections are lent again and again: what one caller said must not be heard of another."""
    wish = await a_wish(clinic)
    async with await psycopg.AsyncConnection.connect(
        clinic.database.url, autocommit=True
    ) as connection:
        await connection.execute("SELECT set_config('priyom.actor', '{\"id\": \"a\"}', true)")
        await connection.execute(
            "INSERT INTO patients (id, full_name) VALUES (%s, 'B')", [wish.appointment_id]
        )
        found = await connection.execute(
            "SELECT role FROM audit WHERE object = %s", [str(wish.appointment_id)]
        )
        assert await found.fetchone() == ("sql",)


@pytest.mark.parametrize("table", ["audit", "audit_seals"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET at = at", "DELETE FROM {}", "TRUNCATE {}"], ids=str.split
)
async def test_who_does_not_own_the_trail_may_only_add_to_it(
    clinic: Clinic, table: str, statement: str
) -> None:
    """Whatever has been granted."""
    role = f"app_{uuid4().hex[:8]}"
    async with await psycopg.AsyncConnection.connect(clinic.database.url) as connection:
        await connection.execute(f"CREATE ROLE {role}".encode())
        await connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}".encode())
        await connection.execute(f"SET ROLE {role}".encode())
        await connection.execute(
            "INSERT INTO audit (actor, role, action, object) VALUES ('a', 'b', 'c', 'd')"
        )
        with pytest.raises(InsufficientPrivilege, match="only ever added"):
            await connection.execute(statement.format(table).encode())
        await connection.rollback()


@dataclass(frozen=True)
class Hand:
    """What somebody does to the trail of three changes, and what the audit says of it."""

    statement: str
    found: str


@pytest.mark.parametrize(
    "hand",
    [
        Hand("UPDATE audit SET role = 'system' WHERE id = {second}", "line {second} was changed"),
        Hand("UPDATE audit SET at = at + interval '1 us' WHERE id = {first}", "line {first} was"),
        Hand("DELETE FROM audit WHERE id = {second}", "line {second} is gone"),
        Hand("DELETE FROM audit WHERE id = {last}", "line {last} is gone"),
        Hand("UPDATE audit_seals SET digests[1] = 'x' WHERE place = 1", "seal 1 does not fit"),
        Hand("DELETE FROM audit_seals WHERE place = 1", "seal 2 does not fit"),
    ],
    ids=lambda hand: hand.statement[:60],
)
async def test_what_somebody_does_to_the_trail_is_found_and_named(
    alone: Clinic, hand: Hand
) -> None:
    before = await three_lines(alone)
    first, second, last = await numbers(alone)

    names = {"first": first, "second": second, "last": last}
    await alone.execute(hand.statement.format(**names))

    found = await checked_trail(alone.database, before)
    assert any(hand.found.format(**names) in broken for broken in found.breaks), found.breaks


async def test_a_trail_that_nobody_touched_is_whole(alone: Clinic) -> None:
    before = await three_lines(alone)
    await alone.patient()

    after = await checked_trail(alone.database, before)

    assert before.breaks == after.breaks == []
    assert after.lines == before.lines + 1
    assert before.seal != after.seal


async def test_a_line_that_is_put_in_later_is_found(alone: Clinic) -> None:
    await alone.patient()
    async with alone.database.connect() as connection:
        gap = (await connection.execute(text("SELECT nextval('audit_id_seq')"))).scalar_one()
    await alone.patient()
    before = await checked_trail(alone.database, None)
    await alone.execute("UPDATE audit_seals SET at = at - interval '2 hours'")
    await alone.execute(
        "INSERT INTO audit (id, at, actor, role, action, object) OVERRIDING SYSTEM VALUE"
        " VALUES (:id, now() - interval '1 day', 'a', 'b', 'c', 'd')",
        id=gap,
    )

    found = await checked_trail(alone.database, before)

    assert found.breaks == [f"line {gap} was put in later"]


async def test_the_end_of_lines_and_seals_is_missed_by_what_is_known_outside(
    alone: Clinic,
) -> None:
    before = await three_lines(alone)
    _, _, last = await numbers(alone)

    await alone.execute("DELETE FROM audit WHERE id = :id", id=last)
    await alone.execute("DELETE FROM audit_seals WHERE place = 2")

    assert (await checked_trail(alone.database, None)).breaks == []
    assert "seal 2 is gone" in (await checked_trail(alone.database, before)).breaks[0]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM audit WHERE id = {last}", "line {last} is gone"),
        ("UPDATE audit SET actor = 'nobody' WHERE id = {last}", "line {last} was changed"),
        ("TRUNCATE audit", "line {last} is gone"),
    ],
    ids=lambda each: each.split()[0],
)
async def test_a_line_that_goes_before_its_seal_is_sealed_by_that(
    alone: Clinic, statement: str, found: str
) -> None:
    before = await three_lines(alone)
    await alone.patient()
    _, _, last = await numbers(alone)

    await alone.execute(statement.format(last=last))

    after = await checked_trail(alone.database, before)
    assert found.format(last=last) in after.breaks


@pytest.mark.parametrize("version", [1, 2, 3])
async def test_a_version_without_its_line_is_missed_whatever_was_switched_off(
    alone: Clinic, version: int
) -> None:
    await alone.patient()
    before = await checked_trail(alone.database, None)
    visit = await alone.hold(at("09:00"))
    for status in ("confirmed", "cancelled"):
        await alone.becomes(visit, status)

    async with await psycopg.AsyncConnection.connect(alone.database.url) as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(
            "DELETE FROM audit WHERE object = %s AND version = %s", [str(visit), version]
        )

    after = await checked_trail(alone.database, before)
    assert after.breaks == [f"a version of appointment {visit} has no line"]


async def test_the_versions_of_a_row_have_no_gap_whoever_writes(alone: Clinic) -> None:
    visit, patient = await alone.hold(at("09:00")), await alone.patient()

    await alone.execute(
        "UPDATE schedules SET version = 9, reason = 'other' WHERE id = :id", id=visit
    )
    await alone.execute("UPDATE patients SET version = 9 WHERE id = :id", id=patient)

    async with alone.database.connect() as connection:
        versions = await connection.execute(
            text(
                "SELECT version FROM schedules WHERE id = :visit"
                " UNION ALL SELECT version FROM patients WHERE id = :patient"
            ),
            {"visit": visit, "patient": patient},
        )
        assert list(versions.scalars()) == [2, 2]
    assert (await checked_trail(alone.database, None)).breaks == []


async def test_what_is_old_is_forgotten_from_the_beginning_and_the_rest_is_whole(
    alone: Clinic,
) -> None:
    before = await three_lines(alone)
    await seals_are_older(alone, "2 years", up_to=1)

    kept = [await forgotten(alone, days) for days in (1000, 400, 400)]

    after = await checked_trail(alone.database, before)
    assert kept == [0, before.lines - 1, 0]
    assert (after.breaks, after.lines) == ([], 1)
    await alone.execute("DELETE FROM audit")
    assert len((await checked_trail(alone.database, after)).breaks) == 1


async def test_nothing_younger_than_a_year_is_forgotten_whatever_is_asked(alone: Clinic) -> None:
    before = await three_lines(alone)
    await seals_are_older(alone, "364 days", up_to=2)

    assert await forgotten(alone, 0) == 0

    assert (await checked_trail(alone.database, before)).breaks == []


async def test_a_beginning_that_was_cut_off_too_soon_is_found(alone: Clinic) -> None:
    before = await three_lines(alone)

    await alone.execute("DELETE FROM audit WHERE id < (SELECT max(id) FROM audit)")
    await alone.execute("UPDATE audit_seals SET lines = '{}', digests = '{}' WHERE place = 1")

    after = await checked_trail(alone.database, before)
    assert after.breaks == ["what is before seal 1 was cut off too soon"]


async def test_a_worker_forgets_what_is_old_again_and_again(alone: Clinic) -> None:
    await three_lines(alone)
    await seals_are_older(alone, "2 years", up_to=1)

    forgetting = asyncio.create_task(keep_forgetting(alone.database, days=400))
    async with asyncio.timeout(20):
        while len(await numbers(alone)) > 1:  # noqa: ASYNC110 - no event is set
            await asyncio.sleep(0.01)

    assert not forgetting.done(), "it looks again in an hour"
    forgetting.cancel()


async def test_a_line_that_commits_late_is_sealed_late(alone: Clinic) -> None:
    async with await psycopg.AsyncConnection.connect(alone.database.url) as connection:
        await connection.execute("INSERT INTO patients (id, full_name) VALUES (%s, 'A')", [uuid4()])
        before = await three_lines(alone)
        await connection.commit()

    after = await checked_trail(alone.database, before)

    assert (after.breaks, after.lines) == ([], before.lines + 1)


async def test_a_person_s_lines_are_those_of_every_record_that_became_theirs(
    clinic: Clinic,
) -> None:
    records = [await clinic.patient() for _ in range(3)]
    for old, into in pairwise(records):
        order = Merge(patient_id=old, into=into)
        await merge(clinic.database, order, ActorRef(id="m", role=Role.MANAGER))

    async with clinic.database.connect() as connection:
        lines = await lines_of(connection, Sought(person=records[-1], limit=20))

    merged = {line.object for line in lines if line.action == "merge"}
    assert merged == {str(each) for each in records[:-1]}


async def test_lines_are_found_by_thing_actor_time_and_clinic(clinic: Clinic) -> None:
    wish = await a_wish(clinic)
    await Slots(clinic.database).hold_slot(wish)
    thing = str(wish.appointment_id)

    async def found(**sought: Any) -> list[str]:
        async with clinic.database.connect() as connection:
            lines = await lines_of(connection, replace(Sought(limit=5), **sought))
            return [line.action for line in lines if line.object == thing]

    assert await found(object=thing) == ["hold"]
    assert await found(actor=wish.actor.id) == ["hold"]
    assert await found(clinics=[clinic.id]) == ["hold"]
    assert await found(clinics=[uuid4()]) == []
    assert await found(person=wish.patient_id) == ["hold"]
    assert await found(person=uuid4()) == []
    async with clinic.database.connect() as connection:
        (line,) = await lines_of(connection, Sought(object=thing, limit=5))
    assert await found(begins=line.at, ends=line.at + timedelta(seconds=1)) == ["hold"]
    assert await found(object=thing, ends=line.at) == []
    assert await found(object=thing, before=line.id) == []


async def three_lines(clinic: Clinic) -> Trail:
    """Sealed in two seals, the last one by itself."""
    await clinic.patient()
    await clinic.patient()
    first = await checked_trail(clinic.database, None)
    await clinic.patient()
    return await checked_trail(clinic.database, first)


async def seals_are_older(clinic: Clinic, by: str, *, up_to: int) -> None:
    await clinic.execute(
        "UPDATE audit_seals SET at = at - CAST(:by AS interval) WHERE place <= :place",
        by=by,
        place=up_to,
    )


async def forgotten(clinic: Clinic, days: int) -> int:
    async with clinic.database.connect() as connection:
        return await forget(connection, timedelta(days=days))


async def numbers(clinic: Clinic) -> list[int]:
    """Of the last three lines, in their order."""
    async with clinic.database.connect() as connection:
        found = await connection.execute(text("SELECT id FROM audit ORDER BY id DESC LIMIT 3"))
        return sorted(found.scalars())
