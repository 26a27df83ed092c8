"""What is told about an event, by which channel, and how each is tried again."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.types import MethodAsyncSingleParam

from activities.messages import ANSWER_WITHIN, Messages, Sent
from domain.news import News

ONE_TRY = timedelta(seconds=15)
"""Longer than a sender tries: one that is cut short may have sent its message, which is sent again.

The first try of all has no more: it is within a workflow task (notifier/deliveries.py).
"""

ONE_LETTER = ONE_TRY + ANSWER_WITHIN
"""A letter in a step of its own has the time that its server may look at it.

It says meanwhile that it lives, so that it is begun again soon where its process has died.
"""

ALIVE = timedelta(seconds=45)
"""The SDK tells of a heartbeat at four fifths of it only."""

FIRST_PAUSE = timedelta(seconds=1)
BY_MAIL = RetryPolicy(initial_interval=FIRST_PAUSE, maximum_interval=timedelta(minutes=2))
BY_SMS = RetryPolicy(initial_interval=FIRST_PAUSE, maximum_interval=timedelta(seconds=30))
BY_INBOX = RetryPolicy(initial_interval=FIRST_PAUSE, maximum_interval=timedelta(seconds=10))


@dataclass(frozen=True, kw_only=True)
class Message:
    """One thing to send: which activity, its label in the Temporal UI, how it is tried again."""

    send: MethodAsyncSingleParam[Messages, News, Sent]
    label: str
    retry: RetryPolicy
    one_try: timedelta = ONE_TRY


NOTICE = Message(send=Messages.notify_doctor, label="notice to the doctor", retry=BY_INBOX)
SMS = Message(send=Messages.send_sms, label="SMS to the patient", retry=BY_SMS)
EMAIL = Message(
    send=Messages.send_email, label="e-mail to the patient", retry=BY_MAIL, one_try=ONE_LETTER
)

# The doctor's notice needs the database only, the text message is the shortest to send.
MESSAGES = (NOTICE, SMS, EMAIL)

EVERYBODY = "notice to the doctor, SMS and e-mail to the patient"
"""The label of the step that tries them all."""

PATIENT = "SMS and e-mail to the patient"
"""The label of the same step for a reminder, which is for nobody else."""

SMS_INSTEAD = Message(send=Messages.send_sms_instead, label=SMS.label, retry=BY_SMS)
EMAIL_INSTEAD = Message(
    send=Messages.send_email_instead, label=EMAIL.label, retry=BY_MAIL, one_try=ONE_LETTER
)


async def send(message: Message, news: News, *, after: Sent | None) -> Sent:
    """A step that operations can see, tried until it has an answer; in the morning if told so."""
    if after is not None and after.until:
        wait = max(after.until - workflow.now(), timedelta())
        await workflow.sleep(wait, summary=f"quiet hours: {message.label}")
    return await workflow.execute_activity_method(
        message.send,
        news,
        start_to_close_timeout=message.one_try,
        heartbeat_timeout=ALIVE,
        retry_policy=message.retry,
        summary=message.label,
    )


def words(told: Sent) -> str:
    if told.until:
        return f"waits until {told.until:%H:%M} UTC: the patient sleeps"
    return f"{told.state} ({told.code})" if told.code else told.state.value
