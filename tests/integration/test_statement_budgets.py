"""What the database is asked for in one booking: counts, which noise does not move."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.sql import SQL
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from temporalio.testing import ActivityEnvironment

from activities.appointments import Appointments
from activities.messages import Messages
from activities.slots import Slots
from adapters.messages.rendering import Letter
from adapters.postgres.database import Database, PooledCursor
from adapters.postgres.notifications import Notifications
from adapters.postgres.plans import PlanOrder, write_plan
from adapters.postgres.publishing import republish
from adapters.postgres.reminders import due_reminders
from domain.actors import SYSTEM
from domain.booking import BookingRequest, Release, Status
from domain.clinic_rules import DEFAULT_REMINDERS
from domain.plan import Plan, Weekly
from domain.quiet_hours import QuietHours
from tests.builders import a_request
from tests.clinic_rows import Clinic, at
from tests.integration.plans import statements
from tests.messages import an_event

NEXT_WRITER = text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
"""Who writes is numbered, and waits for the disk once at its end."""

HALF_HOURS = ("09:00", "09:30", "10:00")
"""Some of the server's own work writes, too: the least of several is the step's own."""

Step = Callable[[BookingRequest], Awaitable[object]]

PSYCOPG = PGDialect_psycopg()  # type: ignore[no-untyped-call]
KEPT_AS_READ = 4096
"""Letters: what is longer psycopg takes apart again, each time that it is run."""


class Asked(list[str]):
    """The first word of each statement; of a transaction begun, its end is sure."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    words = Asked()
    execute = psycopg.AsyncCursor.execute

    async def counted(cursor: Any, query: SQL | str | bytes, *rest: Any, **named: Any) -> Any:
        spelled = query.as_string() if isinstance(query, SQL) else query
        spelled = spelled.decode() if isinstance(spelled, bytes) else spelled
        if isinstance(cursor, PooledCursor):  # others listen, and ask whether they still can
            words.append(spelled.split()[0])
        return await execute(cursor, query, *rest, **named)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counted)
    return words


async def test_a_hold_is_a_look_and_a_taking_in_one_transaction(
    clinic: Clinic, asked: Asked
) -> None:
    slots = Slots(clinic.database)

    writers = await least_writers(clinic, asked, slots.hold_slot)

    assert asked == ["BEGIN", "WITH", "WITH"]
    assert writers == 1


async def test_a_confirmation_is_one_statement(clinic: Clinic, asked: Asked) -> None:
    slots, appointments = Slots(clinic.database), Appointments(clinic.database)

    writers = await least_writers(
        clinic, asked, appointments.confirm_appointment, after=slots.hold_slot
    )

    assert asked == ["UPDATE"]
    assert writers == 1


async def test_a_release_is_one_statement(clinic: Clinic, asked: Asked) -> None:
    slots = Slots(clinic.database)

    async def give_up(request: BookingRequest) -> None:
        await slots.release_slot(Release(request=request, status=Status.CANCELLED, reason="other"))

    writers = await least_writers(clinic, asked, give_up, after=slots.hold_slot)

    assert asked == ["UPDATE"]
    assert writers == 1


async def test_the_three_messages_of_a_visit_are_two_statements(
    clinic: Clinic, asked: Asked
) -> None:
    taken = Taken()
    messages = Messages(
        notifications=Notifications(clinic.database),
        mail=taken,
        sms=taken,
        account_url="http://clinic.example/",
        link_key=b"k" * 32,
        quiet_hours=QuietHours(),
    )
    event = replace(an_event(), appointment_id=await clinic.book(at("09:00")))
    asked.clear()

    await ActivityEnvironment().run(messages.tell_everybody, event)

    assert asked == ["BEGIN", "WITH", "UPDATE"], "it says whom it reads, reads, and records"
    assert len(taken.keys) == 2


async def test_a_look_for_reminders_is_one_statement_and_one_a_step(
    clinic: Clinic, asked: Asked
) -> None:
    async with clinic.database.connect() as connection:
        asked.clear()
        await due_reminders(connection, QuietHours())

    assert asked[1:] == ["WITH"] * len(set(DEFAULT_REMINDERS))


def test_no_statement_is_taken_apart_each_time_that_it_is_run() -> None:
    spelled = {
        name: each.as_string() if isinstance(each, SQL) else str(each.compile(dialect=PSYCOPG))
        for name, each in statements().items()
    }

    assert {name for name, words in spelled.items() if len(words) > KEPT_AS_READ} == set()


class Taken:
    """A provider that takes everything."""

    sender = "no-reply@clinic.example"

    def __init__(self) -> None:
        self.keys: list[UUID] = []

    async def send(
        self,
        _content: Letter | str,
        *,
        to: str,
        notification_id: UUID,
        patience: timedelta = timedelta(),
    ) -> str:
        assert to
        assert patience >= timedelta()
        self.keys.append(notification_id)
        return str(notification_id)


async def least_writers(
    clinic: Clinic, asked: Asked, step: Step, *, after: Step | None = None
) -> int:
    """Take the step for several patients; leaves the statements of the last."""
    writers = []
    for clock in HALF_HOURS:
        request = a_request(
            patient_id=await clinic.patient(),
            doctor_id=clinic.doctor_id,
            clinic_id=clinic.id,
            starts_at=at(clock),
        )
        if after is not None:
            await after(request)
        before = await next_writer(clinic.database)
        asked.clear()
        await step(request)
        statements = list(asked)
        writers.append(await next_writer(clinic.database) - before)
        asked[:] = statements
    return min(writers)


async def next_writer(database: Database) -> int:
    async with database.connect() as connection:
        number: int = (await connection.execute(NEXT_WRITER)).scalar_one()
    return number


async def test_a_doctor_whose_time_stays_is_five_reads_and_one_who_changes_one_statement_more(
    clinic: Clinic, asked: Asked
) -> None:
    every_day = tuple(Weekly(weekday=day, start=time(9), until=time(13)) for day in range(1, 8))
    plan = Plan(effective_from=date(2024, 1, 1), effective_until=None, weekly=every_day)
    order = PlanOrder(doctor_id=clinic.doctor_id, plan=plan, version=0, digest=None, horizon_days=7)
    await clinic.execute("DELETE FROM shifts WHERE doctor_id = :id", id=clinic.doctor_id)
    await write_plan(clinic.database, order, SYSTEM)
    asked.clear()

    await republish(clinic.database, clinic.doctor_id, 7)
    unchanged = list(asked)
    asked.clear()
    await republish(clinic.database, clinic.doctor_id, 60)

    assert unchanged == ["BEGIN", *["SELECT"] * 5]
    assert asked == [*unchanged, "INSERT"]
