"""Five days of many visits in minutes: the database's clock is turned, visits move, workers die.

The rules are told here once more, by the wall clock alone, and compared with what was sent."""

import asyncio
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
from tests.integration.reminders_told import DAYS, HOUR, LOOK_EVERY, Life, Visit, wrongs_of

VISITS = int(os.environ.get("VISITS") or (10_000 if os.environ.get("THOROUGH") else 60))
ZONES = ("Europe/London", "America/New_York", "Asia/Kathmandu")
PATIENTS_ZONES = (None, None, "Asia/Tokyo")
CHANGES_OF_A_VISIT = 1.2
NIGHT = QuietHours()
FINDERS_THAT_DIE = 0.15
TELLERS_THAT_DIE = 0.1
DIES_WITHIN = 0.02
"""Seconds: at any instant of what telling one takes."""

AT_ONCE = 500
"""Visits that are booked in one go."""

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
class Days:
    """The days, and what was said in them."""

    database: Database
    dice: random.Random
    now: datetime
    visits: list[Visit] = field(default_factory=list)
    sent: dict[tuple[UUID, datetime, str], datetime] = field(default_factory=dict)
    lost: set[UUID] = field(default_factory=set)
    deaths: int = 0
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
        booked = [self.booked(doctors) for _ in range(VISITS)]
        for first in range(0, VISITS, AT_ONCE):
            async with self.database.connect() as connection:
                await connection.execute(text(BOOK), booked[first : first + AT_ONCE])

    def booked(self, doctors: dict[str, UUID]) -> dict[str, object]:
        zone, own = self.dice.choice(ZONES), self.dice.choice(PATIENTS_ZONES)
        booked_at = self.now - self.dice.choice((HOUR, 5 * HOUR, 3 * DAYS))
        starts_at = self.working_time(ZoneInfo(zone), first=1, last=7)
        visit = Visit(
            id=uuid4(),
            clinic_zone=ZoneInfo(zone),
            patient_zone=ZoneInfo(own or zone),
            booked_at=booked_at,
            lives=[Life(starts_at=starts_at, since=booked_at, moved=False)],
        )
        self.visits.append(visit)
        return {
            "id": visit.id,
            "patient": uuid4(),
            "zone": own,
            "doctor": doctors[zone],
            "starts": starts_at,
            "booked": booked_at,
        }

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
            if reminder.event_id not in self.lost and self.dice.random() < FINDERS_THAT_DIE:
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
        if self.dice.random() < TELLERS_THAT_DIE:
            await self.die_telling(reminder)
        for _ in range(2 if self.dice.random() < 0.15 else 1):
            told = await ActivityEnvironment().run(self.messages.tell_everybody, reminder)
        if told.sms.until is not None:
            self.waiting.append((told.sms.until, reminder))
        if told.sms.state is not State.SENT:
            return
        key = reminder.appointment_id, reminder.starts_at, reminder.step
        assert key not in self.sent, "found again though it was told"
        self.sent[key] = self.now

    async def die_telling(self, reminder: Reminder) -> None:
        """In the middle of it: before the record, between it and the message, or after both."""
        self.deaths += 1
        worker = ActivityEnvironment()
        telling = asyncio.create_task(worker.run(self.messages.tell_everybody, reminder))
        await asyncio.wait((telling,), timeout=DIES_WITHIN * self.dice.random())
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)

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


@pytest.mark.timeout(7200 if VISITS > 60 else 300)
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

    told: defaultdict[UUID, dict[tuple[datetime, str], datetime]] = defaultdict(dict)
    for (visit_id, starts_at, step), sent_at in days.sent.items():
        told[visit_id][starts_at, step] = sent_at
    wrong = [each for visit in days.visits for each in wrongs_of(visit, told[visit.id], begin)]
    assert not wrong, f"seed {seed}: {wrong[:3]}"
    assert len(days.sent) > VISITS / 4
    assert {row.messages for row in rows} == {1}
    by_channel = Counter(row.channel for row in rows)
    assert by_channel == {"sms": len(days.sent), "email": len(days.sent)}
    for provider in (days.mail, days.sms):
        keys = {key for _, key in provider.sent}
        assert len(keys) == len(days.sent)
        assert len(provider.sent) - len(keys) <= days.deaths, "who died had sent it, perhaps"
    print(
        f"{VISITS} visits, {len(days.sent)} reminders told, {len(days.lost)} were found and lost,"
        f" {days.deaths} workers died telling"
    )
