"""Remind a patient of a visit that is near: by SMS and e-mail, as the patient agreed.

The run begins when the reminder is due. Whether the visit is still as it was, PostgreSQL says at
the moment of sending: what was moved, cancelled or has begun is not spoken of.
"""

from dataclasses import dataclass

from temporalio import workflow

from domain.reminders import Reminder
from workflows.delivery_steps import EMAIL, PATIENT, SMS
from workflows.telling import Telling


@dataclass(frozen=True, kw_only=True)
class Reminded:
    """For each message the state it ended in, `failed` with its code."""

    sms: str
    email: str


@workflow.defn
class RemindPatient:
    """One step for one version of a visit, each message once."""

    @workflow.init
    def __init__(self, reminder: Reminder) -> None:
        about = f"appointment `{reminder.appointment_id}`, version {reminder.sequence}"
        head = [f"Reminder `{reminder.step}` of {about}", ""]
        self._telling = Telling(reminder, (SMS, EMAIL), head=head)

    @workflow.run
    async def run(self, _reminder: Reminder) -> Reminded:
        tried = await self._telling.all_at_once(PATIENT)
        sms, email = await self._telling.to_the_end(tried)
        return Reminded(sms=sms, email=email)
