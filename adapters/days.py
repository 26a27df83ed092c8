"""Days in PostgreSQL: the version of one, cheaply, and the whole of one, from one snapshot."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.reading import read
from domain.booking import Status
from domain.day import Day, Taken, compose, reach_of
from domain.errors import DoctorNotFound
from domain.rules import Desk
from domain.slot import Interval, day_bounds

# One statement for both questions, so that both digest the same pairs. It finds the rows by the
# indexes of the constraints that keep the day true: `occupies` is null for a row that is over,
# and a row of the same practitioner at another desk takes the time as well. A row that comes,
# changes or goes changes the digest, and so does the grid.
DAY = text("""
SELECT d.practitioner_id, d.clinic_id, d.slot_minutes, c.time_zone, clock_timestamp() AS now,
    md5(concat_ws('|', d.practitioner_id, d.clinic_id, d.slot_minutes, c.time_zone,
                  'rows', taken.marks, 'shifts', on_duty.marks)) AS version,
    taken.rows, on_duty.shifts
FROM doctors d JOIN clinics c ON c.id = d.clinic_id
CROSS JOIN LATERAL (
    SELECT string_agg(s.id || ':' || s.revision, ',' ORDER BY s.id) AS marks,
        json_agg(json_build_array(s.starts_at, s.ends_at, s.status, s.held_until))
            FILTER (WHERE :whole) AS rows
    FROM schedules s
    WHERE s.practitioner_id = d.practitioner_id
      AND s.occupies && tstzrange(:reach_from, :reach_until)
) taken
CROSS JOIN LATERAL (
    SELECT string_agg(extract(epoch FROM lower(w.during)) || ':' || w.revision, ','
                      ORDER BY w.during) AS marks,
        json_agg(json_build_array(lower(w.during), upper(w.during)))
            FILTER (WHERE :whole) AS shifts
    FROM shifts w
    WHERE w.doctor_id = d.id AND w.during && tstzrange(:reach_from, :reach_until)
) on_duty
WHERE d.id = :doctor_id
""")

DESKS_KEPT = 10_000
UNKNOWN = ZoneInfo("UTC")
"""The zone of a desk not seen yet; the answer tells the right one."""


@dataclass(frozen=True, kw_only=True)
class DayVersion:
    """What the database says a day is at `now`, without the day itself."""

    desk: Desk
    version: str
    now: datetime


@dataclass(frozen=True, kw_only=True)
class FreshDay:
    """A day composed from one snapshot; `now` is the database clock in it."""

    day: Day
    now: datetime


class DayBook:
    """The days as the database has them. Raises `DoctorNotFound` for a doctor it has not."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._desks: dict[UUID, Desk] = {}

    async def version(self, doctor_id: UUID, day: date) -> DayVersion:
        """Which version of the day is true now; what a cached day is validated by."""
        row, desk = await self._read(doctor_id, day, whole=False)
        return DayVersion(desk=desk, version=row["version"], now=row["now"])

    async def day(self, doctor_id: UUID, day: date) -> FreshDay:
        """The day itself, composed from one snapshot together with its version."""
        row, desk = await self._read(doctor_id, day, whole=True)
        shifts = [_interval(*bounds) for bounds in row["shifts"] or []]
        taken = [_taken(*found) for found in row["rows"] or []]
        return FreshDay(day=compose(desk, day, row["version"], shifts, taken), now=row["now"])

    async def _read(self, doctor_id: UUID, day: date, *, whole: bool) -> tuple[RowMapping, Desk]:
        """Ask with the desk as it was last seen, again if that made the day's bounds wrong."""
        known = self._desks.get(doctor_id)
        reach = reach_of(day, known) if known else day_bounds(day, UNKNOWN)
        while True:
            row = await self._ask(doctor_id, reach, whole=whole)
            if row is None:
                self._desks.pop(doctor_id, None)
                raise DoctorNotFound
            desk = _desk(doctor_id, row)
            self._remember(desk)
            right = reach_of(day, desk)
            if reach == right:
                return row, desk
            reach = right

    async def _ask(self, doctor_id: UUID, reach: Interval, *, whole: bool) -> RowMapping | None:
        parameters = {
            "doctor_id": doctor_id,
            "reach_from": reach.starts_at,
            "reach_until": reach.ends_at,
            "whole": whole,
        }

        async def ask(connection: AsyncConnection) -> RowMapping | None:
            found = await connection.execute(DAY, parameters)
            return found.mappings().one_or_none()

        return await read(self._engine, ask)

    def _remember(self, desk: Desk) -> None:
        if len(self._desks) >= DESKS_KEPT:
            self._desks.clear()
        self._desks[desk.doctor_id] = desk


def _desk(doctor_id: UUID, row: RowMapping) -> Desk:
    return Desk(
        doctor_id=doctor_id,
        practitioner_id=row["practitioner_id"],
        clinic_id=row["clinic_id"],
        slot_minutes=row["slot_minutes"],
        zone=ZoneInfo(row["time_zone"]),
    )


def _interval(starts_at: str, ends_at: str) -> Interval:
    return Interval(starts_at=_utc(starts_at), ends_at=_utc(ends_at))


def _taken(starts_at: str, ends_at: str, status: str, held_until: str | None) -> Taken:
    held = Status(status) is Status.HELD
    return Taken(
        starts_at=_utc(starts_at),
        ends_at=_utc(ends_at),
        status=Status(status),
        held_until=_utc(held_until) if held and held_until is not None else None,
    )


def _utc(written: str) -> datetime:
    return datetime.fromisoformat(written).astimezone(UTC)
