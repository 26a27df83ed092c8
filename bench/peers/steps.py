"""The steps that every engine does: the product's own SQL, its own Kafka record, its own cache."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from redis.asyncio import Redis

from activities.slots import CONCURRENT_HOLDS
from adapters.kafka.events import EventPublisher
from adapters.postgres import end, take
from adapters.postgres.database import Database, connect_database
from adapters.postgres.days import DayBook
from adapters.postgres.transactions import TransactionLimit
from adapters.process.settings import connections, product
from adapters.redis.cache import connect_redis, invalidate
from domain.actors import SYSTEM, ActorRef, Role
from domain.booking import Appointment, BookingRequest
from domain.events import appointment_confirmed

POOL_SIZE = 8
"""As the product's worker has it."""

NO_CLINIC = UUID(int=0)
"""The product's API looks the clinic up for the run's search attribute; no step reads it."""


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Hold, confirm, publish, invalidate: each idempotent, each by the product's adapters."""

    database: Database
    redis: Redis
    publisher: EventPublisher
    turns: TransactionLimit
    book: DayBook

    async def hold(self, request: BookingRequest) -> Appointment:
        return (await take.hold_slot(self.database, self.turns, request)).appointment

    async def confirm(self, appointment_id: UUID) -> Appointment:
        return await end.confirm_appointment(self.database, appointment_id, SYSTEM)

    async def publish(self, appointment: Appointment) -> None:
        await self.publisher.publish(appointment_confirmed(appointment))

    async def invalidate(self, appointment: Appointment) -> None:
        await invalidate(self.redis, self.book, appointment.doctor_id, appointment.starts_at)

    async def close(self) -> None:
        await self.publisher.stop()
        await self.redis.aclose()
        await self.database.close()


async def open_steps(name: str) -> Steps:
    """Connected to the servers that the environment names, as the product's worker is."""
    servers = connections()
    database = connect_database(servers.database_url, pool_size=POOL_SIZE, name=name)
    await database.open()
    return Steps(
        database=database,
        redis=connect_redis(servers.redis_url, name=name),
        publisher=EventPublisher(servers.kafka_bootstrap_servers),
        turns=TransactionLimit(CONCURRENT_HOLDS),
        book=DayBook(database),
    )


def request_for(patient_id: UUID, doctor_id: UUID, starts_at: datetime) -> BookingRequest:
    """A wish as the product's API hands it to its workflow, with a new id."""
    settings = product()
    return BookingRequest(
        appointment_id=uuid4(),
        attempt_id=uuid4(),
        patient_id=patient_id,
        doctor_id=doctor_id,
        clinic_id=NO_CLINIC,
        starts_at=starts_at,
        hold_seconds=settings.hold_seconds,
        max_holds=settings.max_holds_per_patient,
        origin="patient",
        actor=ActorRef(id=str(patient_id), role=Role.PATIENT),
    )
