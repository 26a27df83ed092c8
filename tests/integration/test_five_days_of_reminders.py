"""Five days of many visits in minutes: the database's clock is turned, visits move, workers die.

The rules are told here once more, by the wall clock alone, and compared with what was sent."""

import os
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import make_url, text
from temporalio.testing import ActivityEnvironment

from activities.messages import Messages
from adapters.postgres.database import Database, connect_database
from adapters.postgres.notifications import Notifications, State
from adapters.postgres.reminders import due_reminders
from domain.quiet_hours import QuietHours
from domain.reminders import Reminder
from tests.integration.audit_rows import scratch_database
from tests.integration.providers import Provider

VISITS = 10_000 if os.environ.get("THOROUGH") else 60
LOOK_EVERY = timedelta(minutes=20)
"""The product looks twice a minute; what is due is found by the next look."""

DAYS = timedelta(days=5)
STEPS = {"P3D": 3, "P1D": 1}
ZONES = ("Europe/London", "America/New_York", "Asia/Kathmandu")
PATIENTS_ZONES = (None, None, "Asia/Tokyo")
CHANGES_OF_A_VISIT = 1.2
NIGHT = QuietHours()

HOUR = timedelta(hours=1)
# In front of PostgreSQL's own, for every session of this database: functions and triggers too.
CLOCK = (
    "CREATE SCHEMA clock",
    "CREATE TABLE clock.hand (at timestamptz NOT NULL)",
    *(
        f"CREATE FUNCTION clock.{name}() RETURNS timestamptz STABLE LANGUAGE sql"
        " RETURN (TABLE clock.hand)"
        for name in ("clock_timestamp", "statement_timestamp")
    ),
)
BOOK = """
WITH patient AS (
    INSERT INTO patients (id, full_name, phone, email, time_zone)
    VALUES (:patient, 'A', '+7', 'a@b.c', CAST(:zone AS text)) RETURNING id
)
INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status, overbook,
    confirmed_at)
SELECT :id, id, :doctor, CAST(:starts AS timestamptz),
    CAST(:starts AS timestamptz) + interval '30 minutes', 'confirmed', true, :booked
FROM patient
"""
MOVE = """
UPDATE schedules SET starts_at = :starts, ends_at = CAST(:starts AS timestamptz)
    + interval '30 minutes' WHERE id = :id
"""
CANCEL = "UPDATE schedules SET status = 'cancelled' WHERE id = :id"
SENT = text("""
SELECT appointment_id, starts_at, step, channel, count(*) AS messages FROM notifications
WHERE status = 'sent' GROUP BY 1, 2, 3, 4
""")


@dataclass(kw_only=True)
class Life:
    """A visit at one time: from its booking, or its move there, until it moves or ends."""

    starts_at: datetime
    since: datetime
    moved: bool
    until: datetime | None = None


@dataclass(kw_only=True)
class Visit:
    id: UUID
    clinic_zone: ZoneInfo
    patient_zone: ZoneInfo
    booked_at: datetime
    lives: list[Life]


@dataclass(kw_only=True)
class Days:
    """The days, and what was said in them."""

    database: Database
    dice: random.Random
    now: datetime
    visits: list[Visit] = field(default_factory=list)
    sent: dict[tuple[UUID, datetime, str], datetime] = field(default_factory=dict)
    lost: set[UUID] = field(default_factory=set)
    waiting: list[tuple[datetime, Reminder]] = field(default_factory=list)
    """Those that were found by night, each until its morning."""

    mail: Provider = field(default_factory=Provider)
    sms: Provider = field(default_factory=Provider)

    async def execute(self, statement: str, **values: object) -> None:
        async with self.database.connect() as connection:
            await connection.execute(text(statement), values)

    def working_time(self, zone: ZoneInfo, *, first: int, last: int) -> datetime:
        """Of one of the next days, by day; no time twice."""
        day = self.now.astimezone(zone).date() + timedelta(days=self.dice.randint(first, last))
        clock = time(self.dice.randint(7, 19), self.dice.randint(0, 59), self.dice.randint(0, 59))
        return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)

    async def book(self, doctors: dict[str, UUID]) -> None:
        for _ in range(VISITS):
            zone = self.dice.choice(ZONES)
            own = self.dice.choice(PATIENTS_ZONES)
            booked_at = self.now - self.dice.choice((HOUR, 5 * HOUR, 3 * DAYS))
            starts_at = self.working_time(ZoneInfo(zone), first=1, last=7)
            visit = Visit(
                id=uuid4(),
                clinic_zone=ZoneInfo(zone),
                patient_zone=ZoneInfo(own or zone),
                booked_at=booked_at,
                lives=[Life(starts_at=starts_at, since=booked_at, moved=False)],
            )
            await self.execute(
                BOOK,
                id=visit.id,
                patient=uuid4(),
                zone=own,
                doctor=doctors[zone],
                starts=starts_at,
                booked=booked_at,
            )
            self.visits.append(visit)

    async def go_on(self) -> None:
        """One look further: some visits change, and who is found is told, twice, or not yet."""
        await self.execute("UPDATE clock.hand SET at = :now", now=self.now)
        looks = DAYS / LOOK_EVERY
        for visit in self.visits:
            if self.dice.random() < CHANGES_OF_A_VISIT / looks:
                await self.change(visit)
        async with self.database.connect() as connection:
            found = await due_reminders(connection, NIGHT)
        due = [each for until, each in self.waiting if until <= self.now]
        self.waiting = [each for each in self.waiting if each[0] > self.now]
        for reminder in found:
            if reminder.event_id not in self.lost and self.dice.random() < 0.15:
                self.lost.add(reminder.event_id)  # whoever found it has died
            else:
                await self.tell(reminder)
        for reminder in due:
            await self.tell(reminder)
        self.now += LOOK_EVERY

    async def change(self, visit: Visit) -> None:
        life = visit.lives[-1]
        if life.until is not None or life.starts_at <= self.now:
            return
        life.until = self.now
        if self.dice.random() < 0.3:
            await self.execute(CANCEL, id=visit.id)
            return
        starts_at = self.working_time(visit.clinic_zone, first=1, last=5)
        await self.execute(MOVE, id=visit.id, starts=starts_at)
        visit.lives.append(Life(starts_at=starts_at, since=self.now, moved=True))

    async def tell(self, reminder: Reminder) -> None:
        """Nobody knows of some that they were told, so that another worker tells them again."""
        for _ in range(2 if self.dice.random() < 0.15 else 1):
            told = await ActivityEnvironment().run(self.messages.tell_everybody, reminder)
        if told.sms.until is not None:
            self.waiting.append((told.sms.until, reminder))
        if told.sms.state is not State.SENT:
            return
        key = reminder.appointment_id, reminder.starts_at, reminder.step
        assert key not in self.sent, "found again though it was told"
        self.sent[key] = self.now

    @property
    def messages(self) -> Messages:
        return Messages(
            notifications=Notifications(self.database),
            mail=self.mail,
            sms=self.sms,
            account_url="http://x/",
            link_key=b"k" * 32,
            quiet_hours=NIGHT,
        )


@asynccontextmanager
async def days_from(database: Database, start: datetime, seed: int) -> AsyncIterator[Days]:
    async with scratch_database(database) as scratch:
        name = make_url(scratch.url).database
        for statement in (
            *CLOCK,
            f"ALTER DATABASE {name} SET search_path = clock, pg_catalog, public",
        ):
            async with scratch.connect() as connection:
                await connection.execute(text(statement))
        async with connect_database(
            scratch.url, pool_size=2, name="days", statement_seconds=60
        ) as turned:
            days = Days(database=turned, dice=random.Random(seed), now=start)
            await days.execute("INSERT INTO clock.hand VALUES (:now)", now=start)
            await days.book({zone: await a_doctor(days, zone) for zone in ZONES})
            yield days


async def a_doctor(days: Days, zone: str) -> UUID:
    """On duty all the time."""
    clinic, doctor = uuid4(), uuid4()
    await days.execute(
        "INSERT INTO clinics (id, name, address, time_zone) VALUES (:id, 'C', 'S', :zone)",
        id=clinic,
        zone=zone,
    )
    await days.execute(
        "INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id)"
        " VALUES (:id, :id, 'D', 's', :clinic)",
        id=doctor,
        clinic=clinic,
    )
    await days.execute(
        "INSERT INTO shifts (doctor_id, during) VALUES (:id, tstzrange(:begin, :end))",
        id=doctor,
        begin=days.now - DAYS,
        end=days.now + 4 * DAYS,
    )
    return doctor


@pytest.mark.timeout(7200 if VISITS > 60 else 240)
@pytest.mark.parametrize("start", ["2030-10-25T00:00", "2030-03-08T00:00"])
async def test_each_step_is_told_once_to_who_is_alive_and_never_to_who_is_not(
    clinic_database: Database, start: str
) -> None:
    """Over the changes of the clocks in London, and in New York."""
    seed = random.randrange(2**32)
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    async with days_from(clinic_database, begin, seed) as days:
        while days.now < begin + DAYS:
            await days.go_on()
        async with days.database.connect() as connection:
            rows = (await connection.execute(SENT)).all()

    wrong = [each for visit in days.visits for each in wrongs_of(visit, days, begin)]
    assert not wrong, f"seed {seed}: {wrong[:3]}"
    assert len(days.sent) > VISITS / 4
    assert {row.messages for row in rows} == {1}
    by_channel = Counter(row.channel for row in rows)
    assert by_channel == {"sms": len(days.sent), "email": len(days.sent)}
    for provider in (days.mail, days.sms):
        assert len({key for _, key in provider.sent}) == len(provider.sent) == len(days.sent)


def wrongs_of(visit: Visit, days: Days, begin: datetime) -> list[str]:
    told: defaultdict[datetime, dict[str, datetime]] = defaultdict(dict)
    for (id_, starts_at, step), sent_at in days.sent.items():
        if id_ == visit.id:
            told[starts_at][step] = sent_at
    wrong = []
    for life in visit.lives:
        for step, ahead in STEPS.items():
            due = due_of(visit, life, ahead)
            at = told[life.starts_at].pop(step, None)
            if at is not None and (due is None or not due <= at <= latest(visit, due, begin)):
                wrong.append(f"{step} told at {at}, due {due}: {life}")
            if at is not None and not life.since <= at < (life.until or life.starts_at):
                wrong.append(f"{step} told at {at} of what is dead: {life}")
            if at is None and due is not None and is_seen(visit, due, life, begin):
                wrong.append(f"{step} not told, due {due}: {life}")
    wrong += [f"told of no such time: {other}" for other, steps in told.items() if steps]
    return wrong


def latest(visit: Visit, due: datetime, begin: datetime) -> datetime:
    """The next look but one, or the morning, if that look is by night."""
    found = (max(due, begin) + 2 * LOOK_EVERY).astimezone(visit.patient_zone)
    if 8 <= found.hour < 21:
        return found
    morning = found.date() + timedelta(days=found.hour >= 21)
    return datetime.combine(morning, time(8), tzinfo=visit.patient_zone) + LOOK_EVERY


def is_seen(visit: Visit, due: datetime, life: Life, begin: datetime) -> bool:
    """Whether all the looks that may come to it find it alive: the first may be lost."""
    until = min(life.until or begin + DAYS, life.starts_at, begin + DAYS)
    return due >= begin and latest(visit, due, begin) + LOOK_EVERY < until


def due_of(visit: Visit, life: Life, ahead: int) -> datetime | None:
    """The same clock some days before; by night in the morning, else in the evening before."""
    wall = life.starts_at.astimezone(visit.clinic_zone).replace(tzinfo=None)
    due = (wall - timedelta(days=ahead)).replace(tzinfo=visit.clinic_zone).astimezone(UTC)
    earliest = visit.booked_at + 2 * HOUR
    if life.moved:
        earliest = max(earliest, life.since - timedelta(seconds=90))
    if due < earliest:
        return None
    local = due.astimezone(visit.patient_zone)
    if 8 <= local.hour < 21:
        return due
    evening = local.date() - timedelta(days=local.hour < 8)
    morning = datetime.combine(evening + timedelta(days=1), time(8), tzinfo=visit.patient_zone)
    if morning <= life.starts_at - 2 * HOUR:
        return morning.astimezone(UTC)
    before = datetime.combine(evening, time(20, 45), tzinfo=visit.patient_zone).astimezone(UTC)
    return before if before >= earliest else due
