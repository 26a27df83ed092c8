"""A doctor's day: which slots are free, held or booked at this moment."""

import re
from datetime import date
from hashlib import blake2b
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Query, Response
from pydantic import BeforeValidator, Field, WithJsonSchema

from api.dependencies import Days
from api.schemas import FIRST_YEAR, LAST_YEAR, Body, Id, Instant
from domain.day import DaySchedule, SlotState
from domain.documents import timestamp

router = APIRouter(tags=["schedule"])

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ETAG = re.compile(r'(?:W/)?("[^"]*")')


def parse_date(value: object) -> date:
    """A calendar date of the years 2000 to 2100, as YYYY-MM-DD and in no other form."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("must be a date, as 2027-03-01")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a date that exists") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    return day


LocalDate = Annotated[
    date,
    BeforeValidator(parse_date),
    WithJsonSchema({"type": "string", "format": "date"}),
]


class SlotBody(Body):
    """One slot that has not begun."""

    date_time: Instant
    ends_at: Instant
    state: SlotState


class ScheduleBody(Body):
    """A doctor's day; it tells nothing about patients."""

    doctor_id: Id
    clinic_id: Id
    date: LocalDate
    time_zone: str = Field(examples=["Europe/Moscow"])
    version: str = Field(description="changes with every change of the day's visits and shifts")
    slots: list[SlotBody]


@router.get(
    "/doctors/{doctor_id}/schedule",
    response_model=ScheduleBody,
    responses={304: {"description": "The day is as `If-None-Match` knows it"}},
)
async def doctor_schedule(
    doctor_id: Id,
    day: Annotated[LocalDate, Query(alias="date", description="the clinic's local date")],
    days: Days,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The slots of one day; those that have begun and those off duty are not listed."""
    schedule, was_cached = await days.read(doctor_id, day)
    body = orjson.dumps(document(schedule))
    etag = f'"{blake2b(body, digest_size=16).hexdigest()}"'
    headers = {
        "etag": etag,
        "cache-control": "no-cache",
        "cache-status": "priyom; hit" if was_cached else "priyom; fwd=miss",
    }
    if if_none_match is not None and knows(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def document(schedule: DaySchedule) -> dict[str, object]:
    return {
        "doctorId": str(schedule.doctor_id),
        "clinicId": str(schedule.clinic_id),
        "date": schedule.date.isoformat(),
        "timeZone": schedule.time_zone,
        "version": schedule.version,
        "slots": [
            {
                "dateTime": timestamp(slot.starts_at),
                "endsAt": timestamp(slot.ends_at),
                "state": slot.state,
            }
            for slot in schedule.slots
        ],
    }


def knows(if_none_match: str, etag: str) -> bool:
    """Whether the caller has this body already (RFC 9110 13.1.2: a weak comparison)."""
    return if_none_match.strip() == "*" or etag in _ETAG.findall(if_none_match)
