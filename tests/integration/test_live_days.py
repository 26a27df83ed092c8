"""A doctor's day streamed to open pages as it changes; over HTTP, through a real Valkey."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from adapters.postgres.database import Database
from adapters.postgres.days import DayBook
from adapters.process.settings import product
from adapters.redis.cache import connect_redis, invalidate
from adapters.redis.day_changes import DayChanges
from api.booking.hold import Bookings
from api.schedule.live_days import LiveDays
from api.services import Services
from domain.actors import ANYONE
from tests.builders import SECRET
from tests.clinic_rows import Clinic, at
from tests.integration.conftest import serving_changed
from tests.integration.test_inbox import SECONDS, Stream
from tests.integration.working_runs import WorkingRuns

DATE = at("09:00").date()
PLAN = {
    "effectiveFrom": str(DATE),
    "weekly": [{"weekday": DATE.isoweekday(), "from": "10:00", "until": "10:30"}],
    "version": 0,
}
LEAVE = {
    "kind": "remove",
    "from": f"{DATE}T09:00",
    "until": f"{DATE}T10:30",
    "reason": "illness",
}
SILENCE_IS_BELIEVED_FOR = 3600.0
"""Seconds: what is told here is told by word; `python -m bench.streams` measures how soon."""


@dataclass(frozen=True)
class OpenDay:
    """A page that is open on one day of one doctor."""

    http: httpx.AsyncClient
    clinic: Clinic
    redis_url: str

    @asynccontextmanager
    async def streamed(self, last_event_id: str | None = None) -> AsyncIterator[Stream]:
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        path = f"/doctors/{self.clinic.doctor_id}/schedule/stream"
        async with self.http.stream("GET", path, params={"date": str(DATE)}, headers=headers) as it:
            assert it.status_code == 200
            assert it.headers["content-type"].startswith("text/event-stream")
            yield Stream(it.aiter_lines())

    async def is_taken(self, clock: str, *, told_by: str) -> None:
        """A hold is written, and its day told of as a run does or as the API does."""
        await self.clinic.book(at(clock))
        redis = connect_redis(self.redis_url, name="test")
        if told_by == "run":
            book = DayBook(self.clinic.database)
            await invalidate(redis, book, self.clinic.doctor_id, at(clock))
        else:
            await redis.ping()  # a connection takes its time on a busy machine
            news = DayChanges(redis)
            news.tell(self.clinic.doctor_id, DATE)
            await news.close()
        await redis.aclose()


@pytest.fixture(scope="module")
async def by_word(clinic_database: Database, cache_url: str) -> AsyncIterator[str]:
    """An API whose open days are not looked at again until somebody says that they have changed."""
    redis = connect_redis(cache_url, name="test")
    news = DayChanges(redis, look_every=SILENCE_IS_BELIEVED_FOR)

    def told(services: Services) -> Services:
        return replace(services, live=LiveDays(services.days, news))

    async with serving_changed(clinic_database, cache_url, told) as url:
        yield url
    await news.close()
    await redis.aclose()


@pytest.fixture
async def page(by_word: str, clinic: Clinic, cache_url: str) -> AsyncIterator[OpenDay]:
    async with httpx.AsyncClient(base_url=by_word, timeout=SECONDS) as http:
        yield OpenDay(http, clinic, cache_url)


def state_of(event: dict[str, str], clock: str) -> str:
    slots = json.loads(event["data"])["slots"]
    wanted = at(clock).strftime("%Y-%m-%dT%H:%M:%SZ")
    return next(str(slot["state"]) for slot in slots if slot["dateTime"] == wanted)


def times_of(event: dict[str, str]) -> list[str]:
    return [slot["dateTime"][11:16] for slot in json.loads(event["data"])["slots"]]


async def booked(stream: Stream, clock: str) -> dict[str, str]:
    """The event that shows the slot booked; the hold before it may have been told as well."""
    while True:
        event = await stream.next()
        if state_of(event, clock) == "booked":
            return event


@pytest.mark.parametrize("told_by", ["run", "api"])
async def test_an_open_page_sees_at_once_that_a_slot_is_taken(page: OpenDay, told_by: str) -> None:
    """Two looks are taken unasked as the page is opened: the third change is seen by word alone."""
    clocks = ["09:30", "10:00", "10:30"]
    async with page.streamed() as stream:
        before = await stream.next()
        for clock in clocks:
            await page.is_taken(clock, told_by=told_by)
            after = await booked(stream, clock)

    assert [state_of(before, clock) for clock in clocks] == ["free"] * 3
    assert before["event"] == after["event"] == "day"


async def test_a_hold_over_midnight_is_told_of_to_the_pages_of_both_days(clinic: Clinic) -> None:
    next_day, told, runs = DATE + timedelta(days=1), list[object](), WorkingRuns(clinic.database)
    await clinic.on_duty(at("23:45"), at("00:15", next_day))
    bookings = Bookings(
        clinic.database, runs, product(), SECRET, tell=lambda *day: told.append(day)
    )

    await bookings.hold(await clinic.patient(), clinic.doctor_id, at("23:45"), None, by=ANYONE)

    assert told == [(clinic.doctor_id, DATE), (clinic.doctor_id, next_day)]


@pytest.mark.parametrize(
    ("method", "what", "body", "left"),
    [
        ("PUT", "plan", PLAN, ["07:00"]),
        ("POST", "exceptions", LEAVE, ["07:30"]),
    ],
)
async def test_an_open_page_sees_at_once_that_the_doctor_comes_at_other_times(
    page: OpenDay, method: str, what: str, body: object, left: list[str]
) -> None:
    async with page.streamed() as stream:
        before = times_of(await stream.next())
        path = f"/doctors/{page.clinic.doctor_id}/{what}"
        answer = await page.http.request(method, path, json=body)
        after = times_of(await stream.next())

    assert answer.is_success, answer.text
    assert before == ["06:00", "06:30", "07:00", "07:30"]
    assert after == left


async def test_many_pages_on_one_day_are_all_told(page: OpenDay) -> None:
    async def sees_it(ready: asyncio.Semaphore) -> str:
        async with page.streamed() as stream:
            await stream.next()
            ready.release()
            return (await booked(stream, "10:30"))["event"]

    ready = asyncio.Semaphore(0)
    pages = [asyncio.create_task(sees_it(ready)) for _ in range(20)]
    for _ in pages:
        await ready.acquire()
    await page.is_taken("10:30", told_by="api")

    assert await asyncio.gather(*pages) == ["day"] * 20


async def test_a_page_that_comes_back_is_told_only_what_it_has_not_seen(page: OpenDay) -> None:
    async with page.streamed() as stream:
        last_seen = (await stream.next())["id"]

    async with page.streamed(last_seen) as stream:
        await page.is_taken("09:30", told_by="run")
        first = await stream.next()
    await page.is_taken("10:30", told_by="run")
    async with page.streamed(first["id"]) as stream:
        missed = await booked(stream, "10:30")

    assert state_of(first, "09:30") != "free"
    assert state_of(missed, "09:30") == "booked"


async def test_a_stream_of_no_doctor_is_refused_before_it_begins(page: OpenDay) -> None:
    path = f"/doctors/{uuid4()}/schedule/stream"

    answer = await page.http.get(path, params={"date": str(DATE)})

    assert answer.json()["code"] == "doctor_not_found"
