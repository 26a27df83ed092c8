"""What pages show of exceptions from plans: a list by months, and how each is said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import groupby
from uuid import UUID

from adapters.postgres.database import Database
from adapters.postgres.directory import Clinic
from adapters.postgres.exception_rows import ListedException, list_exceptions
from adapters.postgres.reads import read_by_cursor
from api.http.cursors import Place, cursor_of, place_of
from domain.plan_exceptions import ExceptionKind
from domain.zones import zone_named

LISTED = 50
"""Exceptions on one page; the list leads on."""


@dataclass(frozen=True, kw_only=True)
class Month:
    """The exceptions that begin in it."""

    first: date
    listed: list[ListedException]


@dataclass(frozen=True, kw_only=True)
class ByMonths:
    """What stands from now on, in the order of the beginnings."""

    months: list[Month]
    further: str | None


async def exceptions_of(
    database: Database, clinic: Clinic, *, doctor_id: UUID | None, cursor: str | None
) -> ByMonths:
    """Those of a clinic, or those that count for one of its doctors."""
    of = f"exceptions {clinic.clinic_id} {doctor_id}"
    place = place_of(cursor, of=of)
    now = datetime.now(UTC).astimezone(zone_named(clinic.time_zone)).replace(tzinfo=None)
    ask = partial(
        list_exceptions,
        clinic_id=clinic.clinic_id,
        doctor_id=doctor_id,
        since=now,
        after=None if place is None else (place.instant.replace(tzinfo=None), place.id),
        limit=LISTED + 1,
    )
    found = await read_by_cursor(database, ask)
    shown, further = found[:LISTED], None
    if len(found) > LISTED:
        last = shown[-1].made
        further = cursor_of(
            Place(instant=last.what.start.replace(tzinfo=UTC), id=last.exception_id), of=of
        )
    return ByMonths(months=_by_months(shown), further=further)


def today_at(clinic: Clinic) -> date:
    """By the clinic's clock."""
    return datetime.now(UTC).astimezone(zone_named(clinic.time_zone)).date()


def closes(day: date, listed: Sequence[ListedException]) -> bool:
    """Whether one of them takes all of this day from the whole clinic."""
    begins = datetime.combine(day, time())
    return any(
        each.made.doctor_id is None
        and each.made.what.kind is ExceptionKind.REMOVE
        and each.made.what.start <= begins
        and begins + timedelta(days=1) <= each.made.what.until
        for each in listed
    )


def _by_months(listed: Sequence[ListedException]) -> list[Month]:
    def month(each: ListedException) -> date:
        return each.made.what.start.date().replace(day=1)

    return [Month(first=first, listed=list(some)) for first, some in groupby(listed, month)]
