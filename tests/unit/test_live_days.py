"""What pages are told of a day they are open on, by a reader and by news that the test speaks."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from uuid import UUID

import psycopg
import pytest
from redis.asyncio import Redis

from adapters.postgres.database import connect_database
from adapters.postgres.days import DayBook
from adapters.redis.cache import DayCache, DayReader
from adapters.redis.day_changes import DayChanges
from api.schedule import live_days as module
from api.schedule.live_days import LiveDays
from domain.day import DaySchedule, ListedSlot, SlotState
from tests.builders import SECRET
from tests.clinic_rows import DAY, at

DOCTOR = UUID("0197f1f0-0000-7000-8000-00000000d0c7")
NOBODY = Redis()
NOWHERE = connect_database("postgresql://127.0.0.1:1/none", pool_size=1, name="test")


class Book(DayReader):
    """The day as the test wrote it; a read takes as long as the test keeps the book closed."""

    def __init__(self, now: DaySchedule) -> None:
        super().__init__(DayBook(NOWHERE), DayCache(NOBODY, SECRET))
        self.now = now
        self.faults = 0
        self.reads = 0
        self.open = asyncio.Event()
        self.open.set()

    async def read(self, doctor_id: UUID, day: date) -> tuple[DaySchedule, bool]:
        assert (doctor_id, day) == (DOCTOR, DAY)
        now = self.now
        self.reads += 1
        await self.open.wait()
        if self.faults:
            self.faults -= 1
            raise psycopg.Error
        return now, False


class Word(DayChanges):
    """Nothing is heard but what the test says."""

    def __init__(self) -> None:
        super().__init__(NOBODY)
        self.heard = asyncio.Event()

    @contextmanager
    def listening(self, doctor_id: UUID, day: date) -> Iterator[asyncio.Event]:
        assert (doctor_id, day) == (DOCTOR, DAY)
        yield self.heard


def day(version: str, *states: SlotState) -> DaySchedule:
    half_an_hour = timedelta(minutes=30)
    slots = tuple(
        ListedSlot(
            starts_at=at("09:00") + number * half_an_hour,
            ends_at=at("09:00") + (number + 1) * half_an_hour,
            state=state,
        )
        for number, state in enumerate(states)
    )
    return DaySchedule(
        doctor_id=DOCTOR,
        clinic_id=DOCTOR,
        date=DAY,
        time_zone="Europe/Moscow",
        version=version,
        slots=slots,
    )


FREE = day("1", SlotState.FREE, SlotState.FREE)
TAKEN = day("2", SlotState.BOOKED, SlotState.FREE)
FULL = day("3", SlotState.BOOKED, SlotState.BOOKED)


async def first_look(book: Book) -> None:
    """A new watcher looks once by itself; without a closed book it has then seen the day."""
    async with asyncio.timeout(5):
        while not book.reads:  # noqa: ASYNC110 - it goes on in this loop, with nothing to wait for
            await asyncio.sleep(0)


async def next_of(changes: AsyncGenerator[DaySchedule]) -> DaySchedule:
    return await anext(changes)


async def test_a_change_before_the_first_page_listens_is_told_without_a_word_of_it() -> None:
    book, word = Book(FREE), Word()
    live = LiveDays(book, word)
    changes = live.changes(FREE)
    book.now = TAKEN  # nobody listens yet

    async with asyncio.timeout(5):
        assert await next_of(changes) == TAKEN

    await changes.aclose()


async def test_a_page_that_knows_more_is_never_told_what_was_before() -> None:
    book, word = Book(FREE), Word()
    live = LiveDays(book, word)
    early, late = live.changes(FREE), live.changes(TAKEN)
    told_early = asyncio.create_task(next_of(early))
    await first_look(book)
    book.now = TAKEN  # and the word of it is lost

    told_late = asyncio.create_task(next_of(late))
    async with asyncio.timeout(5):
        assert await told_early == TAKEN
        book.now = FULL
        word.heard.set()
        assert await told_late == FULL

    await early.aclose()
    await late.aclose()


async def test_a_look_that_began_before_the_page_came_does_not_settle_what_is_so() -> None:
    book, word = Book(FREE), Word()
    live = LiveDays(book, word)
    early, late = live.changes(FREE), live.changes(TAKEN)
    told_early = asyncio.create_task(next_of(early))
    book.open.clear()
    await first_look(book)  # it reads the day as it was
    async with asyncio.timeout(5):
        book.now = TAKEN

        told_late = asyncio.create_task(next_of(late))
        await asyncio.sleep(0)
        book.open.set()

        assert await told_early == TAKEN
        book.now = FULL
        word.heard.set()
        assert await told_late == FULL

    await early.aclose()
    await late.aclose()


async def test_a_page_that_knows_more_waits_for_a_database_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.01)
    book, word = Book(FREE), Word()
    live = LiveDays(book, word)
    early, late = live.changes(FREE), live.changes(TAKEN)
    told_early = asyncio.create_task(next_of(early))
    await first_look(book)
    book.now, book.faults = TAKEN, 2

    told_late = asyncio.create_task(next_of(late))
    async with asyncio.timeout(5):
        assert await told_early == TAKEN
        book.now = FULL
        word.heard.set()
        assert await told_late == FULL

    await early.aclose()
    await late.aclose()


async def test_the_last_page_that_leaves_ends_the_watching_and_the_next_begins_anew() -> None:
    book, word = Book(TAKEN), Word()
    live = LiveDays(book, word)
    for _ in range(2):
        changes = live.changes(FREE)
        word.heard.set()
        async with asyncio.timeout(5):
            assert await next_of(changes) == TAKEN
        await changes.aclose()
        word.heard.clear()
        before = book.reads
        word.heard.set()
        await asyncio.sleep(0)
        assert book.reads == before
