"""What the table of moves keeps of one, as PostgreSQL writes a row in JSON."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.booking import Placement


@dataclass(frozen=True, kw_only=True)
class MadeMove:
    """A move that was made: when, and where the visit stood before."""

    moved_at: datetime
    previous: Placement


def made_move(row: dict[str, str]) -> MadeMove:
    return MadeMove(
        moved_at=datetime.fromisoformat(row["moved_at"]), previous=placement_before(row)
    )


def placement_before(row: dict[str, str]) -> Placement:
    """Where the visit stood that this move took away."""
    return Placement(
        doctor_id=UUID(row["previous_doctor_id"]),
        clinic_id=UUID(row["previous_clinic_id"]),
        starts_at=datetime.fromisoformat(row["previous_starts_at"]),
        ends_at=datetime.fromisoformat(row["previous_ends_at"]),
    )
