"""The evidence of a case: from the database, Kafka, Temporal, Redis and the logs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from tests.faults.rig.history import Booking, Call


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of `schedules`; instants in seconds."""

    id: UUID
    doctor_id: str
    starts_at: str
    status: str
    held_until: float
    version: int
    extensions: int
    was_held: bool
    was_confirmed: bool


@dataclass(frozen=True, kw_only=True)
class Change:
    """One committed change of a row, recorded by the rig's trigger."""

    id: UUID
    doctor_id: str
    starts_at: str
    at: float
    status: str
    held_until: float
    version: int


@dataclass(frozen=True, kw_only=True)
class Event:
    """A record of the topic."""

    id: UUID
    type: str
    appointment_id: UUID
    sequence: int


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a booking or a cancellation: how and when it ended."""

    id: str
    status: str
    closed_at: float | None
    begun_at: float = 0.0
    task_failures: Sequence[str] = ()

    @property
    def appointment_id(self) -> str:
        return self.id.partition("-")[2]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All evidence of one case. `stopped` are bookings whose runs an operator terminated."""

    bookings: Mapping[UUID, Booking]
    calls: Sequence[Call]
    rows: Mapping[UUID, Row]
    changes: Sequence[Change]
    events: Sequence[Event]
    runs: Sequence[Run]
    now: float
    healed_at: float
    hold_seconds: float
    stopped: frozenset[UUID] = frozenset()
    not_bookable: Sequence[str] = ()
    lapsed_probed: int = 0
    leaks: Sequence[str] = ()
    places_read: int = 0
    nobody_to_answer: Sequence[tuple[float, float]] = field(default_factory=tuple)
    """Intervals in which the API could not answer: it was stopped, killed or cut off."""
    lags: Sequence[tuple[float, float]] = field(default_factory=tuple)
    """When, and by how much, a timer of the rig fired late: a measure of the starved machine."""
