"""The history of a case: calls and answers, with their instants."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID


class Kind(StrEnum):
    HOLD = "hold"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    EXTEND = "extend"
    MOVE = "reschedule"
    """To the slot of the booking that is named, of the version that is seen."""
    READ = "read"
    DAY = "day"


@dataclass(frozen=True, kw_only=True)
class Slot:
    """`date` is the clinic's local date, under which its day is read."""

    doctor_id: str
    starts_at: str
    date: str


@dataclass(frozen=True, kw_only=True)
class Booking:
    """One patient's wish for one slot. The id follows from the key, so it is known beforehand."""

    appointment_id: UUID
    patient_id: UUID
    slot: Slot
    key: str

    @property
    def body(self) -> dict[str, str]:
        return {
            "patientId": str(self.patient_id),
            "doctorId": self.slot.doctor_id,
            "dateTime": self.slot.starts_at,
        }


@dataclass(frozen=True, kw_only=True)
class Call:
    """One HTTP call. `begun` and `ended` are seconds of the clock that the database shares.

    A status of None means no answer: the command may have taken effect, or may still do so.
    """

    number: int
    client: int
    kind: Kind
    booking: Booking
    begun: float
    ended: float
    status: int | None
    body: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None

    @property
    def seconds(self) -> float:
        return self.ended - self.begun

    @property
    def code(self) -> str | None:
        return self.body.get("code") if self.status is not None else None

    @property
    def is_unknown(self) -> bool:
        return self.status is None or self.status == 503

    @property
    def held_until(self) -> float | None:
        told = self.body.get("heldUntil")
        return datetime.fromisoformat(told).timestamp() if told else None


class History:
    """All bookings and calls of one case."""

    def __init__(self) -> None:
        self.bookings: dict[UUID, Booking] = {}
        self.calls: list[Call] = []

    def began(self, booking: Booking) -> None:
        self.bookings[booking.appointment_id] = booking

    def add(self, call: Call) -> None:
        self.calls.append(call)

    def of(self, booking: Booking) -> Iterator[Call]:
        return (c for c in self.calls if c.booking.appointment_id == booking.appointment_id)

    def answers(self) -> dict[str, int]:
        """The number of each answer: `hold 201`, `confirm 503 unavailable`, `hold none`."""
        found = Counter(_named(call) for call in self.calls)
        return dict(sorted(found.items()))

    def unknown(self) -> int:
        return sum(call.is_unknown and call.kind not in READS for call in self.calls)

    def count(self, kind: Kind, status: int) -> int:
        return sum(call.kind is kind and call.status == status for call in self.calls)

    def write(self, path: Path) -> None:
        """One call per line, for the person who examines a failed case."""
        lines = (json.dumps(asdict(call), default=str) for call in self.calls)
        path.write_text("\n".join(lines) + "\n")


READS = {Kind.READ, Kind.DAY}


def _named(call: Call) -> str:
    if call.status is None:
        return f"{call.kind} none"
    return f"{call.kind} {call.status} {call.code or ''}".rstrip()
