"""Deliver instead: a message that its provider took has not arrived, so the other channel speaks.

The patient wants that channel only for this. What was sent or withdrawn meanwhile is not sent.
"""

from dataclasses import dataclass

from temporalio import workflow

from activities.messages import Sent
from domain.news import News
from workflows.delivery_steps import EMAIL_INSTEAD, SMS_INSTEAD, send, words

STANDS_IN_FOR = {"email": SMS_INSTEAD, "sms": EMAIL_INSTEAD}


@dataclass(frozen=True, kw_only=True)
class Unheard:
    """An event or a reminder, and the channel (`email` or `sms`) by which it did not arrive."""

    event: News
    by: str


@workflow.defn
class DeliverInstead:
    """The result is the state in which the message ended that stood in."""

    @workflow.run
    async def run(self, unheard: Unheard) -> str:
        told: Sent | None = None
        while told is None or told.until:
            told = await send(STANDS_IN_FOR[unheard.by], unheard.event, after=told)
        return words(told)
