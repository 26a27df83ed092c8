"""The day through real PostgreSQL and Valkey: hits, misses, outages, and what is announced."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from uuid import UUID, uuid4

import orjson
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from activities.announcements import Announcements
from adapters.kafka.events import EventPublisher
from adapters.postgres.days import DayBook
from adapters.redis.cache import (
    CHANNEL,
    SEAL_LENGTH,
    DayCache,
    DayReader,
    connect_redis,
    invalidate,
)
from adapters.redis.cached_day import key_of
from domain.audit import Touched
from domain.errors import DoctorNotFound
from tests.builders import SECRET, an_appointment
from tests.clinic_rows import DAY, Clinic, at
from tests.integration.audit_office import Office
from tests.integration.turned_days import TurnedDays
from tests.patience import patient_cache

FREE = ["free", "free", "free", "free"]
NEXT_DAY = DAY + timedelta(days=1)
NOBODY_LISTENS = "127.0.0.1:1"


@pytest.fixture
async def redis(cache_url: str) -> AsyncIterator[Redis]:
    client = connect_redis(cache_url, name="test")
    yield client
    await client.aclose()


@pytest.fixture
async def reader(clinic: Clinic, redis: Redis) -> AsyncIterator[DayReader]:
    reader = DayReader(DayBook(clinic.database), patient_cache(redis))
    yield reader
    await reader.close()


async def read(reader: DayReader, doctor_id: UUID, day: date = DAY) -> tuple[list[str], bool]:
    schedule, was_cached = await reader.read(doctor_id, day)
    await reader.close()  # what is to be cached is cached
    return [slot.state.value for slot in schedule.slots], was_cached


async def test_the_second_read_of_a_day_is_a_hit(clinic: Clinic, reader: DayReader) -> None:
    assert await read(reader, clinic.doctor_id) == (FREE, False)
    assert await read(reader, clinic.doctor_id) == (FREE, True)


async def test_a_cached_day_is_the_same_as_a_fresh_one(clinic: Clinic, reader: DayReader) -> None:
    await clinic.book(at("09:30"))
    await clinic.hold(at("10:00"))

    fresh = await reader.read(clinic.doctor_id, DAY)
    await reader.close()
    cached = await reader.read(clinic.doctor_id, DAY)

    assert (fresh[1], cached[1]) == (False, True)
    assert fresh[0] == cached[0]


async def test_every_change_of_a_row_or_a_shift_is_seen_by_the_next_read(
    clinic: Clinic, reader: DayReader
) -> None:
    await read(reader, clinic.doctor_id)

    held = await clinic.hold(at("09:30"))
    assert await read(reader, clinic.doctor_id) == (["free", "held", "free", "free"], False)
    await clinic.becomes(held, "confirmed")
    assert await read(reader, clinic.doctor_id) == (["free", "booked", "free", "free"], False)
    await clinic.becomes(held, "cancelled")
    assert await read(reader, clinic.doctor_id) == (FREE, False)
    await clinic.on_duty(at("12:00"), at("12:30"))
    assert await read(reader, clinic.doctor_id) == ([*FREE, "free"], False)
    await clinic.execute("UPDATE doctors SET slot_minutes = 60 WHERE id = :id", id=clinic.doctor_id)
    assert await read(reader, clinic.doctor_id) == (["free", "free"], False)


async def test_a_clinic_that_moves_to_another_zone_has_other_days(
    clinic: Clinic, reader: DayReader
) -> None:
    await read(reader, clinic.doctor_id)

    await clinic.execute(
        "UPDATE clinics SET time_zone = 'Pacific/Kiritimati' WHERE id = :id", id=clinic.id
    )

    schedule, _ = await reader.read(clinic.doctor_id, DAY)
    assert schedule.time_zone == "Pacific/Kiritimati"
    assert len(schedule.slots) == 4  # 20:00 to 22:00 there


async def test_a_hold_lapses_in_a_cached_day_without_a_write(clinic: Clinic, redis: Redis) -> None:
    days = TurnedDays(DayBook(clinic.database))
    reader = DayReader(days, patient_cache(redis))
    await clinic.hold(at("09:00"), lasts=timedelta(minutes=10))

    held = await read(reader, clinic.doctor_id)
    days.ahead = timedelta(minutes=11)
    lapsed = await read(reader, clinic.doctor_id)

    assert held == (["held", "free", "free", "free"], False)
    assert lapsed == (FREE, True)


async def test_a_visit_at_another_desk_of_the_practitioner_takes_the_slot(
    clinic: Clinic, reader: DayReader
) -> None:
    person = uuid4()
    here = await clinic.hire(practitioner_id=person)
    there = await clinic.hire(practitioner_id=person)
    for desk in (here, there):
        await clinic.on_duty(at("09:00"), at("10:00"), doctor_id=desk)
    await read(reader, here)

    await clinic.book(at("09:30"), doctor_id=there)

    assert await read(reader, here) == (["free", "booked"], False)


async def test_a_doctor_who_is_not_there_is_refused(reader: DayReader) -> None:
    with pytest.raises(DoctorNotFound):
        await reader.read(uuid4(), DAY)


async def test_nothing_but_the_version_and_the_times_is_cached(
    clinic: Clinic, reader: DayReader, redis: Redis
) -> None:
    await clinic.book(at("09:30"))
    await read(reader, clinic.doctor_id)

    kept = await redis.get(key_of(clinic.doctor_id, DAY))

    version, slots = orjson.loads((kept or b"")[SEAL_LENGTH:])
    assert isinstance(version, str)
    assert all(isinstance(number, int) for slot in slots for number in slot)
    assert 0 < await redis.ttl(key_of(clinic.doctor_id, DAY)) <= 3600


@pytest.mark.parametrize("rubbish", [b"", b"{", b"[1]", b'["v", 7]', b'{"a": 1}', b"\xff"])
async def test_rubbish_in_the_cache_is_a_miss(
    clinic: Clinic, reader: DayReader, redis: Redis, rubbish: bytes
) -> None:
    await redis.set(key_of(clinic.doctor_id, DAY), rubbish)

    assert await read(reader, clinic.doctor_id) == (FREE, False)
    assert await read(reader, clinic.doctor_id) == (FREE, True)


async def test_a_day_that_somebody_else_wrote_into_the_cache_is_a_miss(
    clinic: Clinic, reader: DayReader, redis: Redis
) -> None:
    await clinic.book(at("09:30"))
    shown, _ = await read(reader, clinic.doctor_id)
    key, next_key = key_of(clinic.doctor_id, DAY), key_of(clinic.doctor_id, NEXT_DAY)
    kept = await redis.get(key)
    assert isinstance(kept, bytes)
    version, slots = orjson.loads(kept[SEAL_LENGTH:])
    lie = orjson.dumps([version, [[begins, ends, 0] for begins, ends, _ in slots]])

    for forged in (lie, kept[:SEAL_LENGTH] + lie):
        await redis.set(key, forged)
        assert await read(reader, clinic.doctor_id) == (shown, False)
    await redis.set(next_key, kept)
    assert await patient_cache(redis).get(clinic.doctor_id, NEXT_DAY) is None
    await redis.set(key, kept)
    assert await read(reader, clinic.doctor_id) == (shown, True)


async def test_readers_and_bookings_at_once_never_show_a_confirmed_slot_free(
    clinic: Clinic, redis: Redis
) -> None:
    readers = [DayReader(DayBook(clinic.database), patient_cache(redis)) for _ in range(2)]
    confirmed: set[int] = set()

    async def look(reader: DayReader) -> None:
        for _ in range(40):
            known = set(confirmed)
            states, _ = await read(reader, clinic.doctor_id)
            assert all(states[slot] == "booked" for slot in known)

    async def book() -> None:
        for slot in range(4):
            starts_at = at("09:00") + timedelta(minutes=30) * slot
            await clinic.book(starts_at)
            confirmed.add(slot)
            await invalidate(redis, DayBook(clinic.database), clinic.doctor_id, starts_at)

    await asyncio.gather(book(), *(look(reader) for reader in readers for _ in range(4)))

    assert await read(readers[0], clinic.doctor_id) == (["booked"] * 4, True)


async def test_without_redis_days_come_from_postgresql_and_the_outage_is_told_once(
    clinic: Clinic,
) -> None:
    nobody = connect_redis("redis://127.0.0.1:1/0", name="test")
    reader = DayReader(DayBook(clinic.database), DayCache(nobody, SECRET))

    with capture_logs() as logs:
        answers = [await read(reader, clinic.doctor_id) for _ in range(10)]

    assert answers == [(FREE, False)] * 10
    # Clients of other servers, which tests before this one have left, may complain meanwhile.
    assert [entry["event"] for entry in logs if "redis" in entry["event"]] == ["redis_lost"]
    await nobody.aclose()


async def test_a_silent_redis_is_waited_for_a_few_times_only(clinic: Clinic) -> None:
    asked = 0

    async def say_nothing(incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await incoming.read()
        outgoing.close()
        await outgoing.wait_closed()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    silent = connect_redis(f"redis://127.0.0.1:{port}/0", name="test")
    reader = DayReader(DayBook(clinic.database), DayCache(silent, SECRET))

    answers = [await read(reader, clinic.doctor_id) for _ in range(30)]

    assert answers == [(FREE, False)] * 30
    assert asked < 10
    await silent.aclose()
    server.close()
    await server.wait_closed()


async def test_invalidation_forgets_the_day_and_announces_that_it_has_changed(
    clinic: Clinic, reader: DayReader, redis: Redis
) -> None:
    await read(reader, clinic.doctor_id)
    await clinic.book(at("09:30"))
    async with redis.pubsub() as announcements:
        await announcements.subscribe(CHANNEL)
        await announcements.get_message(timeout=30)

        day = await invalidate(redis, DayBook(clinic.database), clinic.doctor_id, at("09:30"))
        message = await announcements.get_message(timeout=30)

    assert message is not None
    assert day == DAY
    assert orjson.loads(message["data"]) == {
        "doctorId": str(clinic.doctor_id),
        "date": DAY.isoformat(),
    }
    assert await redis.get(key_of(clinic.doctor_id, DAY)) is None


async def test_invalidation_of_a_visit_over_midnight_forgets_both_days(
    clinic: Clinic, reader: DayReader, redis: Redis
) -> None:
    await clinic.on_duty(at("23:45"), at("01:00", NEXT_DAY))
    for day in (DAY, NEXT_DAY):
        await read(reader, clinic.doctor_id, day)

    await invalidate(redis, DayBook(clinic.database), clinic.doctor_id, at("23:45"))

    assert await redis.get(key_of(clinic.doctor_id, DAY)) is None
    assert await redis.get(key_of(clinic.doctor_id, NEXT_DAY)) is None


async def test_a_visit_longer_than_a_slot_changes_the_day_in_which_it_ends_as_well(
    clinic: Clinic, redis: Redis
) -> None:
    announcements = Announcements(
        book=DayBook(clinic.database), redis=redis, publisher=EventPublisher(NOBODY_LISTENS)
    )
    visit = an_appointment(
        doctor_id=clinic.doctor_id, starts_at=at("23:30"), ends_at=at("01:00", NEXT_DAY)
    )

    async with both_days_told(clinic, redis):
        assert await announcements.invalidate_schedule(visit) == DAY.isoformat()


async def test_the_audit_refreshes_the_day_in_which_a_long_visit_ends_as_well(
    office: Office, redis: Redis
) -> None:
    clinic = office.books.clinic
    touched = Touched(
        appointment_id=uuid4(),
        doctor_id=clinic.doctor_id,
        starts_at=at("23:30"),
        ends_at=at("01:00", NEXT_DAY),
    )

    async with both_days_told(clinic, redis):
        await office.audit.refresh_days([touched])


@asynccontextmanager
async def both_days_told(clinic: Clinic, redis: Redis) -> AsyncIterator[None]:
    """Of a visit over midnight: what was kept of them is forgotten, and who looks hears of it."""
    await clinic.on_duty(at("23:30"), at("01:00", NEXT_DAY))
    keys = [key_of(clinic.doctor_id, day) for day in (DAY, NEXT_DAY)]
    for key in keys:
        await redis.set(key, "kept")
    async with redis.pubsub() as announcements:
        await announcements.subscribe(CHANNEL)
        await announcements.get_message(timeout=30)
        yield
        heard = [await announcements.get_message(timeout=30) for _ in keys]
    told = [orjson.loads(each["data"]) for each in heard if each]
    assert [each["date"] for each in told] == [DAY.isoformat(), NEXT_DAY.isoformat()]
    assert {each["doctorId"] for each in told} == {str(clinic.doctor_id)}
    assert await redis.exists(*keys) == 0


async def test_invalidation_without_redis_fails_so_that_it_is_tried_again(clinic: Clinic) -> None:
    nobody = connect_redis("redis://127.0.0.1:1/0", name="test")

    with pytest.raises(RedisError):
        await invalidate(nobody, DayBook(clinic.database), clinic.doctor_id, at("09:30"))

    await nobody.aclose()
