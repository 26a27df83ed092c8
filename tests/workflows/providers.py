"""Providers of messages in memory, for the workflows that tell patients and doctors."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.messages import Sent, Told
from adapters.postgres.notifications import State
from domain.news import News
from notifier.deliveries import Deliveries
from worker.sandbox import sandboxed_runner
from workflows.deliver_instead import DeliverInstead
from workflows.deliver_notifications import DeliverNotifications
from workflows.names import DELIVERIES
from workflows.remind_patient import RemindPatient


class Providers:
    """Activities that fail as often as told, and note what was asked of them in which order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.faults: dict[str, list[Exception]] = {}
        self.outcomes: dict[str, Sent] = {}
        self.waits: dict[str, list[datetime]] = {}

    @property
    def tried(self) -> Counter[str]:
        return Counter(self.asked)

    @property
    def activities(self) -> list[Any]:
        return [
            self.tell_everybody,
            self.notify_doctor,
            self.send_sms,
            self.send_email,
            self.send_sms_instead,
            self.send_email_instead,
        ]

    @activity.defn
    async def tell_everybody(self, _news: News) -> Told:
        if self.faults.get("everybody"):
            raise self.faults["everybody"].pop(0)
        doctor, sms, email = (self._first_try(each) for each in ("doctor", "sms", "email"))
        return Told(doctor=doctor, sms=sms, email=email)

    def _first_try(self, message: str) -> Sent:
        try:
            return self._answer(message)
        except ApplicationError as later:
            after = later.next_retry_delay or timedelta()
            return Sent(state=State.SENDING, code=later.type, after_seconds=after.total_seconds())

    @activity.defn
    async def notify_doctor(self, _news: News) -> Sent:
        return self._answer("doctor")

    @activity.defn
    async def send_sms(self, _news: News) -> Sent:
        return self._answer("sms")

    @activity.defn
    async def send_email(self, _news: News) -> Sent:
        return self._answer("email")

    @activity.defn
    async def send_sms_instead(self, _news: News) -> Sent:
        return self._answer("sms instead")

    @activity.defn
    async def send_email_instead(self, _news: News) -> Sent:
        return self._answer("email instead")

    def _answer(self, message: str) -> Sent:
        self.asked.append(message)
        faults = self.faults.get(message, [])
        if faults:
            raise faults.pop(0)
        if self.waits.get(message):
            return Sent(state=State.SENDING, until=self.waits[message].pop(0))
        return self.outcomes.get(message, Sent(state=State.SENT))


def busy(code: str = "sms_503", after: timedelta | None = None) -> ApplicationError:
    return ApplicationError(code, type=code, next_retry_delay=after)


@asynccontextmanager
async def delivering(
    temporal: WorkflowEnvironment, providers: Providers
) -> AsyncIterator[Deliveries]:
    """A notifier without Kafka; no cache, so that every task replays the run."""
    async with Worker(
        temporal.client,
        task_queue=DELIVERIES,
        workflows=[DeliverInstead, DeliverNotifications, RemindPatient],
        activities=providers.activities,
        workflow_runner=sandboxed_runner(),
        max_cached_workflows=0,
    ):
        yield Deliveries(temporal.client)
