"""Days that a process has written and serves again: only while they are so."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import orjson
import pytest

from adapters.postgres.days import DayVersion, FreshDay
from adapters.redis.cache import DayReader
from api.schedule.rendered_days import BESIDE_BODY, RenderedDays, WrittenDay, written
from domain.day import Day, DaySlot
from tests.fakes.cache import DESK, DOCTOR, MONDAY, NINE, SLOT

EARLY = NINE - timedelta(hours=1)
TEN_MINUTES = timedelta(minutes=10)


class Book:
    """A day of two slots whose first is held; its clock is the test's."""

    def __init__(self) -> None:
        self.now = EARLY
        self.version_now = "1"
        self.held_until: datetime | None = EARLY + TEN_MINUTES
        self.composed = 0

    async def version(self, doctor_id: UUID, day: date) -> DayVersion:
        assert (doctor_id, day.year) == (DOCTOR, MONDAY.year)
        return DayVersion(desk=DESK, version=self.version_now, now=self.now)

    async def day(self, doctor_id: UUID, day: date) -> FreshDay:
        self.composed += 1
        slots = (
            DaySlot(starts_at=NINE, ends_at=NINE + SLOT, booked=False, held_until=self.held_until),
            DaySlot(starts_at=NINE + SLOT, ends_at=NINE + 2 * SLOT, booked=True, held_until=None),
        )
        composed = Day(
            doctor_id=doctor_id,
            clinic_id=DESK.clinic_id,
            date=day,
            time_zone=DESK.zone.key,
            version=self.version_now,
            slots=slots,
        )
        return FreshDay(day=composed, now=self.now)


class NoCache:
    """Keeps nothing, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def get(self, doctor_id: UUID, day: date) -> bytes | None:
        del doctor_id, day
        self.asked += 1
        return None

    async def put(self, day: Day) -> None:
        del day


class Pages:
    """A process that writes days."""

    def __init__(self, *, most_bytes: int = 1_000_000) -> None:
        self.book, self.cache = Book(), NoCache()
        self.days = RenderedDays(DayReader(self.book, self.cache), most_bytes=most_bytes)

    async def read(self, day: date = MONDAY) -> tuple[list[str], bool]:
        written, was_cached = await self.days.read(DOCTOR, day)
        return states(written), was_cached


def states(day: WrittenDay) -> list[str]:
    return [slot["state"] for slot in orjson.loads(day.body)["slots"]]


async def test_a_day_of_the_same_version_is_neither_fetched_nor_written_again() -> None:
    pages = Pages()
    first, _ = await pages.days.read(DOCTOR, MONDAY)

    second, was_cached = await pages.days.read(DOCTOR, MONDAY)

    assert second is first
    assert was_cached
    assert (pages.book.composed, pages.cache.asked) == (1, 1)


async def test_a_day_of_another_version_is_fetched() -> None:
    pages = Pages()
    await pages.read()

    pages.book.version_now, pages.book.held_until = "2", None

    assert await pages.read() == (["free", "booked"], False)
    assert pages.book.composed == 2


@pytest.mark.parametrize(
    ("passes", "seen"),
    [
        (timedelta(0), ["held", "booked"]),
        (TEN_MINUTES - timedelta(microseconds=1), ["held", "booked"]),
        (TEN_MINUTES, ["free", "booked"]),
        (timedelta(hours=1), ["booked"]),
        (timedelta(hours=2), []),
        (-timedelta(hours=1), ["held", "booked"]),  # a clock that was set back
    ],
)
async def test_a_lapse_and_the_passing_of_time_need_no_new_version(
    passes: timedelta, seen: list[str]
) -> None:
    pages = Pages()
    await pages.read()

    pages.book.now = EARLY + passes

    assert (await pages.read())[0] == seen


async def test_what_was_read_least_lately_is_forgotten_first() -> None:
    days = [MONDAY + timedelta(days=n) for n in range(3)]
    size = len((await Pages().days.read(DOCTOR, MONDAY))[0].body) + BESIDE_BODY
    pages = Pages(most_bytes=2 * size)
    await pages.read(days[0])
    await pages.read(days[1])
    await pages.read(days[0])
    await pages.read(days[2])

    composed = pages.book.composed
    await pages.read(days[0])
    assert pages.book.composed == composed
    await pages.read(days[1])
    assert pages.book.composed == composed + 1


async def test_a_day_that_is_written_anew_takes_its_place_once() -> None:
    size = len((await Pages().days.read(DOCTOR, MONDAY))[0].body) + BESIDE_BODY
    pages = Pages(most_bytes=3 * size)
    other = MONDAY + timedelta(days=1)
    await pages.read(other)

    for version in range(20):
        pages.book.version_now = str(version)
        await pages.read()
    pages.book.version_now = "1"
    composed = pages.book.composed

    await pages.read(other)

    assert pages.book.composed == composed


async def test_a_day_without_slots_is_so_for_ever() -> None:
    day = Day(
        doctor_id=DOCTOR,
        clinic_id=DESK.clinic_id,
        date=MONDAY,
        time_zone=DESK.zone.key,
        version="1",
        slots=(),
    )

    assert written(day, EARLY).is_so("1", datetime(2100, 12, 31, tzinfo=UTC))
