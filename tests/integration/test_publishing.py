"""The horizon moves by itself: plans are published ahead, and only what changes is written."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from temporalio.client import Client, ScheduleActionExecutionStartWorkflow, ScheduleHandle
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities.imports import Imports
from activities.shifts import Shifts
from adapters.postgres.database import Database
from adapters.postgres.days import DayBook
from adapters.postgres.exceptions import Accepted, ExceptionOrder, make_exception
from adapters.postgres.plan_rows import WrittenPlan
from adapters.postgres.plans import PlanOrder, write_plan
from adapters.postgres.publishing import republish
from adapters.temporal.client import TemporalConnection
from api.schedule.publishing import Publishing
from domain.actors import SYSTEM
from domain.plan import Plan, Published, PublishOrder, Weekly
from domain.plan_exceptions import ExceptionKind, ExceptionReason, PlanException, Policy
from tests.clinic_rows import Clinic, at, open_clinic
from worker.publish_schedule import ensure_publishing, keep_publishing
from worker.workers import plans_worker
from workflows.names import PUBLISH_SCHEDULE
from workflows.publish_shifts import PublishShifts

NINE, NOON, ONE = "09:00", "12:00", "13:00"


def working(client: Client, database: Database) -> Worker:
    return plans_worker(client, shifts=Shifts(database), imports=Imports(database))


@dataclass(frozen=True)
class Office:
    """A clinic whose doctor is on duty every day, published seven days ahead."""

    clinic: Clinic

    @property
    def doctor(self) -> UUID:
        return self.clinic.doctor_id

    @property
    def database(self) -> Database:
        return self.clinic.database

    async def plans(
        self,
        doctor_id: UUID,
        *,
        ahead: int = 7,
        since: str = "2024-01-01",
        version: int = 0,
        shorter_on: date | None = None,
    ) -> None:
        shorter = shorter_on and shorter_on.isoweekday()
        weekly = tuple(
            Weekly(
                weekday=day,
                start=time.fromisoformat(NINE),
                until=time.fromisoformat(NOON if day == shorter else ONE),
            )
            for day in range(1, 8)
        )
        plan = Plan(effective_from=date.fromisoformat(since), effective_until=None, weekly=weekly)
        order = PlanOrder(
            doctor_id=doctor_id, plan=plan, version=version, digest=None, horizon_days=ahead
        )
        assert isinstance(await write_plan(self.database, order, SYSTEM), WrittenPlan)

    async def shifts(self, doctor_id: UUID | None = None) -> dict[str, int]:
        """When the doctor comes by the clinic's clock, and the revision of each shift."""
        asked = text(
            "SELECT to_char(lower(during) AT TIME ZONE c.time_zone, 'YYYY-MM-DD HH24:MI') AS day,"
            " revision FROM shifts s JOIN doctors d ON d.id = s.doctor_id"
            " JOIN clinics c ON c.id = d.clinic_id WHERE s.doctor_id = :id ORDER BY during"
        )
        async with self.database.connect() as connection:
            rows = await connection.execute(asked, {"id": doctor_id or self.doctor})
            return {row.day: row.revision for row in rows}

    async def writes(self, hours: list[str], *, version: int) -> None:
        """A further plan of every day, published by nobody yet."""
        weekly = [
            {"weekday": day, "from": each[:5], "until": each[6:], "everyWeeks": 1}
            for day in range(1, 8)
            for each in hours
        ]
        await self.clinic.execute(
            "INSERT INTO plans (id, doctor_id, clinic_id, version, effective_from, weekly)"
            " VALUES (gen_random_uuid(), :doctor, :clinic, :version, '2024-01-01',"
            " CAST(:weekly AS jsonb))",
            doctor=self.doctor,
            clinic=self.clinic.id,
            version=version + 1,
            weekly=json.dumps(weekly),
        )

    async def adds(self, day: date, start: time, until: time) -> None:
        what = PlanException(
            kind=ExceptionKind.ADD,
            start=datetime.combine(day, start),
            until=datetime.combine(day, until),
        )
        order = ExceptionOrder(
            clinic_id=self.clinic.id,
            doctor_id=self.doctor,
            what=what,
            reason=ExceptionReason.OTHER,
            policy=Policy.CALL_LIST,
            digest=None,
        )
        assert isinstance(await make_exception(self.database, order, SYSTEM), Accepted)

    async def hours(self) -> set[tuple[str, str]]:
        """From when until when, on whatever day."""
        asked = text(
            "SELECT DISTINCT"
            " to_char(lower(during) AT TIME ZONE 'Europe/Moscow', 'HH24:MI') AS since,"
            " to_char(upper(during) AT TIME ZONE 'Europe/Moscow', 'HH24:MI') AS until"
            " FROM shifts WHERE doctor_id = :id"
        )
        async with self.database.connect() as connection:
            rows = await connection.execute(asked, {"id": self.doctor})
            return {(row.since, row.until) for row in rows}

    async def versions(self, days: list[date]) -> dict[date, str]:
        """What a day in the cache is compared with."""
        book = DayBook(self.database)
        return {day: (await book.version(self.doctor, day)).version for day in days}

    async def published(self) -> Published:
        wanted = PublishOrder(horizon_days=7, clinic_id=self.clinic.id)
        shifts = Shifts(self.database)
        return await ActivityEnvironment().run(shifts.publish_shifts, wanted)


@pytest.fixture
async def office(scratch: Database) -> Office:
    clinic = await open_clinic(scratch)
    await clinic.execute("DELETE FROM shifts WHERE doctor_id = :id", id=clinic.doctor_id)
    office = Office(clinic)
    await office.plans(clinic.doctor_id)
    return office


async def test_the_next_day_comes_into_the_horizon_and_the_others_stay(office: Office) -> None:
    before = await office.shifts()

    changed = await republish(office.database, office.doctor, 8)

    after = await office.shifts()
    assert changed == 1
    assert list(after)[:-1] == list(before)
    assert before.items() <= after.items()


async def test_what_is_published_already_is_not_written_again(office: Office) -> None:
    before = await office.shifts()

    published = await office.published()

    assert published == Published(doctors=1, changed=0, shifts=0)
    assert await office.shifts() == before


async def test_only_the_days_that_change_lose_their_cache(office: Office) -> None:
    today = datetime.now(ZoneInfo("Europe/Moscow")).date()
    days = [today + timedelta(days=n) for n in range(1, 8)]
    before = await office.versions(days)

    await office.published()
    same = await office.versions(days)
    await office.plans(office.doctor, since=str(days[0]), version=1, shorter_on=days[2])
    after = await office.versions(days)

    assert same == before
    assert [day for day in days if after[day] != before[day]] == [days[2]]


async def test_every_doctor_of_the_clinic_is_counted(office: Office) -> None:
    await office.plans(await office.clinic.hire(), ahead=6)

    published = await office.published()

    assert published == Published(doctors=2, changed=1, shifts=1)


async def test_a_doctor_without_a_plan_keeps_the_shifts_there_are(office: Office) -> None:
    other = await office.clinic.hire()
    ahead = date.today() + timedelta(days=400)  # noqa: DTZ011 - far enough in any zone
    await office.clinic.execute(
        "INSERT INTO shifts (doctor_id, during) VALUES (:id,"
        " tstzrange(CAST(:day AS timestamptz), CAST(:day AS timestamptz) + interval '1 h'))",
        id=other,
        day=f"{ahead}T12:00:00Z",
    )
    before = await office.shifts(other)

    assert await republish(office.database, other, 7) == 0
    assert await republish(office.database, uuid4(), 7) == 0
    assert await office.shifts(other) == before


async def test_days_before_the_first_plan_keep_what_they_have(office: Office) -> None:
    other = await office.clinic.hire()
    await office.clinic.execute(
        "INSERT INTO shifts (doctor_id, during) SELECT :id,"
        " tstzrange(clock_timestamp() + interval '1 day', clock_timestamp() + interval '26 hours')",
        id=other,
    )
    begins = date.today() + timedelta(days=5)  # noqa: DTZ011 - far enough in any zone
    await office.plans(other, since=str(begins))
    before = await office.shifts(other)

    await republish(office.database, other, 7)

    assert await office.shifts(other) == before


async def test_one_shift_far_ahead_opens_no_day_before_it(office: Office) -> None:
    """Neither one that is open, nor one that closes around a visit, nor one that was added."""
    before = await office.shifts()
    far = [date.today() + timedelta(days=n) for n in (100, 200, 300)]  # noqa: DTZ011
    await office.clinic.on_duty(at("08:00", far[0]), at("11:00", far[0]))
    await office.clinic.on_duty(at("09:00", far[1]), at("10:00", far[1]))
    await office.clinic.book(at("09:00", far[1]))
    await office.clinic.execute(
        "UPDATE shifts SET state = 'closing' WHERE doctor_id = :id AND during @> :start",
        id=office.doctor,
        start=at("09:00", far[1]),
    )
    await office.adds(far[2], time(20), time(21))

    await office.published()

    hours = [f"{far[0]} 09:00", f"{far[1]} 09:00", f"{far[2]} 20:00"]
    assert list(await office.shifts()) == [*before, *hours]
    assert await office.hours() == {
        ("09:00", "13:00"),  # planned
        ("09:00", "11:00"),  # what is planned of what was open
        ("09:00", "09:30"),  # the visit
        ("20:00", "21:00"),  # added
    }


async def test_a_far_day_is_published_as_planned_once_it_is_near(office: Office) -> None:
    far = date.today() + timedelta(days=100)  # noqa: DTZ011 - far enough in any zone
    await office.clinic.on_duty(at("08:00", far), at("11:00", far))

    await republish(office.database, office.doctor, 7)
    cut = await office.hours()
    await republish(office.database, office.doctor, 110)

    assert cut == {("09:00", "13:00"), ("09:00", "11:00")}
    assert await office.hours() == {("09:00", "13:00")}


async def test_a_time_that_nobody_has_any_more_is_cut(office: Office) -> None:
    tomorrow = date.today() + timedelta(days=3)  # noqa: DTZ011 - within the horizon in any zone
    await office.clinic.execute(
        "INSERT INTO shifts (doctor_id, during, state) VALUES (:id,"
        " tstzrange(CAST(:day AS timestamptz), CAST(:day AS timestamptz) + interval '1 h'),"
        " 'closing')",
        id=office.doctor,
        day=f"{tomorrow}T12:00:00Z",
    )

    assert (await office.published()).shifts == 1
    assert all(day.endswith(NINE) for day in await office.shifts())


@pytest.mark.parametrize(
    "hours",
    [
        ["10:00 14:00"],
        ["09:00 10:30", "11:00 13:00"],
        ["08:00 09:30", "10:00 12:00", "12:00 15:00"],
        ["13:00 15:00"],
    ],
)
async def test_whatever_becomes_of_the_hours_and_back(office: Office, hours: list[str]) -> None:
    was = set(await office.shifts())
    latest = 1
    for week in (hours, [f"{NINE} {ONE}"]):
        await office.writes(week, version=latest)
        latest += 1

        published = await office.published()
        begins = {day[11:] for day in await office.shifts()}

        assert published.changed == 1
        assert begins == {each[:5] for each in week}
        assert await office.hours() == {tuple(each.split()) for each in week}
    assert set(await office.shifts()) == was


async def test_hours_that_move_away_from_a_visit_leave_it_its_own(office: Office) -> None:
    begins = sorted(await office.shifts())[3]
    await office.clinic.book(at("09:00", date.fromisoformat(begins[:10])))
    await office.writes(["10:00 14:00"], version=1)

    await office.published()

    kept = {day for day in await office.shifts() if day.endswith(NINE)}
    assert kept == {begins}
    assert await office.hours() == {("10:00", "14:00"), ("09:00", "09:30")}


async def test_a_failed_try_goes_on_behind_the_last_doctor_it_told_of(office: Office) -> None:
    environment = ActivityEnvironment()
    last = ["ffffffff-ffff-ffff-ffff-ffffffffffff", 41, 2, 3]
    environment.info = replace(environment.info, heartbeat_details=last)
    shifts = Shifts(office.database)

    published = await environment.run(
        shifts.publish_shifts, PublishOrder(horizon_days=8, clinic_id=office.clinic.id)
    )

    assert published == Published(doctors=41, changed=2, shifts=3)


async def test_another_time_zone_publishes_the_same_wall_clock(
    office: Office, stand_ins: Client
) -> None:
    await office.clinic.execute(
        "UPDATE clinics SET time_zone = 'Asia/Kathmandu' WHERE id = :id", id=office.clinic.id
    )
    publishing = Publishing(TemporalConnection(stand_ins), horizon_days=7)

    async with working(stand_ins, office.database):
        await publishing.begin(office.clinic.id, 2)
        run = stand_ins.get_workflow_handle_for(
            PublishShifts.run, f"{PUBLISH_SCHEDULE}-{office.clinic.id}-2"
        )
        published = await run.result()

    assert published.changed == 1
    today = str(datetime.now(ZoneInfo("Asia/Kathmandu")).date())
    assert {day[11:] for day in await office.shifts() if day >= today} == {NINE}


async def test_the_schedule_publishes_as_soon_as_there_is_a_worker(
    office: Office, schedule: ScheduleHandle, stand_ins: Client
) -> None:
    before = await office.shifts()
    keeping = asyncio.create_task(keep_publishing(stand_ins, horizon_days=9))
    async with working(stand_ins, office.database), asyncio.timeout(60):
        run = await the_first_action_of(schedule)
        await stand_ins.get_workflow_handle_for(PublishShifts.run, run).result()
    keeping.cancel()
    await schedule.pause()
    await eventually_paused(schedule)
    acted = (await schedule.describe()).info.num_actions
    await ensure_publishing(stand_ins, horizon_days=10)

    after = await office.shifts()
    assert len(after) == len(before) + 2
    assert (await schedule.describe()).info.num_actions == acted


@pytest.fixture
async def schedule(stand_ins: Client) -> AsyncIterator[ScheduleHandle]:
    handle = stand_ins.get_schedule_handle(PUBLISH_SCHEDULE)
    yield handle
    await handle.delete()
    gc.collect()


async def the_first_action_of(schedule: ScheduleHandle) -> str:
    """Once the schedule is there, and has acted."""
    while True:
        with suppress(RPCError):
            for each in (await schedule.describe()).info.recent_actions:
                assert isinstance(each.action, ScheduleActionExecutionStartWorkflow)
                return each.action.workflow_id
        await asyncio.sleep(0.1)


async def eventually_paused(schedule: ScheduleHandle) -> None:
    while True:
        if (await schedule.describe()).schedule.state.paused:
            return
        await asyncio.sleep(0.05)
