"""When somebody is free: the slots of all doctors that fit, soonest first."""

import re
from dataclasses import astuple
from datetime import date, time
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from adapters.postgres.reads import read
from adapters.postgres.slot_search import FreeSlot, Wish, find_slots
from api.dependencies import DatabaseDep
from api.http.actor import FOR_ANYBODY
from api.http.answers import NO_CACHE, JsonAnswer
from api.http.cursors import Cursor, Limit, Place, cursor_of, place_of
from api.http.dates import LocalDate
from api.http.problems import Malformed
from api.http.schemas import CLINIC_ID, DOCTOR_ID, Body, Id, Instant, example, page_example
from api.http.strict_query import StrictRoute
from api.routes.directory import ClinicId, SpecialtyName
from domain.documents import timestamp
from domain.search import TimesWished

router = APIRouter(tags=["schedule"], route_class=StrictRoute, dependencies=[FOR_ANYBODY])

EVERY_DAY = frozenset(range(1, 8))
_WEEKDAYS = re.compile(r"[1-7](,[1-7]){0,6}", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)

EXAMPLE_SLOT = {
    "doctorId": DOCTOR_ID,
    "clinicId": CLINIC_ID,
    "dateTime": "2027-03-01T14:00:00Z",
    "endsAt": "2027-03-01T14:30:00Z",
}


def parse_weekdays(value: str) -> str:
    """1 for Monday to 7 for Sunday, several by comma."""
    if not _WEEKDAYS.fullmatch(value):
        raise ValueError("must be days of the week from 1 (Monday) to 7, several by comma")
    return value


def parse_clock(value: object) -> time:
    """A time of day as HH:MM and in no other form."""
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise ValueError("must be a time of day, as 17:00")
    return time.fromisoformat(value)


Weekdays = Annotated[
    str,
    AfterValidator(parse_weekdays),
    WithJsonSchema({"type": "string", "pattern": f"^{_WEEKDAYS.pattern}$"}),
]
Clock = Annotated[
    time,
    BeforeValidator(parse_clock),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK.pattern}$"}),
]


class FreeSlotBody(Body):
    """A slot that is free now."""

    model_config = example(dict(EXAMPLE_SLOT))

    doctor_id: Id
    clinic_id: Id
    date_time: Instant
    ends_at: Instant


class FreeSlotPage(Body):
    """One page of free slots, soonest first."""

    model_config = page_example(dict(EXAMPLE_SLOT))

    items: list[FreeSlotBody]
    next: str | None = Field(
        description="`cursor` of the next page, null at the end; a page before it may be short"
    )


@router.get("/slots", response_model=FreeSlotPage, summary="Free slots of all doctors that fit")
async def search_slots(  # noqa: PLR0913 - each is a part of the wish
    *,
    database: DatabaseDep,
    specialty: SpecialtyName = None,
    clinic_id: ClinicId = None,
    doctor_id: Annotated[Id | None, Query(alias="doctorId", description="only of this one")] = None,
    first: Annotated[
        LocalDate | None, Query(alias="from", description="the first date; today if left out")
    ] = None,
    until: Annotated[
        LocalDate | None, Query(description="the last date; 90 days after the first if left out")
    ] = None,
    weekdays: Annotated[
        Weekdays | None,
        Query(description="1 Monday to 7 Sunday, several by comma", examples=["1,5"]),
    ] = None,
    earliest: Annotated[
        Clock | None, Query(description="begins at this time or later", examples=["17:00"])
    ] = None,
    latest: Annotated[
        Clock | None, Query(description="begins at this time or sooner", examples=["20:00"])
    ] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """Soonest first. Dates and times of day are each clinic's own; what has begun is not listed."""
    times = _times(first, until, weekdays, (earliest, latest))
    wish = Wish(times=times, specialty=specialty, clinic_id=clinic_id, doctor_id=doctor_id)
    of = f"slots of {specialty} {clinic_id} {doctor_id} {sorted(times.weekdays)} {earliest}"
    place = place_of(cursor, of=of)
    after = None if place is None else astuple(place)
    page = await read(database, partial(find_slots, wish=wish, limit=limit, after=after))
    following = None
    if page.next_after is not None:
        instant, key = page.next_after
        following = cursor_of(Place(instant=instant, id=key), of=of)
    items = [_slot(each) for each in page.slots]
    return JsonAnswer({"items": items, "next": following}, headers=NO_CACHE)


def _times(
    first: date | None,
    until: date | None,
    weekdays: str | None,
    clock: tuple[time | None, time | None],
) -> TimesWished:
    earliest, latest = clock[0] or time.min, clock[1] or time(23, 59, 59)
    if first is not None and until is not None and until < first:
        raise Malformed("until", "must not be before `from`")
    if latest < earliest:
        raise Malformed("latest", "must not be before `earliest`")
    return TimesWished(
        first_day=first,
        last_day=until,
        weekdays=frozenset(map(int, weekdays.split(","))) if weekdays else EVERY_DAY,
        earliest=earliest,
        latest=latest,
    )


def _slot(slot: FreeSlot) -> dict[str, str]:
    return {
        "doctorId": str(slot.doctor_id),
        "clinicId": str(slot.clinic_id),
        "dateTime": timestamp(slot.starts_at),
        "endsAt": timestamp(slot.ends_at),
    }
