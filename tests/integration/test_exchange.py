"""Two visits change places on the real database: both or neither, from both sides at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg.sql import SQL

from activities.appointments import Appointments
from adapters.postgres.direct import cursor
from adapters.postgres.exchange import SeenVisit
from adapters.postgres.rows import Row
from api.booking.exchange import Exchanges
from api.booking.temporal_errors import NoRun
from api.http.actor import Caller
from domain.actors import Actor, Role
from domain.booking import Appointment, Move, Outcome
from domain.errors import AppointmentNotFound, Changed, NotConfirmed, Refused
from domain.permissions import Action
from tests.clinic_rows import Clinic, at, refused_by
from tests.fakes.issuer import FakeIssuer
from tests.integration.test_moves import Desk
from tests.integration.test_setup import Desk as ManagersDesk

LINES = SQL("""
SELECT version, action, starts_at FROM audit WHERE object = CAST(%(id)s AS text) ORDER BY id
""")
MOVES = SQL("""
SELECT version, previous_starts_at, starts_at FROM moves WHERE appointment_id = %(id)s
ORDER BY version
""")
MARKED = SQL("SELECT overbook FROM schedules WHERE id = %(id)s")


@dataclass
class MovesAtOnce:
    """Runs whose step is taken at once; `away`: none can be begun."""

    appointments: Appointments
    away: bool = False
    told: list[Appointment] = field(default_factory=list)

    async def move(self, move: Move) -> Outcome:
        if self.away:
            raise NoRun
        moved = await self.appointments.move_appointment(move)
        self.told.append(moved)
        return Outcome(attempt_id=move.attempt_id, appointment=moved)


@pytest.fixture
def desk(clinic: Clinic) -> Desk:
    return Desk(clinic)


@pytest.fixture
def runs(clinic: Clinic) -> MovesAtOnce:
    return MovesAtOnce(Appointments(clinic.database))


@pytest.fixture
def reception(clinic: Clinic) -> Caller:
    actor = Actor(
        subject="rita", roles=frozenset({Role.RECEPTION}), clinic_ids=frozenset({clinic.id})
    )
    return Caller(actor=actor, action=Action.EXCHANGE_VISITS)


def seen(visit: Appointment) -> SeenVisit:
    return SeenVisit(appointment_id=visit.appointment_id, version=visit.version or 0)


async def lines_of(clinic: Clinic, visit: Appointment) -> list[tuple[int, str, datetime]]:
    """What the trail has of it, and not only one line of each version."""
    rows = await rows_of(clinic, LINES, visit)
    return [(row["version"], row["action"], row["starts_at"]) for row in rows]


async def moves_of(clinic: Clinic, visit: Appointment) -> list[tuple[int, datetime, datetime]]:
    rows = await rows_of(clinic, MOVES, visit)
    return [(row["version"], row["previous_starts_at"], row["starts_at"]) for row in rows]


async def rows_of(clinic: Clinic, statement: SQL, visit: Appointment) -> Sequence[Row]:
    async with cursor(clinic.database) as connection:
        return await connection.all(statement, {"id": visit.appointment_id})


async def colleague_of(clinic: Clinic) -> UUID:
    colleague = await clinic.hire()
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=colleague)
    return colleague


async def test_each_stands_where_the_other_stood_and_both_are_announced(
    desk: Desk, runs: MovesAtOnce, reception: Caller
) -> None:
    colleague = await colleague_of(desk.clinic)
    first = await desk.book("09:00")
    second = await desk.book("10:00", doctor_id=colleague)

    one, other = await Exchanges(desk.clinic.database, runs).exchange(
        seen(first), seen(second), by=reception
    )

    assert (one.doctor_id, one.starts_at, one.moves) == (colleague, at("10:00"), 1)
    assert (other.doctor_id, other.starts_at, other.moves) == (first.doctor_id, at("09:00"), 1)
    told = sorted((each.version, each.starts_at) for each in runs.told)
    assert told == [(3, at("09:00")), (3, at("10:00"))]


async def test_each_version_has_one_line_in_the_history_and_one_move(
    desk: Desk, runs: MovesAtOnce, reception: Caller
) -> None:
    """However one of them makes way for the other: nobody sees that, so it is no version."""
    first, second = await desk.book("09:00"), await desk.book("10:00")

    one, other = await Exchanges(desk.clinic.database, runs).exchange(
        seen(first), seen(second), by=reception
    )

    assert (one.version, other.version) == (3, 3)
    for visit, was, becomes in ((first, "09:00", "10:00"), (second, "10:00", "09:00")):
        assert await lines_of(desk.clinic, visit) == [
            (1, "hold", at(was)),
            (2, "confirm", at(was)),
            (3, "reschedule", at(becomes)),
        ]
        assert await moves_of(desk.clinic, visit) == [(3, at(was), at(becomes))]


async def test_visits_of_one_doctor_change_places_though_they_touch(
    desk: Desk, runs: MovesAtOnce, reception: Caller
) -> None:
    first, second = await desk.book("09:00"), await desk.book("09:30")

    one, other = await Exchanges(desk.clinic.database, runs).exchange(
        seen(first), seen(second), by=reception
    )

    assert (one.starts_at, other.starts_at) == (at("09:30"), at("09:00"))
    for place in ("09:00", "09:30"):  # neither is left marked as an overbooking
        assert await refused_by(desk.clinic.hold(at(place))) == "schedules_doctor_free"


async def test_two_exchanges_from_both_sides_are_one(
    desk: Desk, runs: MovesAtOnce, reception: Caller
) -> None:
    first, second = await desk.book("09:00"), await desk.book("10:00")
    desks = Exchanges(desk.clinic.database, runs)
    ways = [(seen(first), seen(second)), (seen(second), seen(first))] * 3

    answers = await asyncio.gather(
        *(desks.exchange(*way, by=reception) for way in ways), return_exceptions=True
    )

    assert sorted(isinstance(each, Changed) for each in answers) == [False] + [True] * 5
    assert await desk.standing(first.appointment_id) == [(at("10:00"), "confirmed")]
    assert await desk.standing(second.appointment_id) == [(at("09:00"), "confirmed")]
    assert [each.version for each in runs.told] == [3, 3]
    for visit in (first, second):
        assert [line[0] for line in await lines_of(desk.clinic, visit)] == [1, 2, 3]


async def test_who_comes_to_stand_on_top_of_another_visit_bears_the_mark_of_who_stood_there(
    desk: Desk, runs: MovesAtOnce, reception: Caller
) -> None:
    below, first = await desk.book("09:00"), await desk.book("09:00", overbook=True)
    second = await desk.book("10:00")

    one, other = await Exchanges(desk.clinic.database, runs).exchange(
        seen(first), seen(second), by=reception
    )

    assert (one.starts_at, other.starts_at) == (at("10:00"), at("09:00"))
    marked = [await rows_of(desk.clinic, MARKED, each) for each in (below, first, second)]
    assert [rows[0]["overbook"] for rows in marked] == [False, False, True]


async def test_neither_moves_where_one_may_not(
    desk: Desk, runs: MovesAtOnce, reception: Caller
) -> None:
    clinic, desks = desk.clinic, Exchanges(desk.clinic.database, runs)
    first, second = await desk.book("09:00"), await desk.book("09:30")
    held = await clinic.hold(at("10:00"))
    await clinic.execute(
        "UPDATE schedules SET ends_at = :until WHERE id = :id",
        id=first.appointment_id,
        until=at("09:00") + timedelta(minutes=20),
    )

    async def refusal(one: SeenVisit, other: SeenVisit) -> type[Refused]:
        with pytest.raises(Refused) as refused:
            await desks.exchange(one, other, by=reception)
        return type(refused.value)

    stale = await refusal(seen(first), seen(second))
    not_yet = await refusal(seen(second), SeenVisit(appointment_id=held, version=1))
    unknown = await refusal(seen(second), SeenVisit(appointment_id=uuid4(), version=1))

    assert (stale, not_yet, unknown) == (Changed, NotConfirmed, AppointmentNotFound)
    assert await desk.standing(second.appointment_id) == [(at("09:30"), "confirmed")]
    assert not runs.told


async def test_a_longer_visit_that_finds_no_room_keeps_both_where_they_are(
    desk: Desk, runs: MovesAtOnce, reception: Caller
) -> None:
    long, short = await desk.book("09:00"), await desk.book("10:30")
    await desk.clinic.execute(
        "UPDATE schedules SET ends_at = :until WHERE id = :id",
        id=long.appointment_id,
        until=at("10:00"),
    )
    now = SeenVisit(appointment_id=long.appointment_id, version=3)

    with pytest.raises(Refused) as refused:
        await Exchanges(desk.clinic.database, runs).exchange(now, seen(short), by=reception)

    assert refused.value.code == "not_a_slot"  # an hour from 10:30 is longer than the shift
    assert await desk.standing(long.appointment_id) == [(at("09:00"), "confirmed")]


@pytest.mark.parametrize("leaves_first", [True, False])
async def test_nobody_is_exchanged_into_time_that_closes(
    desk: Desk, runs: MovesAtOnce, reception: Caller, *, leaves_first: bool
) -> None:
    colleague = await colleague_of(desk.clinic)
    stays, leaves = await desk.book("09:00"), await desk.book("10:00", doctor_id=colleague)
    await desk.clinic.execute(
        "UPDATE shifts SET state = 'closing' WHERE doctor_id = :id", id=colleague
    )
    one, other = (leaves, stays) if leaves_first else (stays, leaves)

    with pytest.raises(Refused) as refused:
        await Exchanges(desk.clinic.database, runs).exchange(seen(one), seen(other), by=reception)

    assert refused.value.code == "not_a_slot"
    assert await desk.standing(stays.appointment_id) == [(at("09:00"), "confirmed")]
    assert not runs.told


async def test_a_visit_that_would_reach_into_time_that_closes_is_not_exchanged(
    desk: Desk, runs: MovesAtOnce, reception: Caller
) -> None:
    colleague = await colleague_of(desk.clinic)
    long, short = await desk.book("10:00"), await desk.book("09:00", doctor_id=colleague)
    await desk.clinic.execute(
        "UPDATE schedules SET ends_at = :until WHERE id = :id",
        id=long.appointment_id,
        until=at("11:00"),
    )
    await desk.clinic.execute(
        "UPDATE shifts SET during = tstzrange(:start, :end) WHERE doctor_id = :id",
        id=colleague,
        start=at("09:00"),
        end=at("09:30"),
    )
    await desk.clinic.execute(
        "INSERT INTO shifts (doctor_id, during, state)"
        " VALUES (:id, tstzrange(:start, :end), 'closing')",
        id=colleague,
        start=at("09:30"),
        end=at("11:00"),
    )
    now = SeenVisit(appointment_id=long.appointment_id, version=3)

    with pytest.raises(Refused) as refused:
        await Exchanges(desk.clinic.database, runs).exchange(now, seen(short), by=reception)

    assert refused.value.code == "not_a_slot"


async def test_an_exchange_stands_though_no_run_can_tell_of_it(
    desk: Desk, runs: MovesAtOnce, reception: Caller
) -> None:
    first, second = await desk.book("09:00"), await desk.book("10:00")
    runs.away = True

    one, _ = await Exchanges(desk.clinic.database, runs).exchange(
        seen(first), seen(second), by=reception
    )

    assert await desk.standing(one.appointment_id) == [(at("10:00"), "confirmed")]


@pytest.fixture
async def staff(
    signed_in_api: str, issuer: FakeIssuer, clinic: Clinic
) -> AsyncIterator[ManagersDesk]:
    async with httpx.AsyncClient(base_url=signed_in_api, timeout=20) as http:
        yield ManagersDesk(http, issuer, clinic, f"manager-{uuid4()}")


async def test_only_staff_of_the_clinic_exchange(staff: ManagersDesk, desk: Desk) -> None:
    first, second = await desk.book("09:00"), await desk.book("10:00")
    body = {
        name: {"id": str(each.appointment_id), "version": each.version}
        for name, each in (("first", first), ("second", second))
    }
    path = "/appointments/exchange"
    as_patient = staff.as_("patient", patient_id=str(first.patient_id))
    elsewhere = staff.as_("reception", clinic_ids=[str(uuid4())])

    forbidden = await staff.http.post(path, json=body, headers=as_patient)
    hidden = await staff.http.post(path, json=body, headers=elsewhere)
    same = await staff.http.post(path, json=body | {"second": body["first"]}, headers=staff.manager)
    done = await staff.http.post(path, json=body, headers=staff.manager)

    assert (forbidden.status_code, hidden.status_code) == (403, 404)
    assert (same.status_code, same.json()["errors"][0]["field"]) == (422, "second.id")
    assert done.status_code == 200, done.text
    assert done.json()["first"]["dateTime"] == "2030-01-14T07:00:00Z"
    assert done.json()["second"]["dateTime"] == "2030-01-14T06:00:00Z"
