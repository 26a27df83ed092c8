"""Days as the API answers them, over real PostgreSQL and Valkey: the same whichever way."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import date
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from adapters.postgres.database import connect_database
from adapters.postgres.days import DayBook, DayKey, DayVersion, FreshDay
from adapters.redis.cache import DayReader, connect_redis
from api.schedule.rendered_days import RenderedDays
from domain.errors import DoctorNotFound
from tests.clinic_rows import DAY, Clinic, at, open_clinic
from tests.patience import patient_cache

WAITING = 1_000


class CountingBook(DayBook):
    """Counts what is asked of the database."""

    composed = 0
    looked = 0

    async def day(
        self,
        doctor_id: UUID,
        day: date,
        *,
        moving: UUID | None = None,
        minutes: int | None = None,
    ) -> FreshDay:
        self.composed += 1
        return await super().day(doctor_id, day, moving=moving, minutes=minutes)

    async def _look(self, days: Iterable[DayKey]) -> Mapping[DayKey, DayVersion]:
        self.looked += 1
        return await super()._look(days)


@pytest.fixture
async def redis(cache_url: str) -> AsyncIterator[Redis]:
    client = connect_redis(cache_url, name="test")
    yield client
    await client.aclose()


async def answered(api: str, request: bytes) -> list[bytes]:
    """The lines of the whole answer but for its date, as they came."""
    parts = urlsplit(api)
    reading, writing = await asyncio.open_connection(parts.hostname, parts.port)
    writing.write(request)
    answer = await asyncio.wait_for(reading.read(), 10)
    writing.close()
    await writing.wait_closed()
    return [line for line in answer.split(b"\r\n") if not line.lower().startswith(b"date:")]


def request(doctor: str, query: str, *headers: str, method: str = "GET") -> bytes:
    lines = [
        f"{method} /api/v1/doctors/{doctor}/schedule?{query} HTTP/1.1",
        "host: localhost",
        "x-request-id: the-same",
        "connection: close",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def both_ways(
    api: str, doctor: str, query: str, *headers: str, method: str = "GET"
) -> tuple[list[bytes], list[bytes]]:
    """In front of the framework, and by its route: a query that ends in `&` means the same."""
    return (
        await answered(api, request(doctor, query, *headers, method=method)),
        await answered(api, request(doctor, f"{query}&", *headers, method=method)),
    )


def tag_in(answer: list[bytes]) -> str:
    return next(line[6:].decode() for line in answer if line.startswith(b"etag: "))


async def test_both_ways_answer_byte_for_byte_the_same(api: str, clinic: Clinic) -> None:
    await clinic.book(at("09:30"))
    await clinic.hold(at("10:00"))
    await answered(api, request(str(clinic.doctor_id), f"date={DAY}"))  # a hit from now on
    doctors = [str(clinic.doctor_id), str(clinic.doctor_id).upper(), str(uuid4()), "7"]
    dates = [str(DAY), "2030-01-15", "2020-01-15", "2030-02-30", "1999-12-31", ""]
    conditions = [
        "",
        "if-none-match: *",
        'if-none-match: "a"',
        "if-none-match:",
        "accept: text/html",
    ]
    statuses = set()

    for doctor, day, condition, method in itertools.product(
        doctors, dates, conditions, ("GET", "HEAD")
    ):
        headers = [condition] if condition else []
        await answered(api, request(doctor, f"date={day}", method=method))
        plain, routed = await both_ways(api, doctor, f"date={day}", *headers, method=method)
        assert plain == routed
        statuses.add(plain[0].split()[1])

    assert statuses == {b"200", b"304", b"404", b"422"}


async def test_both_ways_know_a_body_by_its_tag(api: str, clinic: Clinic) -> None:
    doctor = str(clinic.doctor_id)
    tag = tag_in(await answered(api, request(doctor, f"date={DAY}")))

    for known in (tag, f"W/{tag}", f'"b", {tag}'):
        plain, routed = await both_ways(api, doctor, f"date={DAY}", f"if-none-match: {known}")

        assert plain == routed
        assert plain[0].split()[1] == b"304"


async def test_both_ways_miss_alike_after_a_change(api: str, clinic: Clinic) -> None:
    doctor = str(clinic.doctor_id)
    touch = "UPDATE shifts SET during = during WHERE doctor_id = :id"

    await clinic.execute(touch, id=clinic.doctor_id)
    plain = await answered(api, request(doctor, f"date={DAY}"))
    await clinic.execute(touch, id=clinic.doctor_id)
    routed = await answered(api, request(doctor, f"date={DAY}&"))

    assert b"cache-status: priyom; fwd=miss" in plain
    assert b"cache-status: priyom; fwd=miss" in routed
    names = [[line.split(b":")[0] for line in each[:-1]] for each in (plain, routed)]
    assert names[0] == names[1]
    assert tag_in(plain) != tag_in(routed)


async def test_requests_are_counted_alike_both_ways(api: str, clinic: Clinic) -> None:
    async def counted() -> float:
        root = api.removesuffix("/api/v1")
        metrics = await answered(
            root, b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        )
        label = b'route="/api/v1/doctors/{doctor_id}/schedule"'
        lines = b"\n".join(metrics).splitlines()
        return sum(
            float(line.split()[-1])
            for line in lines
            if line.startswith(b"priyom_http_requests_total{") and label in line
        )

    before = await counted()
    await both_ways(api, str(clinic.doctor_id), f"date={DAY}")

    assert await counted() == before + 2


async def test_a_changed_day_is_composed_once_for_a_thousand_who_wait_for_it(
    clinic: Clinic, redis: Redis
) -> None:
    book = CountingBook(clinic.database)
    reader = DayReader(book, patient_cache(redis))
    days = RenderedDays(reader)
    await days.read(clinic.doctor_id, DAY)
    await clinic.book(at("09:30"))
    book.composed = book.looked = 0

    read = await asyncio.gather(*(days.read(clinic.doctor_id, DAY) for _ in range(WAITING)))

    assert book.composed == 1
    assert book.looked <= 2
    assert len({day.body for day, _ in read}) == 1
    assert b'"booked"' in read[0][0].body
    await reader.close()


async def test_another_process_takes_the_day_from_redis(clinic: Clinic, redis: Redis) -> None:
    first, second = (DayReader(DayBook(clinic.database), patient_cache(redis)) for _ in range(2))
    written, was_cached = await RenderedDays(first).read(clinic.doctor_id, DAY)
    await first.close()

    again, was_cached_there = await RenderedDays(second).read(clinic.doctor_id, DAY)

    assert (was_cached, was_cached_there) == (False, True)
    assert again.body == written.body


async def test_versions_that_are_asked_together_are_those_that_are_asked_alone(
    clinic: Clinic,
) -> None:
    other = await open_clinic(clinic.database)
    await other.execute(
        "UPDATE clinics SET time_zone = 'Pacific/Kiritimati' WHERE id = :id", id=other.id
    )
    await clinic.book(at("09:30"))
    book = CountingBook(clinic.database)
    alone = [
        (await DayBook(clinic.database).version(each.doctor_id, DAY)) for each in (clinic, other)
    ]

    *together, nobody = await asyncio.gather(
        book.version(clinic.doctor_id, DAY),
        book.version(other.doctor_id, DAY),
        book.version(uuid4(), DAY),
        return_exceptions=True,
    )

    assert book.looked == 1
    assert isinstance(nobody, DoctorNotFound)
    for one, same in zip(alone, together, strict=True):
        assert not isinstance(same, BaseException)
        assert (one.version, one.desk) == (same.version, same.desk)


async def test_connections_that_died_in_the_pool_are_forgiven(clinic: Clinic) -> None:
    database = connect_database(clinic.database.url, pool_size=3, name="mortal")
    await database.open()
    books = [DayBook(database) for _ in range(3)]

    async def versions() -> set[str]:
        told = await asyncio.gather(*(book.version(clinic.doctor_id, DAY) for book in books))
        return {each.version for each in told}

    before = await versions()

    await clinic.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mortal'"
    )

    assert await versions() == before
    await database.close()
