"""Days in PostgreSQL: the version of one, cheaply, and the whole of one, from one snapshot."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.sql import SQL

from adapters.postgres.batched_reads import BatchedReads
from adapters.postgres.database import Database
from adapters.postgres.reads import read_by_cursor
from adapters.postgres.rows import Row
from domain.booking import Status
from domain.day import Day, Taken, compose, reach_of
from domain.errors import DoctorNotFound
from domain.rules import DoctorGrid
from domain.slot import Interval, day_bounds
from domain.zones import zone_named

# One statement for both questions, so that both digest the same pairs. It finds the rows by the
# indexes of the constraints that keep the day true: `occupies` is null for a row that is over,
# and a row of the same practitioner at another desk takes the time as well. A row that comes,
# changes or goes changes the digest, and so does the grid. The lists stand in SELECTs of their own
# to keep their lengths from the planner, which would plan anew for every length; OFFSET keeps the
# doctor a look by its key, since most looks are for one.
DAYS = SQL("""
SELECT asked.nth, d.practitioner_id, d.clinic_id, d.slot_minutes, d.time_zone,
    clock_timestamp() AS now,
    md5(concat_ws('|', d.practitioner_id, d.clinic_id, d.slot_minutes, d.time_zone,
                  'rows', taken.marks, 'shifts', on_duty.marks)) AS version,
    taken.rows, on_duty.shifts
FROM unnest((SELECT CAST(%(doctors)s AS uuid[])), (SELECT CAST(%(starts)s AS timestamptz[])),
            (SELECT CAST(%(ends)s AS timestamptz[])))
    WITH ORDINALITY AS asked (doctor_id, reach_from, reach_until, nth)
CROSS JOIN LATERAL (
    SELECT d.*, c.time_zone FROM doctors d JOIN clinics c ON c.id = d.clinic_id
    WHERE d.id = asked.doctor_id OFFSET 0
) d
CROSS JOIN LATERAL (
    SELECT string_agg(s.id || ':' || s.revision, ',' ORDER BY s.id) AS marks,
        json_agg(json_build_array(s.starts_at, s.ends_at, s.status = 'held', s.held_until))
            FILTER (WHERE %(whole)s AND s.id IS DISTINCT FROM CAST(%(moving)s AS uuid)) AS rows
    FROM schedules s
    WHERE s.practitioner_id = d.practitioner_id
      AND s.occupies && tstzrange(asked.reach_from, asked.reach_until)
) taken
CROSS JOIN LATERAL (
    SELECT string_agg(extract(epoch FROM lower(w.during)) || ':' || w.revision, ','
                      ORDER BY w.during) AS marks,
        json_agg(json_build_array(lower(w.during), upper(w.during), w.state))
            FILTER (WHERE %(whole)s) AS shifts
    FROM shifts w
    WHERE w.doctor_id = d.id AND w.during && tstzrange(asked.reach_from, asked.reach_until)
) on_duty
""")

DESKS_KEPT = 10_000
SOME_DAY = date(2000, 1, 1)
UNKNOWN = ZoneInfo("UTC")
"""The zone of a desk not seen yet; the answer tells the right one."""


@dataclass(frozen=True, kw_only=True)
class DayVersion:
    """What the database says a day is at `now`, without the day itself."""

    desk: DoctorGrid
    version: str
    now: datetime


@dataclass(frozen=True, kw_only=True)
class FreshDay:
    """A day composed from one snapshot; `now` is the database clock in it."""

    day: Day
    now: datetime


DayKey = tuple[UUID, date]


class DayBook:
    """The days as the database has them. Raises `DoctorNotFound` for a doctor it has not."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._desks: dict[UUID, DoctorGrid] = {}
        self._versions = BatchedReads(self._look)

    async def version(self, doctor_id: UUID, day: date) -> DayVersion:
        """Which version of the day is true now; what a cached day is validated by.

        Those who ask together, or while others are being answered, share one statement, which
        begins after the last of them has asked.
        """
        found = await self._versions.ask((doctor_id, day))
        if found is None:
            raise DoctorNotFound
        return found

    async def desk(self, doctor_id: UUID) -> DoctorGrid:
        """As it was last seen here, for who may err where a clinic moves to another zone."""
        known = self._desks.get(doctor_id)
        return known or (await self.version(doctor_id, SOME_DAY)).desk

    async def day(
        self,
        doctor_id: UUID,
        day: date,
        *,
        moving: UUID | None = None,
        minutes: int | None = None,
    ) -> FreshDay:
        """The day itself, composed from one snapshot together with its version.

        `moving`: an appointment that it is read without. With `minutes` it is the day of a service
        that takes so long.
        """
        key = doctor_id, day
        found = await self._read([key], whole=True, moving=moving, minutes=minutes)
        if key not in found:
            raise DoctorNotFound
        row, desk = found[key]
        shifts = [(_interval(*bounds), state) for *bounds, state in row["shifts"] or []]
        taken = [_taken(*each) for each in row["rows"] or []]
        spans = [shift for shift, _ in shifts]
        composed = compose(desk, day, row["version"], spans, taken, minutes=minutes)
        closing = [shift for shift, state in shifts if state == "closing"]
        return FreshDay(day=composed.closing(closing), now=row["now"])

    async def _look(self, days: Iterable[DayKey]) -> Mapping[DayKey, DayVersion]:
        found = await self._read(days, whole=False)
        return {
            key: DayVersion(desk=desk, version=row["version"], now=row["now"])
            for key, (row, desk) in found.items()
        }

    async def _read(
        self,
        days: Iterable[DayKey],
        *,
        whole: bool,
        moving: UUID | None = None,
        minutes: int | None = None,
    ) -> dict[DayKey, tuple[Row, DoctorGrid]]:
        """Ask with the desks as they were last seen, again where that made a day's bounds wrong.

        A doctor who is not there has no day.
        """
        found: dict[DayKey, tuple[Row, DoctorGrid]] = {}
        asked = {key: self._reach(*key, minutes) for key in days}
        while asked:
            rows = await self._ask(asked, whole=whole, moving=moving)
            again: dict[DayKey, Interval] = {}
            for nth, (key, reach) in enumerate(asked.items(), 1):
                if nth not in rows:
                    self._desks.pop(key[0], None)
                    continue
                desk = self._desk_now(key[0], rows[nth])
                right = reach_of(key[1], desk, minutes)
                if reach == right:
                    found[key] = rows[nth], desk
                else:
                    again[key] = right
            asked = again
        return found

    def _reach(self, doctor_id: UUID, day: date, minutes: int | None) -> Interval:
        known = self._desks.get(doctor_id)
        return reach_of(day, known, minutes) if known else day_bounds(day, UNKNOWN)

    async def _ask(
        self, asked: Mapping[DayKey, Interval], *, whole: bool, moving: UUID | None
    ) -> dict[int, Row]:
        parameters: dict[str, object] = {
            "doctors": _array(str(doctor_id) for doctor_id, _ in asked),
            "starts": _array(reach.starts_at.isoformat() for reach in asked.values()),
            "ends": _array(reach.ends_at.isoformat() for reach in asked.values()),
            "whole": whole,
            "moving": moving,
        }
        rows = await read_by_cursor(self._database, lambda cursor: cursor.all(DAYS, parameters))
        return {row["nth"]: row for row in rows}

    def _desk_now(self, doctor_id: UUID, row: Row) -> DoctorGrid:
        """As the row has it, which is nearly always as it was."""
        known = self._desks.get(doctor_id)
        if known is not None and _stands_in(known, row):
            return known
        if len(self._desks) >= DESKS_KEPT:
            self._desks.clear()
        self._desks[doctor_id] = _desk(doctor_id, row)
        return self._desks[doctor_id]


def _array(values: Iterable[str]) -> str:
    """As PostgreSQL writes it, for values that need no quotes; psycopg's own costs ten times it."""
    return "{" + ",".join(values) + "}"


def _stands_in(desk: DoctorGrid, row: Row) -> bool:
    return bool(
        desk.practitioner_id == row["practitioner_id"]
        and desk.clinic_id == row["clinic_id"]
        and desk.slot_minutes == row["slot_minutes"]
        and desk.zone.key == row["time_zone"]
    )


def _desk(doctor_id: UUID, row: Row) -> DoctorGrid:
    return DoctorGrid(
        doctor_id=doctor_id,
        practitioner_id=row["practitioner_id"],
        clinic_id=row["clinic_id"],
        slot_minutes=row["slot_minutes"],
        zone=zone_named(row["time_zone"]),
    )


def _interval(starts_at: str, ends_at: str) -> Interval:
    return Interval(starts_at=_utc(starts_at), ends_at=_utc(ends_at))


def _taken(starts_at: str, ends_at: str, is_held: bool, held_until: str | None) -> Taken:  # noqa: FBT001 - as it stands in the row
    """What occupies and is no hold is a visit that stands, whatever else is known of it."""
    return Taken(
        starts_at=_utc(starts_at),
        ends_at=_utc(ends_at),
        status=Status.HELD if is_held else Status.CONFIRMED,
        held_until=_utc(held_until) if is_held and held_until is not None else None,
    )


def _utc(written: str) -> datetime:
    return datetime.fromisoformat(written).astimezone(UTC)
