"""Messages: what one event makes us tell the patient and the doctor."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from structlog import get_logger
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from adapters.messages.delivery_errors import RefusedForGood, TryLater
from adapters.messages.rendering import Letter, letter, text_message
from adapters.postgres.notifications import Attempt, Channel, Notifications, State, VisitUnknown
from domain.events import AppointmentEvent
from domain.quiet_hours import QuietHours

log = get_logger(__name__)

GIVE_UP_AFTER = timedelta(hours=24)
"""Counted from the first attempt. Attempts also end when the visit is over."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """How one message ended: in which state, and by which code if it failed.

    `until` is set if it has not ended: these are quiet hours, so try again then.
    """

    state: State
    code: str | None = None
    until: datetime | None = None


class Mail(Protocol):
    """Sends letters; `sender` is the address they come from."""

    @property
    def sender(self) -> str: ...

    async def send(self, letter: Letter, *, to: str, notification_id: UUID) -> str: ...


class Sms(Protocol):
    """Sends text messages."""

    async def send(self, text: str, *, to: str, notification_id: UUID) -> str: ...


class Messages:
    """Effects on mail server, SMS gateway and inbox; each is recorded before and after."""

    def __init__(
        self,
        *,
        notifications: Notifications,
        mail: Mail,
        sms: Sms,
        account_url: str,
        quiet_hours: QuietHours,
    ) -> None:
        self._notifications = notifications
        self._mail = mail
        self._sms = sms
        self._account_url = account_url
        self._quiet_hours = quiet_hours

    @activity.defn
    async def send_email(self, event: AppointmentEvent) -> Sent:
        """Idempotent: a recorded letter is not sent again, an unrecorded one has the same id."""
        return await self._tell(event, Channel.EMAIL)

    @activity.defn
    async def send_sms(self, event: AppointmentEvent) -> Sent:
        """Idempotent: a recorded text is not sent again, an unrecorded one has the same key."""
        return await self._tell(event, Channel.SMS)

    @activity.defn
    async def send_email_instead(self, event: AppointmentEvent) -> Sent:
        """Idempotent likewise: the letter that was kept back for an SMS that failed for good."""
        return await self._tell(event, Channel.EMAIL, instead_of=Channel.SMS)

    @activity.defn
    async def send_sms_instead(self, event: AppointmentEvent) -> Sent:
        """Idempotent likewise: the SMS that was kept back for a letter that failed for good."""
        return await self._tell(event, Channel.SMS, instead_of=Channel.EMAIL)

    @activity.defn
    async def notify_doctor(self, event: AppointmentEvent) -> Sent:
        """Idempotent: one row an event. The doctor is told of every change, in its order."""
        with nobody_named():
            try:
                await self._notifications.tell_doctor(event)
            except VisitUnknown:
                return Sent(state=State.FAILED, code="visit_unknown")
        return Sent(state=State.SENT)

    async def _tell(
        self, event: AppointmentEvent, channel: Channel, *, instead_of: Channel | None = None
    ) -> Sent:
        with nobody_named():
            try:
                attempt = await self._notifications.begin(event, channel, instead_of=instead_of)
            except VisitUnknown:
                return Sent(state=State.FAILED, code="visit_unknown")
            if attempt.state is not State.SENDING:
                return Sent(state=attempt.state, code=attempt.error)
            if (until := self._quiet_until(attempt)) is not None:
                await self._notifications.postponed(attempt)
                return Sent(state=State.SENDING, until=until)
            return await self._send(attempt, channel)

    def _quiet_until(self, attempt: Attempt) -> datetime | None:
        if attempt.is_own_click:
            return None
        return self._quiet_hours.until(
            attempt.now, attempt.patient_zone, starts_at=attempt.visit.starts_at
        )

    async def _send(self, attempt: Attempt, channel: Channel) -> Sent:
        try:
            provider_id = await self._hand_over(attempt, channel)
        except RefusedForGood as no:
            return await self._failed(attempt, no.code)
        except TryLater as later:
            if _too_long():
                return await self._failed(attempt, later.code)
            await self._notifications.not_sent(attempt, later.code, state=State.SENDING)
            log.warning("message_not_taken", notification=attempt.notification_id, code=later.code)
            raise _again(later) from None
        await self._notifications.sent(attempt, provider_id)
        return Sent(state=State.SENT)

    async def _hand_over(self, attempt: Attempt, channel: Channel) -> str:
        """The provider's id for the message. Raises Undelivered."""
        visit, key = attempt.visit, attempt.notification_id
        if channel is Channel.SMS:
            return await self._sms.send(text_message(visit), to=visit.phone, notification_id=key)
        written = letter(visit, account_url=self._account_url, sender=self._mail.sender)
        return await self._mail.send(written, to=visit.email, notification_id=key)

    async def _failed(self, attempt: Attempt, code: str) -> Sent:
        await self._notifications.not_sent(attempt, code, state=State.FAILED)
        log.warning("message_refused", notification=attempt.notification_id, code=code)
        return Sent(state=State.FAILED, code=code)


@contextmanager
def nobody_named() -> Iterator[None]:
    """Replace a fault by its type and place: its text may name a patient."""
    try:
        yield
    except ApplicationError:
        raise
    except Exception as error:  # noqa: BLE001 - any text may name somebody
        fault = ApplicationError("the attempt ended in a fault", type=type(error).__name__)
        raise fault.with_traceback(error.__traceback__) from None


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
