"""A campaign as its runs see it: who is to be asked, what was offered, what comes of silence."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from domain.booking import Appointment

OFFERS = UUID("b1f6f6f0-52d5-5d0a-a0cf-1f3a6f2a4c11")
"""Namespace of the ids of offers (uuid5 of campaign and visit): each patient is asked once."""

DAY = timedelta(days=1)
SHORTEST = timedelta(minutes=5)
HOUR = timedelta(hours=1)


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
    """The input of `ReofferVisit`."""

    campaign_id: UUID
    appointment_id: UUID

    @property
    def offer_id(self) -> UUID:
        return uuid5(OFFERS, f"{self.campaign_id}:{self.appointment_id}")


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
    """How long the patient still has, for `WAIT`."""


def answer_within(ahead: timedelta) -> timedelta:
    """The nearer the visit, the sooner the answer is needed; of today, within the hour."""
    for least, within in ((7 * DAY, 2 * DAY), (2 * DAY, DAY), (DAY, 6 * HOUR)):
        if ahead >= least:
            return within
    return max(SHORTEST, min(HOUR, ahead / 4))


def campaign_workflow_id(campaign_id: UUID) -> str:
    return f"campaign-{campaign_id}"


def reoffer_workflow_id(order: ReofferOrder) -> str:
    return f"reoffer-{order.campaign_id}-{order.appointment_id}"


def is_moved(visit: Appointment, *, doctor_id: UUID, starts_at: datetime) -> bool:
    """Whether it no longer stands where it stood."""
    return (visit.doctor_id, visit.starts_at) != (doctor_id, starts_at)
