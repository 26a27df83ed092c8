"""A doctor's leave over days full of visits: what is sent to the API to make it."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

SLOTS_A_DAY = 48
TEN_MINUTES = timedelta(minutes=10)
AHEAD = timedelta(days=9)
HEAD = "external_id,doctor,starts_at,ends_at,patient_name,patient_phone,status"


def where_it_is_noon() -> str:
    """The signs of these names are those of the way to UTC."""
    hours = datetime.now(UTC).hour - 12
    return f"Etc/GMT{hours:+d}" if hours else "UTC"


@dataclass(frozen=True, kw_only=True)
class Leave:
    """Of a doctor whom nobody else's test knows, for as many days as the visits fill.

    The clinic's clock shows noon, so that no message waits for a morning.
    """

    visits: int = SLOTS_A_DAY
    reason: str = "illness"
    policy: str = "call_list"
    zone: str = field(default_factory=where_it_is_noon)
    first: date = field(default_factory=lambda: datetime.now(UTC).date() + AHEAD)
    specialty: str = field(default_factory=lambda: f"specialty {uuid4()}")

    @property
    def days(self) -> int:
        return -(-self.visits // SLOTS_A_DAY)

    @property
    def clinic(self) -> dict[str, str]:
        return {"name": "Leave", "address": "Street 1", "timeZone": self.zone, "phone": "+7000"}

    def doctor(self, clinic_id: str) -> dict[str, Any]:
        named = {"fullName": f"Dr {uuid4()}", "specialty": self.specialty}
        return named | {"clinicId": clinic_id, "slotMinutes": 10}

    @property
    def plan(self) -> dict[str, Any]:
        week = [{"weekday": n, "from": "00:00", "until": "08:00"} for n in range(1, 8)]
        return {"effectiveFrom": str(self.first), "weekly": week, "version": 0}

    @property
    def wish(self) -> dict[str, str]:
        return {
            "kind": "remove",
            "from": f"{self.first}T00:00",
            "until": f"{self.first + timedelta(days=self.days)}T00:00",
            "reason": self.reason,
            "policy": self.policy,
        }

    @property
    def starts(self) -> list[str]:
        """Of the slots of all its days, as the API writes times."""
        midnight = datetime.combine(self.first, datetime.min.time(), tzinfo=ZoneInfo(self.zone))
        return [
            _written(midnight + timedelta(days=day) + n * TEN_MINUTES)
            for day in range(self.days)
            for n in range(SLOTS_A_DAY)
        ]

    def file(self, doctor_id: str) -> bytes:
        """Visits of another system, one in each slot: their patients are told nothing of that."""
        lines = [HEAD]
        for n, starts_at in enumerate(self.starts[: self.visits]):
            ends_at = _written(datetime.fromisoformat(starts_at) + TEN_MINUTES)
            lines.append(
                f"{doctor_id[:8]}-{n},{doctor_id},{starts_at},{ends_at},"
                f"Patient {n},+7999{uuid4().int % 10**7:07},confirmed"
            )
        return "\n".join(lines).encode()


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
