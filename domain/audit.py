"""What an audit is asked, what its checks found, and what it says at the end."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class AuditOrder:
    """The input of `AuditBookings`; what is younger than this may still be on its way."""

    settled_after_seconds: float


@dataclass(frozen=True, kw_only=True)
class Touched:
    """An appointment that an audit mended, and where in its doctor's day it stands."""

    appointment_id: UUID
    doctor_id: UUID
    starts_at: datetime


@dataclass(frozen=True, kw_only=True)
class Holds:
    """One check of holds: how many were looked at, and which were given back.

    Of those that had lapsed all that were looked at were given back, and the first are named.
    """

    looked_at: int
    given_back: list[Touched]


@dataclass(frozen=True, kw_only=True)
class Events:
    """One check of the events that nobody was seen to receive.

    Their run has announced them (`announced`), is about to (`under_way`), was told to (`reminded`),
    or cannot any more, so the audit did (`published`) or will once Kafka is back (`postponed`).
    """

    in_doubt: int
    announced: int
    under_way: int
    postponed: int
    reminded: list[Touched]
    published: list[Touched]


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Two live appointments of one doctor, or of one patient, at the same time."""

    appointment_id: UUID
    other_id: UUID


@dataclass(frozen=True, kw_only=True)
class Overlaps:
    """How many pairs overlap, and the first of them."""

    count: int
    first: list[Overlap]


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """What one audit counted, found and mended; `mended` names the first appointments of these."""

    overlaps: Overlaps
    lapsed_holds_expired: int
    open_holds_looked_at: int
    orphaned_holds_released: int
    events_in_doubt: int
    events_announced: int
    events_under_way: int
    events_postponed: int
    events_published: int
    runs_reminded: int
    days_refreshed: bool
    mended: list[UUID]
