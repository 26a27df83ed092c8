"""Quiet hours: when a message that can wait is not sent."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

TIME_TO_GET_READY = timedelta(hours=2)
"""If the morning is closer to the visit than this, the message is sent at night."""

BEFORE_THE_QUIET = timedelta(minutes=15)
"""What goes out before the quiet hours leaves time to answer it."""


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """By the patient's wall clock, over midnight if they begin later than they end."""

    begin: time = time(21)
    end: time = time(8)

    def until(self, now: datetime, zone: ZoneInfo, *, starts_at: datetime) -> datetime | None:
        """When to send a message that can wait, in UTC. None means now."""
        night = self.around(now, zone)
        if night is None:
            return None
        _, over = night
        return over if over <= starts_at - TIME_TO_GET_READY else None

    def around(self, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
        """When the quiet hours that it is now began and will be over, in UTC."""
        local = now.astimezone(zone)
        if not self._covers(local.time()):
            return None
        is_over_midnight = self.begin > self.end
        is_morning = is_over_midnight and local.time() < self.end
        evening = local.date() - timedelta(days=1 if is_morning else 0)
        morning = evening + timedelta(days=1 if is_over_midnight else 0)
        began = datetime.combine(evening, self.begin, tzinfo=zone)
        over = datetime.combine(morning, self.end, tzinfo=zone)
        return began.astimezone(UTC), over.astimezone(UTC)

    @property
    def lasts(self) -> timedelta:
        """By the wall clock."""
        return (_since_midnight(self.end) - _since_midnight(self.begin)) % timedelta(days=1)

    def _covers(self, clock: time) -> bool:
        if self.begin <= self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end


def _since_midnight(clock: time) -> timedelta:
    return timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)
