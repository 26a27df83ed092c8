"""Moves of visits, on the real database: what it takes, what it refuses, and what it keeps."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from psycopg.sql import SQL
from temporalio.exceptions import ApplicationError

from activities.appointments import Appointments
from activities.slots import Slots
from adapters.postgres.booking_facts import load_facts
from adapters.postgres.direct import cursor
from domain.booking import Appointment, Move, Status
from domain.rules import SlotWish
from tests.builders import a_cancellation, a_move, a_placement
from tests.clinic_rows import Clinic, at
from tests.integration.test_slots import a_wish, refusal_of

STANDING = SQL("SELECT starts_at, status FROM schedules WHERE id = %(id)s")

KEPT = SQL("""
SELECT count(*) AS kept FROM schedules
WHERE id = ANY(%(ids)s) AND doctor_id <> %(doctor)s AND status = 'confirmed' AND moves = 0
""")

WATCHED = SQL("""
SELECT count(*) FILTER (WHERE id = ANY(%(ids)s)) AS live,
    count(*) FILTER (WHERE doctor_id = %(doctor)s AND starts_at = %(at)s) AS there
FROM schedules WHERE status = 'confirmed'
""")


class Desk:
    """The product's activities on the product's database."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic = clinic
        self.slots = Slots(clinic.database)
        self.appointments = Appointments(clinic.database)

    async def book(self, clock: str, **changes: object) -> Appointment:
        request = await a_wish(self.clinic, clock, **changes)
        await self.slots.hold_slot(request)
        return await self.appointments.confirm_appointment(request)

    async def move(self, move: Move) -> Appointment:
        return await self.appointments.move_appointment(move)

    async def standing(self, appointment_id: UUID) -> list[tuple[datetime, str]]:
        async with cursor(self.clinic.database) as connection:
            rows = await connection.all(STANDING, {"id": appointment_id})
        return [(row["starts_at"], row["status"]) for row in rows]


@pytest.fixture
def desk(clinic: Clinic) -> Desk:
    return Desk(clinic)


async def test_a_visit_is_moved_in_place(desk: Desk) -> None:
    visit = await desk.book("09:00")

    moved = await desk.move(a_move(visit, starts_at=at("10:00")))

    assert moved.appointment_id == visit.appointment_id
    assert (moved.status, moved.version, moved.moves) == (Status.CONFIRMED, 3, 1)
    assert (moved.starts_at, moved.ends_at) == (at("10:00"), at("10:30"))
    assert moved.confirmed_at == visit.confirmed_at
    assert moved.rescheduled_at is not None
    assert (await desk.book("09:00")).status is Status.CONFIRMED


async def test_a_move_may_overlap_the_time_that_it_leaves(desk: Desk, clinic: Clinic) -> None:
    colleague = await clinic.hire()
    await clinic.on_duty(at("09:15"), at("11:15"), doctor_id=colleague)
    visit = await desk.book("10:00")

    moved = await desk.move(a_move(visit, doctor_id=colleague, starts_at=at("10:15")))

    assert (moved.doctor_id, moved.ends_at) == (colleague, at("10:45"))


async def test_another_visit_of_the_patient_is_in_the_way(desk: Desk, clinic: Clinic) -> None:
    colleague = await clinic.hire()
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=colleague)
    visit = await desk.book("09:00")
    await desk.book("10:00", patient_id=visit.patient_id, doctor_id=colleague)

    assert await refusal_of(desk.move(a_move(visit, starts_at=at("10:00")))) == "patient_busy"
    assert await desk.standing(visit.appointment_id) == [(at("09:00"), "confirmed")]


async def test_a_visit_keeps_its_time_where_the_new_one_is_taken_or_is_none(desk: Desk) -> None:
    visit = await desk.book("09:00")
    await desk.slots.hold_slot(await a_wish(desk.clinic, "09:30"))

    taken = await refusal_of(desk.move(a_move(visit, starts_at=at("09:30"))))
    off_the_grid = await refusal_of(desk.move(a_move(visit, starts_at=at("10:10"))))
    off_duty = await refusal_of(desk.move(a_move(visit, starts_at=at("12:00"))))

    assert (taken, off_the_grid, off_duty) == ("slot_taken", "not_a_slot", "not_a_slot")
    assert await desk.standing(visit.appointment_id) == [(at("09:00"), "confirmed")]


async def test_lapsed_holds_make_way_for_a_move(desk: Desk, clinic: Clinic) -> None:
    visit = await desk.book("09:00")
    of_doctor = await clinic.hold(at("10:00"), lasts=timedelta(seconds=-5))
    colleague = await clinic.hire()
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=colleague)
    of_patient = await clinic.hold(
        at("10:00"),
        lasts=timedelta(seconds=-5),
        doctor_id=colleague,
        patient_id=visit.patient_id,
    )

    moved = await desk.move(a_move(visit, starts_at=at("10:00")))

    assert moved.starts_at == at("10:00")
    assert await desk.standing(of_doctor) == [(at("10:00"), "expired")]
    assert await desk.standing(of_patient) == [(at("10:00"), "expired")]


async def test_only_a_visit_that_stands_as_it_was_seen_is_moved(desk: Desk, clinic: Clinic) -> None:
    request = await a_wish(clinic, "09:00")
    held = (await desk.slots.hold_slot(request)).appointment
    not_yet = await refusal_of(desk.move(a_move(held)))
    visit = await desk.appointments.confirm_appointment(request)

    stale = await refusal_of(desk.move(a_move(visit, version=1)))
    cancelled = await desk.appointments.cancel_appointment(a_cancellation(visit))
    too_late = await refusal_of(desk.move(a_move(cancelled)))
    unknown = await refusal_of(desk.move(a_move(visit, appointment_id=uuid4())))

    assert (not_yet, stale) == ("not_confirmed", "changed")
    assert (too_late, unknown) == ("already_cancelled", "appointment_not_found")


async def test_a_visit_that_has_begun_is_not_moved(desk: Desk, clinic: Clinic) -> None:
    visit = await desk.book("09:00")
    await clinic.on_duty(at("05:00", YESTERDAY), at("23:00", YESTERDAY))
    await clinic.execute(
        "UPDATE schedules SET starts_at = :start, ends_at = :end WHERE id = :id",
        id=visit.appointment_id,
        start=at("09:00", YESTERDAY),
        end=at("09:30", YESTERDAY),
    )

    seen = replace(visit, version=(visit.version or 0) + 1)
    assert await refusal_of(desk.move(a_move(seen))) == "too_late"


async def test_a_move_tried_again_finds_what_it_made_whatever_has_become_of_the_visit(
    desk: Desk,
) -> None:
    visit = await desk.book("09:00")
    move = a_move(visit, starts_at=at("09:30"))
    once = await desk.move(move)
    twice = await desk.move(a_move(once, starts_at=at("10:00")))
    await desk.appointments.cancel_appointment(a_cancellation(twice))

    again = await desk.move(move)

    assert replace(again, moves=1) == once


async def test_of_two_moves_of_one_version_the_second_finds_the_visit_changed(desk: Desk) -> None:
    visit = await desk.book("09:00")
    await desk.move(a_move(visit, starts_at=at("09:30")))

    assert await refusal_of(desk.move(a_move(visit, starts_at=at("10:00")))) == "changed"


async def test_a_confirmation_tried_again_after_a_move_stands_where_it_was_made(
    desk: Desk, clinic: Clinic
) -> None:
    request = await a_wish(clinic, "09:00")
    await desk.slots.hold_slot(request)
    once = await desk.appointments.confirm_appointment(request)
    await desk.move(a_move(once, starts_at=at("10:00")))

    assert await desk.appointments.confirm_appointment(request) == once


async def test_a_hold_is_told_as_it_was_at_first_after_two_moves(
    desk: Desk, clinic: Clinic
) -> None:
    visit = await desk.book("09:00")
    moved = await desk.move(a_move(visit, starts_at=at("10:00")))
    await desk.move(a_move(moved, starts_at=at("10:30")))
    wish = SlotWish(
        patient_id=visit.patient_id,
        doctor_id=visit.doctor_id,
        starts_at=at("09:00"),
        max_holds=3,
    )

    async with cursor(clinic.database) as connection:
        _, own = await load_facts(connection, wish, appointment_id=visit.appointment_id)

    assert own is not None
    assert a_placement(own) == a_placement(visit)


async def test_a_move_by_sql_is_counted_and_kept_as_well(desk: Desk, clinic: Clinic) -> None:
    visit = await desk.book("09:00")

    await clinic.execute(
        "UPDATE schedules SET starts_at = :start, ends_at = :end, version = version + 1"
        " WHERE id = :id",
        id=visit.appointment_id,
        start=at("10:00"),
        end=at("10:30"),
    )

    again = await desk.move(a_move(visit, starts_at=at("10:00")))
    assert (again.version, again.moves) == (3, 1)


async def test_a_hundred_move_to_one_slot_and_one_comes_there(desk: Desk, clinic: Clinic) -> None:
    """Watched all the while: every visit has its one live row, the slot at most one."""
    visits = await many_visits(desk, clinic, 100)
    outcomes: list[str] = []

    async def go(visit: Appointment) -> None:
        wish = a_move(visit, doctor_id=clinic.doctor_id, starts_at=at("09:00"), leaves_day=True)
        try:
            await desk.move(wish)
        except ApplicationError as refused:
            outcomes.append(str(refused.type))
        else:
            outcomes.append("moved")

    over = asyncio.Event()
    ids = [visit.appointment_id for visit in visits]

    async def all_go() -> None:
        await asyncio.gather(*map(go, visits))
        over.set()

    _, looked = await asyncio.gather(all_go(), watch(clinic, ids, over))

    assert (outcomes.count("moved"), outcomes.count("slot_taken")) == (1, 99)
    asked = {"ids": [visit.appointment_id for visit in visits], "doctor": clinic.doctor_id}
    async with cursor(clinic.database) as connection:
        assert (await connection.one(KEPT, asked))["kept"] == 99
    assert looked > 10


async def test_a_move_a_cancel_and_a_hold_of_the_target_at_once_have_one_outcome(
    desk: Desk, clinic: Clinic
) -> None:
    for _ in range(10):
        visit = await desk.book("09:00")
        rival = await a_wish(clinic, "10:00")

        moved, cancelled, held = await asyncio.gather(
            desk.move(a_move(visit, starts_at=at("10:00"))),
            desk.appointments.cancel_appointment(a_cancellation(visit)),
            desk.slots.hold_slot(rival),
            return_exceptions=True,
        )

        ((starts_at, status),) = await desk.standing(visit.appointment_id)
        assert isinstance(moved, Appointment) is (starts_at == at("10:00"))
        assert isinstance(cancelled, Appointment) is (status == "cancelled")
        assert not (isinstance(moved, Appointment) and isinstance(cancelled, Appointment))
        assert not (isinstance(moved, Appointment) and not isinstance(held, ApplicationError))
        await clinic.execute(
            "UPDATE schedules SET status = 'cancelled' WHERE doctor_id = :id", id=clinic.doctor_id
        )


YESTERDAY = datetime.now().astimezone().date() - timedelta(days=1)


async def many_visits(desk: Desk, clinic: Clinic, count: int) -> list[Appointment]:
    """Each of a patient of its own, with doctors of their own; straight into the table."""
    visits: list[Appointment] = []
    while len(visits) < count:
        doctor = await clinic.hire()
        await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=doctor)
        clocks = ("09:00", "09:30", "10:00", "10:30")
        visits += [await desk.book(clock, doctor_id=doctor) for clock in clocks]
    return visits[:count]


async def watch(clinic: Clinic, visits: list[UUID], over: asyncio.Event) -> int:
    """How often it looked; fails where a visit has no live row, or the slot has two."""
    asked = {"ids": visits, "doctor": clinic.doctor_id, "at": at("09:00")}
    looked = 0
    while not over.is_set():
        looked += 1
        async with cursor(clinic.database) as connection:
            row = await connection.one(WATCHED, asked)
        assert row["live"] == len(visits)
        assert row["there"] <= 1
        await asyncio.sleep(0.005)
    return looked
