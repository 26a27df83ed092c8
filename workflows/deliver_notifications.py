"""Deliver what one event has to say: e-mail and text message to the patient, notice to the doctor.

The run's id is the event's id, so an event that Kafka delivers twice is told once. All messages are
tried at once, in one step within the first workflow task; one that its provider does not take goes
on by itself, with retries that operations can see, and holds up no other. One that would wake the
patient waits for the morning. One that the patient wants only where the other failed is kept back
until it has.
"""

import asyncio
from dataclasses import dataclass

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError

from activities.messages import Messages, Sent
from adapters.postgres.notifications import State
from domain.events import EVENT_KINDS, AppointmentEvent
from workflows.delivery_steps import (
    EMAIL,
    EMAIL_INSTEAD,
    EVERYBODY,
    FIRST_PAUSE,
    MESSAGES,
    ONE_TRY,
    SMS,
    SMS_INSTEAD,
    Message,
    send,
    words,
)

FIRST_TRY, TOGETHER = "first_try", "together"
"""A run's memo says how it tries its messages at first. One that was begun before there was a
choice says nothing, and goes on as it began: one by one (docs/decisions/0024)."""

AT_ONCE = RetryPolicy(maximum_attempts=1)

INSTEAD_OF = {EMAIL.label: (SMS, SMS_INSTEAD), SMS.label: (EMAIL, EMAIL_INSTEAD)}
"""What is kept back for a message that fails for good, and how it is then sent."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How the run ended: for each message the state it ended in, `failed` with its code."""

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
        self._ended: dict[str, Sent] = {}

    @workflow.run
    async def run(self, _event: AppointmentEvent) -> Delivery:
        if workflow.memo_value(FIRST_TRY, default=None) == TOGETHER:
            tried = await self._all_told_at_once()
        else:
            tried = [(message, await self._told_at_once(message)) for message in MESSAGES]
        late = [(message, told) for message, told in tried if told is None or told.until]
        if late:
            await asyncio.gather(*(self._told_at_last(message, told) for message, told in late))
        await self._told_instead()
        doctor, sms, email = self._told.values()
        return Delivery(doctor=doctor, sms=sms, email=email)

    async def _all_told_at_once(self) -> list[tuple[Message, Sent | None]]:
        try:
            told = await workflow.execute_local_activity_method(
                Messages.tell_everybody,
                self._event,
                start_to_close_timeout=ONE_TRY,
                retry_policy=AT_ONCE,
                summary=EVERYBODY,
            )
        except FailureError as fault:
            for message in MESSAGES:
                self._not_taken(message, _code(fault))
            return [(message, None) for message in MESSAGES]
        each = zip(MESSAGES, (told.doctor, told.sms, told.email), strict=True)
        return [(message, self._first_tried(message, sent)) for message, sent in each]

    def _first_tried(self, message: Message, sent: Sent) -> Sent | None:
        if sent.state is State.SENDING and sent.until is None:
            self._not_taken(message, sent.code or "fault")
            return None
        self._end(message, sent)
        return sent

    async def _told_at_once(self, message: Message) -> Sent | None:
        try:
            told = await workflow.execute_local_activity_method(
                message.send,
                self._event,
                start_to_close_timeout=ONE_TRY,
                retry_policy=AT_ONCE,
                summary=message.label,
            )
        except FailureError as fault:
            self._not_taken(message, _code(fault))
            return None
        self._end(message, told)
        return told

    def _not_taken(self, message: Message, code: str) -> None:
        self._note(message, f"not taken at once ({code}), tried again")

    async def _told_at_last(self, message: Message, told: Sent | None) -> None:
        if told is None:
            await workflow.sleep(FIRST_PAUSE, summary=f"before the next try: {message.label}")
        while told is None or told.until:
            told = await send(message, self._event, after=told)
            self._end(message, told)

    async def _told_instead(self) -> None:
        """Where one failed for good, send what was kept back for that."""
        for failed, (kept_back, instead) in INSTEAD_OF.items():
            was_kept = self._ended[kept_back.label].state is State.RESERVED
            if was_kept and self._ended[failed].state is State.FAILED:
                await self._told_at_last(instead, None)

    def _end(self, message: Message, told: Sent) -> None:
        self._ended[message.label] = told
        self._note(message, words(told))

    def _note(self, message: Message, words: str) -> None:
        self._told[message.label] = words
        lines = [f"- {label}: **{words}**" for label, words in self._told.items()]
        event = self._event
        about = f"appointment `{event.appointment_id}`: `{event.status}`, version {event.sequence}"
        run = EVENT_KINDS[event.type].announced_by(event.appointment_id, event.sequence)
        head = [f"About {about}", "", f"- announced by the run `{run}`"]
        workflow.set_current_details("\n".join([*head, *lines]))


def _code(fault: FailureError) -> str:
    """A local activity's failure is bare; a code, never a provider's text."""
    return fault.type or "fault" if isinstance(fault, ApplicationError) else "timeout"
