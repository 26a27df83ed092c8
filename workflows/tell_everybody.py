"""What every command ends with: operations, the day, patient and doctor learn of the change.

Each announcement is tried once where the run is, briefly, unless the step before has tried; what
fails goes on from a queue of its own, until it is done: Kafka or Redis may be away. The answer to
the command has been given by then.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError
from temporalio.types import MethodAsyncSingleParam

from activities.announcements import Announcements
from domain.booking import Appointment, Status
from domain.events import AppointmentEvent
from workflows.details import show, tell_step
from workflows.names import ANNOUNCEMENTS, APPOINTMENT_STATUS

News = TypeVar("News")

ONE_LOCAL_TRY = timedelta(milliseconds=250)
ONCE = RetryPolicy(maximum_attempts=1)
ONE_TRY = timedelta(seconds=10)
UNTIL_DONE = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10)
)


async def tell_everybody(
    appointment: Appointment, event: AppointmentEvent | None, *, announced: bool | None = None
) -> None:
    """The day first, which is sooner shown than Kafka has an event.

    `announced`: whether the step before has made all of it; None where it did not try.
    """
    tell_operations(appointment)
    if appointment.status is Status.REFUSED:
        return
    news = [change_of(appointment), *([word_of(event)] if event else [])]
    if announced is None:
        await announce(news)
    elif announced:
        for each in news:
            each.note_made()
    else:
        await asyncio.gather(*(each.make() for each in news))


async def announce(news: "list[Announcement[Any]]") -> None:
    """In this order, each once where the run is; what is left goes on side by side."""
    left = [each for each in news if not await each.is_made_here()]
    await asyncio.gather(*(each.make() for each in left))


def tell_operations(appointment: Appointment) -> None:
    status = appointment.status.value
    workflow.upsert_search_attributes([APPOINTMENT_STATUS.value_set(status)])
    show(appointment, now="Telling everybody who has to know.")


@dataclass(frozen=True, kw_only=True)
class Announcement(Generic[News]):
    """Who is to learn what."""

    do: MethodAsyncSingleParam[Announcements, News, object]
    about: News
    label: str
    by: str = ""
    """Whose run goes on with it."""

    async def is_made_here(self) -> bool:
        """One try, if that is quick."""
        try:
            await workflow.execute_local_activity_method(
                self.do,
                self.about,
                start_to_close_timeout=ONE_LOCAL_TRY,
                retry_policy=ONCE,
                summary=self.label,
            )
        except FailureError:
            tell_step(self.label, how="not at once, tried again")
            return False
        self.note_made()
        return True

    async def make(self) -> None:
        """As a regular activity, whose retries operations see."""
        await workflow.execute_activity_method(
            self.do,
            self.about,
            task_queue=ANNOUNCEMENTS,
            start_to_close_timeout=ONE_TRY,
            retry_policy=UNTIL_DONE,
            summary=self.label,
        )
        self.note_made()

    def note_made(self) -> None:
        tell_step(self.label, how=f"done{self.by}")


def change_of(appointment: Appointment) -> Announcement[Any]:
    return Announcement(
        do=Announcements.invalidate_schedule,
        about=appointment,
        label="show the change to everybody who looks at the day",
    )


def word_of(event: AppointmentEvent) -> Announcement[Any]:
    return Announcement(
        do=Announcements.publish_event,
        about=event,
        label=f"tell patient and doctor: {event.status}",
        by=f", delivered by the run `{event.event_id}`",
    )
