"""The input of an audit, what its checks found, and its result."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class AuditOrder:
    """The input of `AuditBookings`. What is younger than this is left to its run."""

    settled_after_seconds: float


@dataclass(frozen=True, kw_only=True)
class Touched:
    """An appointment that an audit mended, and where in its doctor's day it stands."""

    appointment_id: UUID
    doctor_id: UUID
    starts_at: datetime
    ends_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Holds:
    """One check of holds: how many it read, and which it released.

    It released every lapsed hold that it read; only the first are listed.
    """

    looked_at: int
    given_back: list[Touched]


@dataclass(frozen=True, kw_only=True)
class Events:
    """One check of the events that have no recorded receiver.

    The run has published the event (`announced`), is about to (`under_way`) or was told to
    (`reminded`). Where no run can, the audit published it (`published`), or will when Kafka is
    back (`postponed`).
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
class Seal:
    """The last link of the chain over the trail of who did what, and its hash."""

    place: int
    hash: str


@dataclass(frozen=True, kw_only=True)
class Trail:
    """One check of that trail, up to the seal of `until`: each break is a sentence that names it.

    `seal` was the last one. The next audit knows it from here, outside the database.
    `server_began_at`: since when the database's server has been running.
    """

    lines: int
    until: int
    seal: Seal | None
    breaks: list[str]
    server_began_at: datetime | None = None


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
    trail: Trail | None = None
    no_shows_marked: int = 0
