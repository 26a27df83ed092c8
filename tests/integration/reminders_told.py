"""The rules of reminders once more, by the wall clock alone: what is wrong with what was told."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

LOOK_EVERY = timedelta(minutes=20)
"""The product looks twice a minute; what is due is found by the next look."""

DAYS = timedelta(days=5)
HOUR = timedelta(hours=1)
STEPS = {"P3D": 3, "P1D": 1}


@dataclass(kw_only=True)
class Life:
    """A visit at one time: from its booking, or its move there, until it moves or ends."""

    starts_at: datetime
    since: datetime
    moved: bool
    until: datetime | None = None


@dataclass(kw_only=True)
class Visit:
    id: UUID
    clinic_zone: ZoneInfo
    patient_zone: ZoneInfo
    booked_at: datetime
    lives: list[Life]


def wrongs_of(
    visit: Visit, told: dict[tuple[datetime, str], datetime], begin: datetime
) -> list[str]:
    left, wrong = dict(told), list[str]()
    for life in visit.lives:
        for step, ahead in STEPS.items():
            due = due_of(visit, life, ahead)
            at = left.pop((life.starts_at, step), None)
            if at is not None and (due is None or not due <= at <= latest(visit, due, begin)):
                wrong.append(f"{step} told at {at}, due {due}: {life}")
            if at is not None and not life.since <= at < (life.until or life.starts_at):
                wrong.append(f"{step} told at {at} of what is dead: {life}")
            if at is None and due is not None and is_seen(visit, due, life, begin):
                wrong.append(f"{step} not told, due {due}: {life}")
    wrong += [f"told of no such time: {other}" for other, _ in left]
    return wrong


def latest(visit: Visit, due: datetime, begin: datetime) -> datetime:
    """The next look but one, or the morning, if that look is by night."""
    found = (max(due, begin) + 2 * LOOK_EVERY).astimezone(visit.patient_zone)
    if 8 <= found.hour < 21:
        return found
    morning = found.date() + timedelta(days=found.hour >= 21)
    return datetime.combine(morning, time(8), tzinfo=visit.patient_zone) + LOOK_EVERY


def is_seen(visit: Visit, due: datetime, life: Life, begin: datetime) -> bool:
    """Whether all the looks that may come to it find it alive: the first may be lost."""
    until = min(life.until or begin + DAYS, life.starts_at, begin + DAYS)
    return due >= begin and latest(visit, due, begin) + LOOK_EVERY < until


def due_of(visit: Visit, life: Life, ahead: int) -> datetime | None:
    """The same clock some days before; by night in the morning, else in the evening before."""
    wall = life.starts_at.astimezone(visit.clinic_zone).replace(tzinfo=None)
    due = (wall - timedelta(days=ahead)).replace(tzinfo=visit.clinic_zone).astimezone(UTC)
    earliest = visit.booked_at + 2 * HOUR
    if life.moved:
        earliest = max(earliest, life.since - timedelta(seconds=90))
    if due < earliest:
        return None
    local = due.astimezone(visit.patient_zone)
    if 8 <= local.hour < 21:
        return due
    evening = local.date() - timedelta(days=local.hour < 8)
    morning = datetime.combine(evening + timedelta(days=1), time(8), tzinfo=visit.patient_zone)
    if morning <= life.starts_at - 2 * HOUR:
        return morning.astimezone(UTC)
    before = datetime.combine(evening, time(20, 45), tzinfo=visit.patient_zone).astimezone(UTC)
    return before if before >= earliest else due
