"""A doctor's day: which slots are free, held or booked at this moment."""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import Field

from adapters.postgres.reads import read
from adapters.postgres.setup import minutes_of
from api.dependencies import Book, DatabaseDep, Days, LiveStreams, WatchedDays, WrittenPages
from api.http.actor import FOR_ANYBODY, Permission
from api.http.dates import LocalDate
from api.http.openapi import problems
from api.http.schemas import CLINIC_ID, DOCTOR_ID, Body, Id, Instant, example
from api.http.streams import Event, LastEventId, written_as
from api.http.strict_query import StrictRoute
from api.schedule.moving_day import moving_day
from api.schedule.rendered_days import digest, document, uncached, written
from domain.day import DaySchedule, SlotState
from domain.permissions import Action

router = APIRouter(tags=["schedule"], route_class=StrictRoute, dependencies=[FOR_ANYBODY])

_TAG = '"0f4c8d7b5a3e4a10b6f1c2d3e4f5a6b7"'


def _header(description: str, value: str) -> dict[str, object]:
    return {"description": description, "schema": {"type": "string"}, "example": value}


EXAMPLE_DAY_EVENT = (
    "event: day\n"
    f'data: {{"doctorId": "{DOCTOR_ID}", "clinicId": "{CLINIC_ID}", "date": "2027-03-01", '
    '"timeZone": "Europe/Moscow", "version": "17", "slots": []}\n'
    "id: 0f4c8d7b5a3e4a10b6f1c2d3e4f5a6b7\n\n"
)

HEADERS = {
    "ETag": _header("tells this body from every other; for If-None-Match", _TAG),
    "Cache-Control": _header("a copy may be kept, and is asked about before every use", "no-cache"),
    "Cache-Status": _header(
        "RFC 9211: `priyom; hit` out of the cache, `priyom; fwd=miss` out of the database",
        "priyom; hit",
    ),
}


Day = Annotated[
    LocalDate,
    Query(alias="date", description="the clinic's local date", examples=["2027-03-01"]),
]

Moving = Annotated[
    Id | None,
    Query(
        description="a visit that the caller may move, with a token: the day as it would be "
        "without it, its own slot `own`"
    ),
]

ServiceId = Annotated[
    Id | None,
    Query(
        alias="serviceId",
        description="only beginnings at which this service of the doctor ends within the shift; "
        "`free` where the whole of it fits",
    ),
]

IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        description="the `ETag` of an earlier answer: 304 without a body if it is still so",
        examples=[_TAG],
    ),
]


class SlotBody(Body):
    """One slot that has not begun."""

    model_config = example(
        {"dateTime": "2027-03-01T06:00:00Z", "endsAt": "2027-03-01T06:30:00Z", "state": "free"}
    )

    date_time: Instant
    ends_at: Instant
    state: SlotState


class ScheduleBody(Body):
    """A doctor's day; it tells nothing about patients."""

    model_config = example(
        {
            "doctorId": DOCTOR_ID,
            "clinicId": CLINIC_ID,
            "date": "2027-03-01",
            "timeZone": "Europe/Moscow",
            "version": "17",
            "slots": [
                {
                    "dateTime": "2027-03-01T06:00:00Z",
                    "endsAt": "2027-03-01T06:30:00Z",
                    "state": "held",
                },
                {
                    "dateTime": "2027-03-01T06:30:00Z",
                    "endsAt": "2027-03-01T07:00:00Z",
                    "state": "free",
                },
            ],
        }
    )

    doctor_id: Id
    clinic_id: Id
    date: LocalDate
    time_zone: str = Field(examples=["Europe/Moscow"])
    version: str = Field(description="changes with every change of the day's visits and shifts")
    slots: list[SlotBody]


_whoever_moves = Permission(Action.CHANGE_VISIT)
"""Asked for where a visit is named only: the day itself is for everybody."""

PATH = "/doctors/{doctor_id}/schedule"


@router.get(
    PATH,
    response_model=ScheduleBody,
    responses={
        200: {"headers": HEADERS},
        304: {"description": "The day is as `If-None-Match` knows it", "headers": HEADERS},
    },
    summary="A doctor's day",
    openapi_extra=problems("service_not_found"),
)
async def get_schedule(  # noqa: PLR0913 - each is a part of the request
    *,
    doctor_id: Id,
    day: Day,
    request: Request,
    days: WrittenPages,
    book: Book,
    database: DatabaseDep,
    moving: Moving = None,
    service_id: ServiceId = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The slots of one day; those that have begun and those off duty are not listed."""
    if moving is not None:
        caller = await _whoever_moves(request)
        seen = await moving_day(database, doctor_id, day, moving=moving, caller=caller)
        return uncached(seen).answer(was_cached=False, if_none_match=if_none_match)
    if service_id is None:
        known, was_cached = await days.read(doctor_id, day)
        return known.answer(was_cached=was_cached, if_none_match=if_none_match)
    ask = partial(minutes_of, doctor_id=doctor_id, service_id=service_id)
    found = await book.day(doctor_id, day, minutes=await read(database, ask))
    return written(found.day, found.now).answer(was_cached=False, if_none_match=if_none_match)


@router.get(
    "/doctors/{doctor_id}/schedule/stream",
    summary="A doctor's day, whenever it changes",
    response_class=Response,
    responses={200: written_as(EXAMPLE_DAY_EVENT)},
)
async def stream_schedule(  # noqa: PLR0913 - what a stream needs is asked for by name
    *,
    doctor_id: Id,
    day: Day,
    request: Request,
    days: Days,
    watched: WatchedDays,
    streams: LiveStreams,
    last_event_id: LastEventId = None,
) -> Response:
    """Server-sent events `day`: the day as the call above gives it, at once and after each change.

    With `Last-Event-ID`, which browsers send by themselves, a day that is still so is not sent
    again. A slot that is taken, confirmed or given up is told within a second.
    """
    first, _ = await days.read(doctor_id, day)

    async def events() -> AsyncGenerator[Event]:
        told = _event(first)
        if told.id != last_event_id:
            yield told
        async for later in watched.changes(first):
            yield _event(later)

    return streams.answer(request, events())


def _event(schedule: DaySchedule) -> Event:
    data = document(schedule)
    return Event(name="day", data=data, id=digest(orjson.dumps(data)))
