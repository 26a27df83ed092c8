"""Collects the evidence of a case directly from the servers, without the proxies."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import psycopg
from aiokafka import AIOKafkaConsumer
from psycopg.rows import class_row
from redis.asyncio import Redis
from temporalio.api.enums.v1 import EventType as HistoryEvent
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from adapters.postgres.acting import told
from adapters.postgres.take import TAKE_SLOT
from domain.actors import ActorRef, Role
from tests.faults.rig.evidence import Change, Event, Row, Run
from tests.faults.rig.supply import PRIVATE

TOPIC = "priyom.appointments"
MOST_PROBED = 40
AT_ONCE = asyncio.Semaphore(12)
"""Concurrent requests to Temporal."""

CLOSED = {
    HistoryEvent.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "COMPLETED",
    HistoryEvent.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "FAILED",
    HistoryEvent.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: "TIMED_OUT",
    HistoryEvent.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "CANCELED",
    HistoryEvent.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: "TERMINATED",
}
# Failures by a bug. A worker that dies or is cut off fails no task.
HARMLESS = {
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_STICKY_TASK_QUEUE,
}

SLOT = 'doctor_id::text, to_char(starts_at, \'YYYY-MM-DD"T"HH24:MI:SS"Z"\') AS starts_at'
UNTIL = "coalesce(extract(epoch FROM held_until), 0)::float AS held_until"

# Every committed change of a row, by a trigger of the rig: a row does not know its past.
JOURNAL = """
CREATE TABLE rig_journal (
    id uuid NOT NULL, doctor_id uuid NOT NULL, starts_at timestamptz NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    status text NOT NULL, held_until timestamptz, version integer NOT NULL
);
CREATE INDEX ON rig_journal (id);
CREATE FUNCTION rig_write_down() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO rig_journal (id, doctor_id, starts_at, status, held_until, version)
    VALUES (NEW.id, NEW.doctor_id, NEW.starts_at, NEW.status, NEW.held_until, NEW.version);
    RETURN NULL;
END
$$;
CREATE TRIGGER rig_write_down AFTER INSERT OR UPDATE ON schedules
FOR EACH ROW EXECUTE FUNCTION rig_write_down();
"""
ROWS = f"""
SELECT id, {SLOT}, status, {UNTIL}, version, extensions,
       held_until IS NOT NULL AS was_held, confirmed_at IS NOT NULL AS was_confirmed
FROM schedules WHERE id = ANY(%s)
"""  # noqa: S608 - our own columns, as below
CHANGES = f"""
SELECT id, {SLOT}, extract(epoch FROM at)::float AS at, status, {UNTIL}, version
FROM rig_journal WHERE id = ANY(%s)
"""  # noqa: S608
# Holds that are over and whose slot nobody has: the next patient must get each of them.
OVER = """
SELECT s.doctor_id, s.practitioner_id, s.clinic_id, s.starts_at, s.ends_at
FROM schedules s
WHERE s.id = ANY(%s) AND s.held_until + interval '2 seconds' < clock_timestamp()
  AND (s.status IN ('expired', 'cancelled') OR s.status = 'held')
  AND NOT EXISTS (
      SELECT FROM schedules o WHERE o.practitioner_id = s.practitioner_id AND o.id <> s.id
      AND o.occupies && s.during AND (o.status = 'confirmed' OR o.held_until > clock_timestamp()))
ORDER BY s.status = 'held' DESC LIMIT %s
"""


async def write_journal(database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute(JOURNAL)


@dataclass(frozen=True, kw_only=True)
class Database:
    """The rows, their changes, and the trial of lapsed slots."""

    url: str

    async def rows(self, ids: Iterable[UUID]) -> dict[UUID, Row]:
        async with await psycopg.AsyncConnection.connect(self.url) as connection:
            cursor = connection.cursor(row_factory=class_row(Row))
            await cursor.execute(ROWS, (list(ids),))
            return {row.id: row for row in await cursor.fetchall()}

    async def changes(self, ids: Iterable[UUID]) -> list[Change]:
        async with await psycopg.AsyncConnection.connect(self.url) as connection:
            cursor = connection.cursor(row_factory=class_row(Change))
            await cursor.execute(CHANGES, (list(ids),))
            return await cursor.fetchall()

    async def trial_of_lapsed(
        self, ids: Iterable[UUID], patients: Sequence[UUID]
    ) -> tuple[int, list[str]]:
        """Take each lapsed slot for another patient, and roll back. Return how many there were, and
        which could not be taken."""
        async with await psycopg.AsyncConnection.connect(self.url) as connection:
            found = await connection.execute(OVER, (list(ids), min(MOST_PROBED, len(patients))))
            over = await found.fetchall()
            refused = []
            for slot, patient in zip(over, patients, strict=False):
                if not await _takes(connection, slot, patient):
                    refused.append(f"{slot[0]} at {slot[3]}: the hold is over, not bookable")
                await connection.rollback()
            return len(over), refused


async def _takes(
    connection: psycopg.AsyncConnection[Any], slot: tuple[Any, ...], patient: UUID
) -> bool:
    doctor, practitioner, clinic, starts_at, ends_at = slot
    parameters = {
        "appointment_id": patient,
        "patient_id": patient,
        "doctor_id": doctor,
        "practitioner_id": practitioner,
        "service_id": None,
        "holder": None,
        "overbook": False,
        "clinic_id": clinic,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "hold_seconds": 600,
        "origin": "patient",
        "actor": told(ActorRef(id="trial", role=Role.PATIENT)),
    }
    taken = await (await connection.execute(TAKE_SLOT, parameters)).fetchone()
    return taken is not None


class Topic:
    """The events' topic, read from where the previous case ended."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._ends: dict[Any, int] = {}

    async def records(self) -> list[bytes]:
        """The events since the last read."""
        consumer = AIOKafkaConsumer(
            TOPIC, bootstrap_servers=self._bootstrap_servers, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            for partition, offset in self._ends.items():
                consumer.seek(partition, offset)
            ends = await consumer.end_offsets(list(consumer.assignment()))
            found: list[bytes] = []
            while any([await consumer.position(p) < end for p, end in ends.items()]):
                batches = await consumer.getmany(timeout_ms=200)
                found += [record.value for batch in batches.values() for record in batch]
            self._ends = ends
            return found
        finally:
            await consumer.stop()


def events_in(records: Sequence[bytes]) -> list[Event]:
    return [_event(orjson.loads(record)) for record in records]


def _event(told: Mapping[str, Any]) -> Event:
    return Event(
        id=UUID(told["id"]),
        type=told["type"],
        appointment_id=UUID(told["subject"]),
        sequence=int(told["sequence"]),
    )


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Runs of bookings and cancellations, by id: under load Temporal's lists lag behind."""

    client: Client

    async def all_closed(self, ids: set[str]) -> bool:
        """Removes closed runs from `ids`: they need not be read again."""
        asked = list(ids)
        told = await asyncio.gather(*(self._status(id_) for id_ in asked))
        kept = {None, WorkflowExecutionStatus.RUNNING}
        ids -= {id_ for id_, status in zip(asked, told, strict=True) if status not in kept}
        return WorkflowExecutionStatus.RUNNING not in told

    async def told(self, ids: Iterable[str]) -> tuple[list[Run], list[bytes]]:
        """Each existing run as it ended, and its history as bytes."""
        found = [each for each in await asyncio.gather(*map(self._told, ids)) if each is not None]
        return [run for run, _ in found], [history for _, history in found]

    async def _status(self, id_: str) -> WorkflowExecutionStatus | None:
        async with AT_ONCE:
            try:
                return (await self.client.get_workflow_handle(id_).describe()).status
            except RPCError as error:
                _only_missing(error)
                return None

    async def _told(self, id_: str) -> tuple[Run, bytes] | None:
        async with AT_ONCE:
            try:
                history = await self.client.get_workflow_handle(id_).fetch_history()
            except RPCError as error:
                _only_missing(error)
                return None
        return run_of(id_, history), b"".join(e.SerializeToString() for e in history.events)


def run_of(id_: str, history: WorkflowHistory) -> Run:
    """How it ended, by its last event, and the workflow tasks that failed by a bug."""
    last = history.events[-1]
    is_closed = last.event_type in CLOSED
    causes = [
        event.workflow_task_failed_event_attributes.cause
        for event in history.events
        if event.event_type == HistoryEvent.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]
    return Run(
        id=id_,
        status=CLOSED.get(last.event_type, "RUNNING"),
        begun_at=history.events[0].event_time.ToMicroseconds() / 1e6,
        closed_at=last.event_time.ToMicroseconds() / 1e6 if is_closed else None,
        task_failures=[
            WorkflowTaskFailedCause.Name(cause) for cause in causes if cause not in HARMLESS
        ],
    )


def _only_missing(error: RPCError) -> None:
    if error.status is not RPCStatusCode.NOT_FOUND:
        raise error


async def cached(redis_url: str) -> list[bytes]:
    """Keys and values in Redis."""
    redis = Redis.from_url(redis_url)
    try:
        keys = [key async for key in redis.scan_iter()]
        values = [await redis.get(key) for key in keys]
        return [part for part in (*keys, *values) if isinstance(part, bytes)]
    finally:
        await redis.aclose()


def logged(folder: Path, since: dict[Path, int]) -> dict[str, bytes]:
    """The text that each log has gained since the sizes in `since`."""
    found: dict[str, bytes] = {}
    for log in folder.glob("*.log"):
        with log.open("rb") as file:
            file.seek(since.get(log, 0))
            found[log.name] = file.read()
            since[log] = file.tell()
    return found


def leaks(places: Mapping[str, Iterable[bytes]]) -> list[str]:
    """Where a patient's name, phone or address was found."""
    words = [word.encode() for word in PRIVATE]
    return [
        f"{place} has {word.decode()}…"
        for place, pieces in places.items()
        for word in words
        if any(word in piece for piece in pieces)
    ]
