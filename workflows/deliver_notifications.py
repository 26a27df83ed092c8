"""Deliver what one event has to say: e-mail and text message to the patient, notice to the doctor.

The run's id is the event's id, so an event that Kafka delivers twice is told once. Each message is
tried at once within the first workflow task; one that its provider does not take goes on by itself,
with retries that operations can see, and holds up no other.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.types import MethodAsyncSingleParam

from activities.messages import Messages, Told
from domain.events import AppointmentEvent

AT_ONCE = RetryPolicy(maximum_attempts=1)
ONE_TRY = timedelta(seconds=15)
"""Longer than the senders' own deadlines: cut short, a message might be sent twice."""

FIRST_PAUSE = timedelta(seconds=1)
BY_MAIL = RetryPolicy(initial_interval=FIRST_PAUSE, maximum_interval=timedelta(minutes=2))
BY_SMS = RetryPolicy(initial_interval=FIRST_PAUSE, maximum_interval=timedelta(seconds=30))
BY_INBOX = RetryPolicy(initial_interval=FIRST_PAUSE, maximum_interval=timedelta(seconds=10))


@dataclass(frozen=True, kw_only=True)
class Message:
    """One thing to tell: which activity, its label in the Temporal UI, how it is tried again."""

    send: MethodAsyncSingleParam[Messages, AppointmentEvent, Told]
    label: str
    retry: RetryPolicy


# The doctor's notice needs the database only, the text message is the shortest to send.
MESSAGES = (
    Message(send=Messages.notify_doctor, label="notice to the doctor", retry=BY_INBOX),
    Message(send=Messages.send_sms, label="SMS to the patient", retry=BY_SMS),
    Message(send=Messages.send_email, label="e-mail to the patient", retry=BY_MAIL),
)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How the run ended: `sent`, `superseded` or `failed (code)` for each message."""

    doctor: str
    sms: str
    email: str


@workflow.defn
class DeliverNotifications:
    """Everything that one event has to say, each message once."""

    @workflow.init
    def __init__(self, event: AppointmentEvent) -> None:
        self._event = event
        self._told: dict[str, str] = {message.label: "to be sent" for message in MESSAGES}

    @workflow.run
    async def run(self, _event: AppointmentEvent) -> Delivery:
        refused = [message for message in MESSAGES if not await self._told_at_once(message)]
        if refused:
            await asyncio.gather(*(self._told_at_last(message) for message in refused))
        doctor, sms, email = self._told.values()
        return Delivery(doctor=doctor, sms=sms, email=email)

    async def _told_at_once(self, message: Message) -> bool:
        try:
            told = await workflow.execute_local_activity_method(
                message.send,
                self._event,
                start_to_close_timeout=ONE_TRY,
                retry_policy=AT_ONCE,
                summary=message.label,
            )
        except FailureError as fault:
            self._note(message, f"not taken at once ({_code(fault)}), tried again")
            return False
        self._note(message, _words(told))
        return True

    async def _told_at_last(self, message: Message) -> None:
        await workflow.sleep(FIRST_PAUSE, summary=f"before the next try: {message.label}")
        told = await workflow.execute_activity_method(
            message.send,
            self._event,
            start_to_close_timeout=ONE_TRY,
            retry_policy=message.retry,
            summary=message.label,
        )
        self._note(message, _words(told))

    def _note(self, message: Message, words: str) -> None:
        self._told[message.label] = words
        lines = [f"- {label}: **{words}**" for label, words in self._told.items()]
        about = f"`{self._event.status}`, version {self._event.sequence}"
        workflow.set_current_details("\n".join([f"About an appointment {about}", "", *lines]))


def _words(told: Told) -> str:
    return f"{told.state} ({told.code})" if told.code else told.state.value


def _code(fault: FailureError) -> str:
    """A local activity's failure is bare; a code, never a provider's text."""
    return fault.type or "fault" if isinstance(fault, ApplicationError) else "timeout"
