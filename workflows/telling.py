"""The messages of one run: each tried at once, then by itself; one may stand in for another."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import TypeAlias

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError

from activities.messages import Messages, Sent
from adapters.postgres.notifications import State
from domain.news import News
from workflows.delivery_steps import (
    EMAIL,
    EMAIL_INSTEAD,
    FIRST_PAUSE,
    NOTICE,
    ONE_TRY,
    SMS,
    SMS_INSTEAD,
    Message,
    send,
    words,
)

AT_ONCE = RetryPolicy(maximum_attempts=1)

INSTEAD_OF = {EMAIL.label: (SMS, SMS_INSTEAD), SMS.label: (EMAIL, EMAIL_INSTEAD)}
"""What is kept back for a message that fails for good, and how it is then sent."""

Tried: TypeAlias = "list[tuple[Message, Sent | None]]"
"""How the first try of each went; None where it was not taken."""


class Telling:
    """What one piece of news makes us say; the run's page shows how each message stands."""

    def __init__(self, news: News, messages: Sequence[Message], *, head: Sequence[str]) -> None:
        self._news = news
        self._messages = messages
        self._head = head
        self._told: dict[str, str] = {message.label: "to be sent" for message in messages}
        self._ended: dict[str, Sent] = {}
        self._asked_for: dict[str, float] = {}

    async def all_at_once(self, label: str) -> Tried:
        """All of them in one step of the first workflow task."""
        try:
            told = await workflow.execute_local_activity_method(
                Messages.tell_everybody,
                self._news,
                start_to_close_timeout=ONE_TRY,
                retry_policy=AT_ONCE,
                summary=label,
            )
        except FailureError as fault:
            for message in self._messages:
                self._not_taken(message, _code(fault))
            return [(message, None) for message in self._messages]
        sent = {NOTICE.label: told.doctor, SMS.label: told.sms, EMAIL.label: told.email}
        return [(each, self._first_tried(each, sent[each.label])) for each in self._messages]

    async def one_by_one(self) -> Tried:
        """Each in a step of its own."""
        return [(message, await self._told_at_once(message)) for message in self._messages]

    async def to_the_end(self, tried: Tried) -> list[str]:
        """Until each has ended; in which state, in the order of the messages."""
        late = [(message, told) for message, told in tried if told is None or told.until]
        if late:
            await asyncio.gather(*(self._told_at_last(message, told) for message, told in late))
        await self._told_instead()
        return list(self._told.values())

    def _first_tried(self, message: Message, sent: Sent) -> Sent | None:
        if sent.state is State.SENDING and sent.until is None:
            self._not_taken(message, sent.code or "fault")
            self._asked_for[message.label] = sent.after_seconds
            return None
        self._end(message, sent)
        return sent

    async def _told_at_once(self, message: Message) -> Sent | None:
        try:
            told = await workflow.execute_local_activity_method(
                message.send,
                self._news,
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
            asked_for = timedelta(seconds=self._asked_for.get(message.label, 0.0))
            pause = max(FIRST_PAUSE, asked_for)
            await workflow.sleep(pause, summary=f"before the next try: {message.label}")
        while told is None or told.until:
            told = await send(message, self._news, after=told)
            self._end(message, told)

    async def _told_instead(self) -> None:
        """Where one failed for good or may not be sent any more, send what was kept back for it."""
        for failed, (kept_back, instead) in INSTEAD_OF.items():
            was_kept = self._ended[kept_back.label].state is State.RESERVED
            if was_kept and self._ended[failed].state in {State.FAILED, State.DECLINED}:
                await self._told_at_last(instead, None)

    def _end(self, message: Message, told: Sent) -> None:
        self._ended[message.label] = told
        self._note(message, words(told))

    def _note(self, message: Message, words: str) -> None:
        self._told[message.label] = words
        lines = [f"- {label}: **{words}**" for label, words in self._told.items()]
        workflow.set_current_details("\n".join([*self._head, *lines]))


def _code(fault: FailureError) -> str:
    """A local activity's failure is bare; a code, never a provider's text."""
    return fault.type or "fault" if isinstance(fault, ApplicationError) else "timeout"
