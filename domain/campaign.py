"""A campaign as its runs see it: who is to be asked, what was offered, what comes of silence."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from domain.booking import Appointment
from domain.durations import Duration
from domain.quiet_hours import BEFORE_THE_QUIET, TIME_TO_GET_READY, QuietHours

OFFERS = UUID("b1f6f6f0-52d5-5d0a-a0cf-1f3a6f2a4c11")
"""Namespace of the ids of offers: each patient is asked once a round."""

ROUNDS = 3
"""So often a patient is offered other times at most; then somebody has to talk to them."""

DAY = timedelta(days=1)
SHORTEST = timedelta(minutes=5)
HOUR = timedelta(hours=1)

AFTER_THE_NIGHT = HOUR
"""Whose time to answer would end by night has this long in the morning."""


@dataclass(frozen=True, kw_only=True)
class CampaignOrder:
    """The input of `ChangeSchedule`; `in_flight` are those who are being asked right now.

    A run with more than `longest_history` events goes on in a new one; Temporal's limit is 51 200.
    """

    campaign_id: UUID
    in_flight: list[UUID] = field(default_factory=list)
    longest_history: int = 5_000


@dataclass(frozen=True, kw_only=True)
class CampaignLook:
    """How a campaign stands by its rows; `to_ask` are the next who are left, soonest first."""

    pace: str
    parts: dict[str, int]
    to_ask: list[UUID]
    open_holds: int

    @property
    def is_over(self) -> bool:
        """Nobody is left to ask or to answer, or somebody has stopped it."""
        if self.pace == "stopped":
            return True
        waits = self.parts["left"] + self.parts["asked"] + self.open_holds
        return self.pace == "running" and not waits


@dataclass(frozen=True, kw_only=True)
class ReofferOrder:
    """The input of `ReofferVisit`; who has declined is asked in another round.

    A run with more than `longest_history` events goes on in a new one, which is told what it has
    said in this round.
    """

    campaign_id: UUID
    appointment_id: UUID
    round: int = 1
    is_asked: bool = False
    is_reminded: bool = False
    longest_history: int = 5_000

    @property
    def offer_id(self) -> UUID:
        return self._offer_id(self.round)

    @property
    def declined(self) -> list[UUID]:
        """The offers of the rounds before."""
        return [self._offer_id(each) for each in range(1, self.round)]

    def _offer_id(self, number: int) -> UUID:
        """That of the first round has no number."""
        name = f"{self.campaign_id}:{self.appointment_id}"
        return uuid5(OFFERS, name if number == 1 else f"{name}:{number}")


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Another time that is held for the visit, and how long until what, by the database's clock."""

    offer: Appointment
    visit: Appointment
    remind_in_seconds: float
    ends_in_seconds: float


class Verdict(StrEnum):
    """What is to be done when the time for an answer is over."""

    ANSWERED = "answered"
    ASK_AGAIN = "ask_again"
    WAIT = "wait"
    CALL = "call"
    MOVE = "move"
    CANCEL = "cancel"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The verdict, and the visit and its offer as they are now."""

    verdict: Verdict
    visit: Appointment
    offer: Appointment
    in_seconds: float = 0.0
    """When to look again, for `WAIT`."""

    reminds: bool = True
    """Whether it is time to remind the patient, for `WAIT`; once is enough."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """One patient who is asked, and whose visit begins at that time.

    `lasts` is how long the clinic's rule lets an offer wait; without one the answer is needed the
    sooner the nearer the visit is.
    """

    asked_at: datetime
    starts_at: datetime
    clinic_zone: ZoneInfo
    patient_zone: ZoneInfo
    quiet: QuietHours
    lasts: Duration | None

    @property
    def reached_at(self) -> datetime:
        """When the message goes out: in the morning, where the night keeps it back."""
        morning = self.quiet.until(self.asked_at, self.patient_zone, starts_at=self.starts_at)
        return morning or self.asked_at

    @property
    def until(self) -> datetime:
        """When the answer is needed: not by night, where the visit leaves time for the morning."""
        until = self.reached_at + self._within()
        night = self.quiet.around(until, self.patient_zone)
        if night is not None:
            morning = night[1] + AFTER_THE_NIGHT
            if morning <= self.starts_at - TIME_TO_GET_READY:
                until = morning
        return min(until, self.starts_at)

    def remind_at(self, until: datetime) -> datetime:
        """Halfway, or, where that is by night, before it or after it."""
        halfway = self.reached_at + max(timedelta(0), until - self.reached_at) / 2
        night = self.quiet.around(halfway, self.patient_zone)
        if night is None:
            return halfway
        evening, morning = night[0] - BEFORE_THE_QUIET, night[1]
        if evening > self.reached_at:
            return evening
        return morning if morning < until else halfway

    def _within(self) -> timedelta:
        ahead = self.starts_at - self.reached_at
        if self.lasts is None:
            return answer_within(ahead)
        return min(self.lasts.after(self.reached_at, self.clinic_zone) - self.reached_at, ahead / 2)


def answer_within(ahead: timedelta) -> timedelta:
    """The nearer the visit, the sooner the answer is needed; of today, within the hour."""
    for least, within in ((7 * DAY, 2 * DAY), (2 * DAY, DAY), (DAY, 6 * HOUR)):
        if ahead >= least:
            return within
    return max(SHORTEST, min(HOUR, ahead / 4))


def after_a_refusal(*, pace: str, order: ReofferOrder, ahead: timedelta) -> Verdict:
    """Who declines is offered other times, while there is time for an answer to them.

    No policy is carried out against the word of somebody who has given it.
    """
    if pace == "stopped" or order.round >= ROUNDS or ahead < HOUR:
        return Verdict.ANSWERED
    return Verdict.WAIT if pace == "paused" else Verdict.ASK_AGAIN


def campaign_workflow_id(campaign_id: UUID) -> str:
    return f"campaign-{campaign_id}"


def reoffer_workflow_id(order: ReofferOrder) -> str:
    return f"reoffer-{order.campaign_id}-{order.appointment_id}"


def is_moved(visit: Appointment, *, doctor_id: UUID, starts_at: datetime) -> bool:
    """Whether it no longer stands where it stood."""
    return (visit.doctor_id, visit.starts_at) != (doctor_id, starts_at)
