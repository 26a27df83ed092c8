"""Messages: what one event makes us tell the patient and the doctor."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from structlog import get_logger
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.heartbeats import heartbeats
from activities.providers import Mail, Sms
from activities.refusals import nobody_named
from adapters.messages.delivery_errors import MAY_HAVE_ARRIVED, UNANSWERED, RefusedForGood, TryLater
from adapters.messages.rendering import letter, text_message
from adapters.messages.visit import Kind, Visit
from adapters.postgres.notifications import (
    Attempt,
    Channel,
    Notifications,
    Outcome,
    State,
    VisitUnknown,
)
from domain.news import News
from domain.quiet_hours import QuietHours
from domain.visit_links import link_to, token_of

log = get_logger(__name__)

RECORDED_TOGETHER_SECONDS = 0.1
"""So long the record of one message waits for the other, to be one statement."""

WRITTEN_BY_ATTEMPT = 3
GIVE_UP_AFTER = timedelta(hours=24)
"""Counted from the first attempt. Attempts also end when the visit is over."""

ANSWER_WITHIN = timedelta(minutes=10)
"""So long a mail server may look at a letter that it has (RFC 5321, 4.5.3.2.6)."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """How one message ended: in which state, and by which code if it failed.

    `until` is set if it has not ended: these are quiet hours, so try again then.
    """

    state: State
    code: str | None = None
    until: datetime | None = None
    after_seconds: float = 0.0
    """What a provider that did not take it asked for."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """How the first try of each message went; SENDING with a code is one that was not taken."""

    doctor: Sent
    sms: Sent
    email: Sent


UNKNOWN = Sent(state=State.FAILED, code="visit_unknown")

BY_CHANNEL = (Channel.SMS, Channel.EMAIL)


class Messages:
    """Effects on mail server, SMS gateway and inbox; each is recorded before and after."""

    def __init__(  # noqa: PLR0913 - what it talks to, and how
        self,
        *,
        notifications: Notifications,
        mail: Mail,
        sms: Sms,
        account_url: str,
        link_key: bytes,
        quiet_hours: QuietHours,
        takes_replies: bool = False,
    ) -> None:
        self._notifications = notifications
        self._mail = mail
        self._sms = sms
        self._account_url = account_url
        self._link_key = link_key
        self._quiet_hours = quiet_hours
        self._takes_replies = takes_replies

    @activity.defn
    async def send_email(self, news: News) -> Sent:
        """Idempotent: a recorded letter is not sent again, an unrecorded one has the same id."""
        return await self._tell(news, Channel.EMAIL)

    @activity.defn
    async def send_sms(self, news: News) -> Sent:
        """Idempotent: a recorded text is not sent again, an unrecorded one has the same key."""
        return await self._tell(news, Channel.SMS)

    @activity.defn
    async def send_email_instead(self, news: News) -> Sent:
        """Idempotent likewise: the letter that was kept back for an SMS that failed for good."""
        return await self._tell(news, Channel.EMAIL, instead_of=Channel.SMS)

    @activity.defn
    async def send_sms_instead(self, news: News) -> Sent:
        """Idempotent likewise: the SMS that was kept back for a letter that failed for good."""
        return await self._tell(news, Channel.SMS, instead_of=Channel.EMAIL)

    @activity.defn
    async def notify_doctor(self, news: News) -> Sent:
        """Idempotent: one row an event. The doctor is told of every change, in its order."""
        with nobody_named():
            try:
                await self._notifications.tell_doctor(news)
            except VisitUnknown:
                return UNKNOWN
        return Sent(state=State.SENT)

    @activity.defn
    async def tell_everybody(self, news: News) -> Told:
        """The first try of all, idempotent as each is by itself: the visit is read once.

        A reminder is for the patient alone.
        """
        with nobody_named():
            try:
                attempts = await self._notifications.begin(news, BY_CHANNEL, tells_doctor=True)
            except VisitUnknown:
                return Told(doctor=UNKNOWN, sms=UNKNOWN, email=UNKNOWN)
            told = {attempt.channel: await self._not_to_send(attempt) for attempt in attempts}
            to_send = [attempt for attempt in attempts if told[attempt.channel] is None]
            async for outcome in self._sent_together(to_send):
                told[outcome.attempt.channel] = _ended(outcome)
        sms, email = (told[channel] or UNKNOWN for channel in BY_CHANNEL)
        return Told(doctor=Sent(state=State.SENT), sms=sms, email=email)

    async def _tell(
        self, news: News, channel: Channel, *, instead_of: Channel | None = None
    ) -> Sent:
        with nobody_named():
            try:
                (attempt,) = await self._notifications.begin(
                    news, (channel,), instead_of=instead_of
                )
            except VisitUnknown:
                return UNKNOWN
            return await self._not_to_send(attempt) or await self._send(attempt)

    async def _not_to_send(self, attempt: Attempt) -> Sent | None:
        """How it stands where there is nothing to send, or not yet."""
        if attempt.state is not State.SENDING:
            return Sent(state=attempt.state, code=attempt.error)
        if (until := self._quiet_until(attempt)) is not None:
            await self._notifications.postponed(attempt)
            return Sent(state=State.SENDING, until=until)
        return None

    def _quiet_until(self, attempt: Attempt) -> datetime | None:
        if attempt.is_own_click:
            return None
        return self._quiet_hours.until(
            attempt.now, attempt.patient_zone, starts_at=attempt.visit.matters_until
        )

    async def _sent_together(self, attempts: list[Attempt]) -> AsyncIterator[Outcome]:
        """Side by side; what one provider took is recorded without waiting long for the other."""
        going = {asyncio.create_task(self._first_try(attempt)) for attempt in attempts}
        try:
            while going:
                done, going = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
                if going:
                    more, going = await asyncio.wait(going, timeout=RECORDED_TOGETHER_SECONDS)
                    done |= more
                outcomes = [task.result() for task in done]
                await self._notifications.record(outcomes)
                for outcome in outcomes:
                    yield outcome
        finally:
            for task in going:
                task.cancel()

    async def _first_try(self, attempt: Attempt) -> Outcome:
        """A fault in one message is no reason to cut the other short: it is met in the next try."""
        try:
            return await self._tried(attempt)
        except TryLater as later:
            return Outcome(attempt=attempt, state=State.SENDING, code=later.code, after=later.after)
        except Exception as fault:  # noqa: BLE001 - told by its kind, as any text may name somebody
            return Outcome(attempt=attempt, state=State.SENDING, code=type(fault).__name__)

    async def _send(self, attempt: Attempt) -> Sent:
        try:
            outcome = await self._tried(attempt)
        except TryLater as later:
            may_have_arrived = attempt.error in MAY_HAVE_ARRIVED
            given_up = _too_long() or (may_have_arrived and later.code == UNANSWERED)
            state = State.FAILED if given_up else State.SENDING
            code = UNANSWERED if may_have_arrived else later.code
            outcome = Outcome(attempt=attempt, state=state, code=code)
            await self._notifications.record([outcome])
            if not given_up:
                raise _again(later) from None
        else:
            await self._notifications.record([outcome])
        return _ended(outcome)

    async def _tried(self, attempt: Attempt) -> Outcome:
        """Raises TryLater."""
        try:
            provider_id = await self._hand_over(attempt)
        except RefusedForGood as refused:
            _tell_of(attempt, refused.code)
            return Outcome(attempt=attempt, state=State.FAILED, code=refused.code)
        except TryLater as later:
            _tell_of(attempt, later.code)
            raise
        return Outcome(attempt=attempt, state=State.SENT, provider_id=provider_id)

    async def _hand_over(self, attempt: Attempt) -> str:
        """The provider's id for the message. Raises Undelivered."""
        visit, key = self._with_link(attempt), attempt.notification_id
        if attempt.channel is Channel.SMS:
            with _writing(attempt):
                text = text_message(visit, account_url=self._account_url)
            return await self._sms.send(text, to=visit.phone.strip(), notification_id=key)
        with _writing(attempt):
            written = letter(visit, account_url=self._account_url, sender=self._mail.sender)
        send = partial(self._mail.send, written, to=visit.email, notification_id=key)
        if activity.info().is_local:
            return await send(patience=timedelta())
        async with heartbeats():
            return await send(patience=ANSWER_WITHIN)

    def _with_link(self, attempt: Attempt) -> Visit:
        """A message about a visit that stands can be answered; one about the past cannot."""
        visit = attempt.visit
        if visit.kind is Kind.CANCELLED:
            return visit
        link = link_to(visit.appointment_id, attempt.version, visit.ends_at)
        token = token_of(self._link_key, link)
        return replace(visit, token=token, can_reply=self._takes_replies)


def _ended(outcome: Outcome) -> Sent:
    seconds = outcome.after.total_seconds() if outcome.after else 0.0
    return Sent(state=outcome.state, code=outcome.code, after_seconds=seconds)


@contextmanager
def _writing(attempt: Attempt) -> Iterator[None]:
    """Writing asks no server: what fails a third time in it will not succeed before the visit.

    Where the message has failed, the other channel speaks.
    """
    try:
        yield
    except Exception as fault:
        if activity.info().attempt < WRITTEN_BY_ATTEMPT:
            raise
        key, kind = attempt.notification_id, type(fault).__name__
        log.error("message_not_written", notification=key, fault=kind)  # noqa: TRY400 - its text may name somebody
        raise RefusedForGood("cannot_be_written") from None


def _tell_of(attempt: Attempt, code: str) -> None:
    log.warning("message_not_taken", notification=attempt.notification_id, code=code)


def _again(later: TryLater) -> ApplicationError:
    """Benign: an unavailable provider is not our fault, and one line in the log is enough."""
    return ApplicationError(
        later.code,
        type=later.code,
        next_retry_delay=later.after,
        category=ApplicationErrorCategory.BENIGN,
    )


def _too_long() -> bool:
    """By Temporal's clock alone, so no worker's clock matters."""
    info = activity.info()
    return info.current_attempt_scheduled_time - info.scheduled_time > GIVE_UP_AFTER
