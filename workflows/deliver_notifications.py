"""Deliver what one event has to say: e-mail and text message to the patient, notice to the doctor.

The run's id is the event's id, so an event that Kafka delivers twice is told once. All messages are
tried at once, in one step within the first workflow task; one that its provider does not take goes
on by itself, with retries that operations can see, and holds up no other. One that would wake the
patient waits for the morning. One that the patient wants only where the other failed is kept back
until it has.
"""

from dataclasses import dataclass

from temporalio import workflow

from domain.events import AppointmentEvent
from workflows.delivery_steps import EVERYBODY, MESSAGES
from workflows.telling import Telling

FIRST_TRY, TOGETHER = "first_try", "together"
"""A run's memo says how it tries its messages at first. One that was begun before there was a
choice says nothing, and goes on as it began: one by one (docs/decisions/0024)."""


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
        about = f"appointment `{event.appointment_id}`: `{event.status}`, version {event.sequence}"
        run = event.kind.announced_by(event.appointment_id, event.sequence)
        head = [f"About {about}", "", f"- announced by the run `{run}`"]
        self._telling = Telling(event, MESSAGES, head=head)

    @workflow.run
    async def run(self, _event: AppointmentEvent) -> Delivery:
        if workflow.memo_value(FIRST_TRY, default=None) == TOGETHER:
            tried = await self._telling.all_at_once(EVERYBODY)
        else:
            tried = await self._telling.one_by_one()
        doctor, sms, email = await self._telling.to_the_end(tried)
        return Delivery(doctor=doctor, sms=sms, email=email)
