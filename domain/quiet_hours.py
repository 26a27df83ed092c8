"""Quiet hours: when a message that can wait is not sent."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

TIME_TO_GET_READY = timedelta(hours=2)
"""If the morning is closer to the visit than this, the message is sent at night."""


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """By the patient's wall clock, over midnight if they begin later than they end."""

    begin: time = time(21)
    end: time = time(8)

    def until(self, now: datetime, zone: ZoneInfo, *, starts_at: datetime) -> datetime | None:
        """When to send a message that can wait, in UTC. None means now."""
        local = now.astimezone(zone)
        if not self._covers(local.time()):
            return None
        is_evening = self.begin > self.end and local.time() >= self.begin
        morning = local.date() + timedelta(days=1 if is_evening else 0)
        over = datetime.combine(morning, self.end, tzinfo=zone).astimezone(UTC)
        return over if over <= starts_at - TIME_TO_GET_READY else None

    def _covers(self, clock: time) -> bool:
        if self.begin <= self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end
