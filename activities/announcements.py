"""Announcements: the event on Kafka and the day in Redis, after the patient has the answer."""

from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from temporalio import activity

from activities.refusals import told_to_temporal, unavailable
from adapters.kafka.events import EventPublisher
from adapters.postgres.days import DayBook
from adapters.redis.bounded import AWAY
from adapters.redis.cache import invalidate
from domain.booking import Appointment
from domain.events import AppointmentEvent


class Announcements:
    """Effects on Kafka and Redis. Temporal retries both until they succeed."""

    def __init__(self, *, book: DayBook, redis: Redis, publisher: EventPublisher) -> None:
        self._book = book
        self._redis = redis
        self._publisher = publisher

    @activity.defn
    async def publish_event(self, event: AppointmentEvent) -> None:
        """Idempotent: a second run publishes the same id, which readers know."""
        try:
            await self._publisher.publish(event)
        except (KafkaError, OSError, TimeoutError) as error:
            raise unavailable("Kafka", error) from None

    @activity.defn
    async def invalidate_schedule(self, appointment: Appointment) -> str:
        """Idempotent: a second run deletes nothing. Returns the day, for who reads of the run."""
        with told_to_temporal():
            try:
                day = await invalidate(
                    self._redis,
                    self._book,
                    appointment.doctor_id,
                    appointment.starts_at,
                    appointment.ends_at,
                )
            except AWAY as error:
                raise unavailable("Redis", error) from None
            return day.isoformat()
