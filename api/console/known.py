"""All that the servers know of one appointment, asked at once: the source of `priyom why`."""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from uuid import UUID

import orjson
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from temporalio.client import Client
from temporalio.service import RPCError

from adapters.kafka.brokers import KafkaServers
from adapters.kafka.dead_letters import dead_records
from adapters.kafka.events import APPOINTMENTS, GROUP
from adapters.kafka.lag import lag_of
from adapters.postgres.booking_search import Kept, bookings_coded, kept
from adapters.postgres.console import events_in_doubt
from adapters.postgres.database import Connection, Database
from adapters.postgres.days import DayBook
from adapters.postgres.offers import visit_of_offer
from adapters.postgres.reads import read, read_by_cursor
from adapters.postgres.trail import Change, history_of
from adapters.postgres.visits import visit
from adapters.redis.cache import DayCache
from api.booking.run_summary import RunSummary, summary_of
from api.booking.story import RunTold, runs_of
from api.booking.temporal_errors import NoAnswer, NoRun, translated
from domain.booking import Appointment
from domain.errors import DoctorNotFound
from domain.slot import day_of

CACHE_SECONDS = 2.0
"""How long the cache has to answer. A reader of days waits less: it has no need of the cache."""


class InCache(StrEnum):
    """What the cache has of the doctor's day."""

    CURRENT = "the day as it is"
    OLDER = "an older version, which no reader is given"
    NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class Known:
    """`runs` is null where Temporal does not answer, `lag` where Kafka does not.

    `parked` are the reasons of its records that nobody could read.
    """

    appointment_id: UUID
    kept: Kept | None
    changes: list[Change]
    run: RunSummary | None
    runs: list[RunTold] | None
    in_doubt: list[str]
    lag: int | None
    parked: list[str]
    in_cache: InCache
    offer_of: UUID | None = None
    """The appointment that this one is an offer to, if it is one."""

    @property
    def row(self) -> Appointment | None:
        return self.kept.visit.appointment if self.kept else None


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Where everything is known."""

    database: Database
    temporal: Client | None
    redis: Redis
    kafka: KafkaServers
    secret: bytes


async def appointment_named(servers: Servers, written: str) -> UUID | None:
    """By its whole id, or by the reference that messages and pages show."""
    try:
        return UUID(written)
    except ValueError:
        pass

    async def ask(connection: Connection) -> list[UUID]:
        found = await bookings_coded(connection, written, limit=2)
        return [each.appointment.appointment_id for each in found]

    found = await read(servers.database, ask)
    return found[0] if len(found) == 1 else None


async def all_known(servers: Servers, appointment_id: UUID) -> Known:
    async def ask(connection: Connection) -> tuple[Kept | None, list[Change], list[str]]:
        seen = await visit(connection, appointment_id)
        row = None if seen is None else await kept(connection, seen)
        changes = await history_of(connection, appointment_id)
        return row, changes, await events_in_doubt(connection, appointment_id)

    row, changes, in_doubt = await read(servers.database, ask)
    run, runs = await _of_temporal(servers.temporal, appointment_id, row)
    lag = await lag_of(servers.kafka, group=GROUP, topic=APPOINTMENTS)
    return Known(
        appointment_id=appointment_id,
        kept=row,
        changes=changes,
        run=run,
        runs=runs,
        in_doubt=in_doubt,
        lag=lag,
        parked=[] if lag is None else await _parked(servers.kafka, appointment_id),
        in_cache=await _in_cache(servers, row),
        offer_of=await read_by_cursor(
            servers.database, partial(visit_of_offer, offer_id=appointment_id)
        ),
    )


async def _of_temporal(
    client: Client | None, appointment_id: UUID, row: Kept | None
) -> tuple[RunSummary | None, list[RunTold] | None]:
    if client is None:
        return None, None
    try:
        runs = await runs_of(client, appointment_id, row)
        async with translated(appointment_id):
            return await summary_of(client, appointment_id), runs
    except NoRun:
        return None, runs
    except (NoAnswer, RPCError, OSError, TimeoutError):
        return None, None


async def _parked(kafka: KafkaServers, appointment_id: UUID) -> list[str]:
    """Records have the key of their appointment, whatever else is wrong with them."""
    try:
        found = await dead_records(kafka)
    except (KafkaError, OSError, TimeoutError):
        return []
    return [each.reason for each in found if each.key == str(appointment_id).encode()]


async def _in_cache(servers: Servers, row: Kept | None) -> InCache:
    if row is None:
        return InCache.NOTHING
    booking, book = row.visit.appointment, DayBook(servers.database)
    try:
        desk = await book.desk(booking.doctor_id)
        day = day_of(booking.starts_at, desk.zone)
        current = await book.version(booking.doctor_id, day)
    except DoctorNotFound:
        return InCache.NOTHING
    cache = DayCache(servers.redis, servers.secret, patience_seconds=CACHE_SECONDS)
    cached = await cache.get(booking.doctor_id, day)
    if cached is None:
        return InCache.NOTHING
    return InCache.CURRENT if orjson.loads(cached)[0] == current.version else InCache.OLDER
