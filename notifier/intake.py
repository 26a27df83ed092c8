"""From Kafka to Temporal: one delivery workflow an event, committed when it is started."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aiokafka.errors import KafkaError
from prometheus_client import Counter, Gauge
from structlog import get_logger
from temporalio.service import RPCError

from adapters.kafka.brokers import KafkaServers
from adapters.kafka.cloudevents import Fault, Unreadable, decode, traceparent_of
from adapters.kafka.events import GROUP, EventReader, Record, ensure_topics
from adapters.postgres.borne_out import Proof
from adapters.postgres.database import DATABASE_AWAY
from adapters.process.traces import TRACES
from domain.events import AppointmentEvent
from notifier.dead_letters import DeadLetters

BATCH = 100
AT_ONCE = 16
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0

EVENTS = Counter("priyom_notifier_events", "Records read", ["outcome"])
EVENTS.labels("forged")
"""There from the start: a counter that begins with its first event has not grown, to Prometheus."""

LAG = Gauge("priyom_notifier_lag", "Records not read yet", ["partition"])

# What ends when a server is back; anything else is a bug, and bugs must be seen.
AWAY = (KafkaError, RPCError, OSError, TimeoutError, *DATABASE_AWAY)

log = get_logger(__name__)


class Starts(Protocol):
    """Starts the delivery of an event, once."""

    async def start(self, event: AppointmentEvent) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Told:
    """A record, with the event that it tells of or the reason why nobody will hear of it."""

    record: Record
    event: AppointmentEvent | Fault


class Intake:
    """One member of the consumer group. A record is committed after its workflow is started.

    A server that is away makes it wait, longer each time, with nothing lost: what is not committed
    is read again, and an event that is read twice is one workflow.
    """

    def __init__(
        self,
        bootstrap_servers: KafkaServers,
        *,
        deliveries: Starts,
        proof: Proof,
        dead_letters: DeadLetters,
        group: str = GROUP,
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._group = group
        self._deliveries = deliveries
        self._proof = proof
        self._dead_letters = dead_letters
        self._limit = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Until it is cancelled."""
        await ensure_topics(self._bootstrap_servers)
        pause = FIRST_PAUSE
        while True:
            reader = EventReader(self._bootstrap_servers, self._group)
            try:
                await reader.start()
                log.info("joined_the_group", group=self._group)
                pause = FIRST_PAUSE
                await self._read_on(reader)
            except AWAY as error:
                log.warning("kafka_is_away", error=type(error).__name__, again_in_seconds=pause)
            finally:
                await reader.stop()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _read_on(self, reader: EventReader) -> None:
        pause = FIRST_PAUSE
        while True:
            records = await reader.read(at_most=BATCH)
            if not records:
                continue
            if await self._all_taken(records):
                await reader.done(records)
                pause = FIRST_PAUSE
            else:
                reader.again(records)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            for partition, count in reader.behind(records).items():
                LAG.labels(partition).set(count)

    async def _all_taken(self, records: Sequence[Record]) -> bool:
        """Whether each of them is in Temporal, or among the dead."""
        try:
            told = await self._judged([_read(record) for record in records])
        except AWAY as error:
            log.warning("events_not_judged", count=len(records), error=type(error).__name__)
            return False
        answers = await asyncio.gather(*map(self._take, told), return_exceptions=True)
        faults = [answer for answer in answers if isinstance(answer, BaseException)]
        if not faults:
            return True
        for fault in faults:
            if not isinstance(fault, AWAY):
                raise fault
        log.warning("events_not_taken", count=len(faults), error=type(faults[0]).__name__)
        return False

    async def _judged(self, told: Sequence[Told]) -> list[Told]:
        """What no row bears out reaches nobody: whoever can write to the topic may have sent it."""
        readable = [each for each in told if isinstance(each.event, AppointmentEvent)]
        events = [each.event for each in readable if isinstance(each.event, AppointmentEvent)]
        forged = {id(readable[place]) for place in await self._proof.forged(events)}
        return [
            Told(record=each.record, event=Fault.FORGED) if id(each) in forged else each
            for each in told
        ]

    async def _take(self, told: Told) -> None:
        async with self._limit:
            if isinstance(told.event, Fault):
                await self._dead_letters.park(told.record, told.event)
                EVENTS.labels("forged" if told.event is Fault.FORGED else "parked").inc()
                return
            with TRACES.going_on(traceparent_of(told.record.value)):
                await self._deliveries.start(told.event)
            EVENTS.labels("started").inc()


def _read(record: Record) -> Told:
    try:
        return Told(record=record, event=decode(record.value))
    except Unreadable as unreadable:
        return Told(record=record, event=unreadable.fault)
