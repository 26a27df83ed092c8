"""Audit: each check counts what it finds, shows it as a gauge, and mends what is safe to mend."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from redis.asyncio import Redis
from structlog import get_logger
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from activities.refusals import told_to_temporal, unavailable
from activities.trail import checked_trail
from adapters.kafka.events import KafkaAway
from adapters.postgres import audit, no_shows
from adapters.postgres.audit import Doubt, OpenHold
from adapters.postgres.database import Database
from adapters.postgres.days import DayBook
from adapters.postgres.lost_rows import server_began_at, without_a_row
from adapters.postgres.overlaps import find_overlaps
from adapters.process.audit_gauges import AuditGauges, Gauge
from adapters.redis.bounded import AWAY
from adapters.redis.cache import invalidate
from adapters.temporal import runs
from adapters.temporal.runs import Standing
from domain.audit import AuditOrder, Events, Holds, Overlaps, Touched, Trail
from domain.events import EVENT_KINDS, AppointmentEvent, booking_workflow_id

EXPIRES_FOR_SECONDS = 10.0
"""For how long one attempt takes batch after batch: half of its timeout."""

LOST_NAMED = 20

log = get_logger("audit")


class Publisher(Protocol):
    """Announces events; raises `KafkaAway`."""

    async def publish(self, event: AppointmentEvent) -> None: ...


class Audit:
    """Checks all bookings, and the runs that should look after them."""

    def __init__(
        self,
        *,
        database: Database,
        client: Client,
        publisher: Publisher,
        redis: Redis,
        gauges: AuditGauges,
    ) -> None:
        self._database = database
        self._client = client
        self._publisher = publisher
        self._redis = redis
        self._book = DayBook(database)
        self._gauges = gauges

    @activity.defn
    async def find_overlaps(self) -> Overlaps:
        """Idempotent: what it found it finds again, until somebody has mended it."""
        with told_to_temporal():
            found = await find_overlaps(self._database)
        self._gauges.show(Gauge.OVERLAPS, found.count)
        for pair in found.first:
            log.error("appointments_overlap", one=pair.appointment_id, other=pair.other_id)
        return found

    @activity.defn
    async def expire_lapsed_holds(self) -> Holds:
        """Idempotent: a second run finds no hold past its deadline.

        All are counted; only the first batch is listed. Readers see them all lapsed anyway, since
        a hold is judged by the clock.
        """
        clock = asyncio.get_running_loop().time
        ends = clock() + EXPIRES_FOR_SECONDS
        with told_to_temporal():
            first = batch = await audit.expire_lapsed_holds(self._database)
            count = len(first)
            while len(batch) == audit.HOLDS_EXPIRED and clock() < ends:
                batch = await audit.expire_lapsed_holds(self._database)
                count += len(batch)
        self._gauges.show(Gauge.LAPSED_HOLDS, count)
        _tell("lapsed_hold_was_expired", first)
        if count > len(first):
            log.warning("more_lapsed_holds_were_expired", holds=count - len(first))
        return Holds(looked_at=count, given_back=first)

    @activity.defn
    async def release_orphaned_holds(self, order: AuditOrder) -> Holds:
        """Idempotent: a second run finds the hold given back; a row that has changed is left."""
        with told_to_temporal(), temporal_was_asked():
            holds = await audit.open_holds(self._database, order)
            orphans = await self._without_a_run(holds)
            freed = [
                hold.touched for hold in orphans if await audit.give_back(self._database, hold)
            ]
        self._gauges.show(Gauge.ORPHANED_HOLDS, len(freed))
        _tell("hold_without_a_run_was_released", freed)
        return Holds(looked_at=len(holds), given_back=freed)

    @activity.defn
    async def announce_missing_events(self, order: AuditOrder) -> Events:
        """Idempotent: it records what was published, and a second event has the same id."""
        with told_to_temporal(), temporal_was_asked():
            doubts = await audit.doubtful_events(self._database, order)
            by_standing = await self._sorted(doubts)
            for doubt in by_standing[Standing.COMPLETED]:
                await audit.settle(self._database, doubt)
            await self._remind(by_standing[Standing.WAITING])
            published = await self._publish(by_standing[Standing.GONE])
        events = Events(
            in_doubt=len(doubts),
            announced=len(by_standing[Standing.COMPLETED]),
            under_way=len(by_standing[Standing.AT_WORK]),
            postponed=len(by_standing[Standing.GONE]) - len(published),
            reminded=[doubt.touched for doubt in by_standing[Standing.WAITING]],
            published=[doubt.touched for doubt in published],
        )
        self._gauges.show(Gauge.EVENTS_UNDER_WAY, events.under_way)
        self._gauges.show(
            Gauge.UNANNOUNCED_EVENTS, len(doubts) - events.announced - events.under_way
        )
        _tell("waiting_run_was_reminded", events.reminded)
        _tell("event_was_published_again", events.published)
        return events

    @activity.defn
    async def mark_absent(self) -> list[Touched]:
        """Idempotent: a second run finds them marked. Only where a clinic's rule says so."""
        with told_to_temporal():
            absent = await no_shows.mark_absent(self._database)
        if absent:
            log.info("absent_patients_were_marked", visits=len(absent))
        return absent

    @activity.defn
    async def check_trail(self, before: Trail | None) -> Trail:
        """Idempotent: what is broken stays so. Goes on where the one before ended, round and round.

        A short trail is looked at as a whole each time; the newest seals always are. A trail that
        is broken, or whose server began since the last audit, may be that of a restored database:
        then the runs are asked which visits it has lost.
        """
        with told_to_temporal(), temporal_was_asked():
            began = await server_began_at(self._database)
            trail = await checked_trail(self._database, before)
            trail = replace(trail, server_began_at=began)
            if before is None or before.server_began_at != began or trail.breaks:
                trail = replace(trail, breaks=[*trail.breaks, *await self._lost_visits()])
        self._gauges.show(Gauge.TRAIL_BREAKS, len(trail.breaks))
        for broken in trail.breaks:
            log.error("trail_is_broken", what=broken)
        return trail

    @activity.defn
    async def refresh_days(self, touched: list[Touched]) -> None:
        """Idempotent: a second run deletes nothing. Reads are validated, so right without it."""
        with told_to_temporal():
            for each in touched:
                try:
                    await invalidate(
                        self._redis, self._book, each.doctor_id, each.starts_at, each.ends_at
                    )
                except AWAY as error:
                    raise unavailable("Redis", error) from None

    async def _lost_visits(self) -> list[str]:
        """A sentence for each; the gauge counts them all."""
        known = await runs.confirmed_visits_ahead(self._client, after=datetime.now(UTC))
        lost = await without_a_row(self._database, known)
        self._gauges.show(Gauge.LOST_VISITS, len(lost))
        return [f"visit {each} was confirmed and has no row" for each in lost[:LOST_NAMED]]

    async def _without_a_run(self, holds: list[OpenHold]) -> list[OpenHold]:
        """One list of runs answers for almost all; Temporal is asked about each of the others."""
        by_run = {booking_workflow_id(hold.touched.appointment_id): hold for hold in holds}
        listed = await runs.all_statuses(self._client, by_run)
        return [
            hold
            for run, hold in by_run.items()
            if WorkflowExecutionStatus.RUNNING not in listed[run]
            and await runs.standing_of(self._client, run) in {Standing.GONE, Standing.COMPLETED}
        ]

    async def _sorted(self, doubts: list[Doubt]) -> dict[Standing, list[Doubt]]:
        """A completed run has published its event. The others are asked one by one."""
        listed = await runs.all_statuses(self._client, {doubt.run for doubt in doubts})
        found: dict[Standing, list[Doubt]] = {standing: [] for standing in Standing}
        for doubt in doubts:
            kind = EVENT_KINDS[doubt.type]
            standing = Standing.COMPLETED
            if listed[doubt.run] != {WorkflowExecutionStatus.COMPLETED}:
                standing = await runs.standing_of(self._client, doubt.run)
            may_be_refused = not kind.run_waits_for_patient
            if standing is Standing.COMPLETED and (doubt.is_overtaken or may_be_refused):
                standing = await runs.standing_of_word(self._client, doubt.run, kind.status)
            if standing is Standing.WAITING and not kind.run_waits_for_patient:
                standing = Standing.AT_WORK  # it waits for a worker: it misses no confirmation
            found[standing].append(doubt)
        return found

    async def _remind(self, waiting: list[Doubt]) -> None:
        """Send the confirmation again to runs that do not know that their row is confirmed."""
        ids = [doubt.appointment.appointment_id for doubt in waiting]
        await asyncio.gather(*(runs.remind(self._client, each) for each in ids))

    async def _publish(self, doubts: list[Doubt]) -> list[Doubt]:
        """Publish until Kafka fails, and return what was published. The next audit goes on."""
        published: list[Doubt] = []
        for doubt in doubts:
            try:
                await self._publisher.publish(doubt.event)
            except KafkaAway as error:
                log.warning("kafka_is_away", error=str(error), events=len(doubts) - len(published))
                break
            await audit.settle(self._database, doubt)
            published.append(doubt)
        return published


def _tell(event: str, appointments: list[Touched]) -> None:
    for each in appointments:
        log.warning(event, appointment=each.appointment_id)


@contextmanager
def temporal_was_asked() -> Iterator[None]:
    try:
        yield
    except RPCError as error:
        raise unavailable("Temporal", error) from None
