"""Days and their cache in memory, where a test decides in which order the steps happen."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from adapters.postgres.days import DayVersion, FreshDay
from adapters.redis.cached_day import encoded, key_of
from domain.booking import Status
from domain.day import Day, Taken, compose
from domain.errors import DoctorNotFound
from domain.rules import DoctorGrid
from domain.slot import Interval

DOCTOR = UUID("00000000-0000-4000-8000-0000000000d1")
MONDAY = date(2027, 1, 11)
NINE = datetime(2027, 1, 11, 6, 0, tzinfo=UTC)
SLOT = timedelta(minutes=30)
DESK = DoctorGrid(
    doctor_id=DOCTOR,
    practitioner_id=UUID("00000000-0000-4000-8000-0000000000e1"),
    clinic_id=UUID("00000000-0000-4000-8000-0000000000c1"),
    slot_minutes=30,
    zone=ZoneInfo("Europe/Moscow"),
)

SETTLED = 6
"""Turns of the event loop after which everything that can go on without a step has gone on."""


class ConnectionLost(psycopg.Error):
    """The database went away in the middle of a statement."""


class Steps:
    """Holds every step of every actor until the test lets it happen."""

    def __init__(self) -> None:
        self.taken = 0
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []

    async def step(self, name: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((name, turn))
        try:
            await turn
        except asyncio.CancelledError:
            self._waiting = [each for each in self._waiting if each[1] is not turn]
            raise

    async def possible(self) -> int:
        """How many steps could be next."""
        for _ in range(SETTLED):
            await asyncio.sleep(0)
        return len(self._waiting)

    def take(self, choice: int) -> str:
        name, turn = self._waiting.pop(choice)
        self.taken += 1
        turn.set_result(None)
        return name

    def names(self) -> list[str]:
        return [name for name, _ in self._waiting]


class FakeDayBook:
    """Mirrors `DayBook` for one doctor's day of four slots; the first may be booked."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._revision = 1
        self._taken: list[Taken] = []
        self.faults = 0
        self.composed = 0

    def book_nine(self) -> None:
        self._revision += 1
        self._taken = [
            Taken(starts_at=NINE, ends_at=NINE + SLOT, status=Status.CONFIRMED, held_until=None)
        ]

    def give_up_nine(self) -> None:
        self._revision += 1
        self._taken = []

    async def version(self, doctor_id: UUID, day: date) -> DayVersion:
        await self._steps.step("version")
        if (doctor_id, day) != (DOCTOR, MONDAY):
            raise DoctorNotFound
        return DayVersion(desk=DESK, version=str(self._revision), now=NINE - timedelta(days=1))

    async def day(self, doctor_id: UUID, day: date) -> FreshDay:
        assert (doctor_id, day) == (DOCTOR, MONDAY)
        self.composed += 1
        await self._steps.step("snapshot")
        shift = Interval(starts_at=NINE, ends_at=NINE + 4 * SLOT)
        composed = compose(DESK, MONDAY, str(self._revision), [shift], self._taken)
        await self._steps.step("day answered")
        if self.faults:
            self.faults -= 1
            raise ConnectionLost
        return FreshDay(day=composed, now=NINE - timedelta(days=1))


class FakeDayCache:
    """Mirrors `DayCache`: a value is seen and set at one instant of its own."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._kept: dict[str, bytes] = {}

    async def get(self, doctor_id: UUID, day: date) -> bytes | None:
        await self._steps.step("get")
        return self._kept.get(key_of(doctor_id, day))

    async def put(self, day: Day) -> None:
        await self._steps.step("put")
        self._kept[key_of(day.doctor_id, day.date)] = encoded(day)

    async def forget(self, doctor_id: UUID, day: date) -> None:
        await self._steps.step("forget")
        self._kept.pop(key_of(doctor_id, day), None)
