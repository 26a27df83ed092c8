"""A patient's visits in the calendar of a telephone: its secret address, made and taken back."""

from functools import partial
from hashlib import blake2b
from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import Response

from adapters.messages.rendering import calendar_feed
from adapters.postgres.calendar_feeds import make_feed, revoke_feed, subscriber
from adapters.postgres.database import Connection
from adapters.postgres.reads import read
from adapters.postgres.visits import PatientVisit, visits_ahead
from api.dependencies import DatabaseDep, Settings
from api.http.actor import FOR_ANYBODY, Caller, VisitLister
from api.http.etags import knows
from api.http.problems import Problem
from api.page.calendar import as_entry
from api.page.forms import OwnForm, see
from api.page.rendering import SAFE, page
from api.page.visitor import Patient, Visitor
from domain.booking import Status
from domain.errors import PatientNotFound

AT_ONCE = 100
"""Visits that are read by one statement; a calendar has all of them."""

router = APIRouter(include_in_schema=False)

IfNoneMatch = Annotated[str, Header(alias="If-None-Match")]


def may_have_feed(visitor: Visitor, caller: Caller) -> bool:
    """Of one's own visits: the right of a proxy may end, and the address would stay."""
    actor = caller.actor
    return actor.is_anyone or actor.patient_id == visitor.patient_id


@router.post("/visits/calendar")
async def make(
    _: OwnForm, caller: VisitLister, visitor: Patient, database: DatabaseDep, settings: Settings
) -> Response:
    """The address is shown this once: only its digest is kept."""
    if not may_have_feed(visitor, caller):
        raise PatientNotFound
    patient_id = visitor.signed_in.patient_id
    ask = partial(make_feed, patient_id=patient_id, language=visitor.language)
    token = await read(database, ask)
    address = f"{settings.public_url.rstrip('/')}/calendar/{token}.ics"
    answer = page(
        visitor,
        "calendar_link.html",
        here="visits",
        address=address,
        subscribe=f"webcal:{address.partition(':')[2]}",
    )
    answer.headers["cache-control"] = "no-store"
    return answer


@router.post("/visits/calendar/revoke")
async def revoke(
    _: OwnForm, caller: VisitLister, visitor: Patient, database: DatabaseDep
) -> Response:
    if not may_have_feed(visitor, caller):
        raise PatientNotFound
    patient_id = visitor.signed_in.patient_id
    await read(database, lambda connection: revoke_feed(connection, patient_id))
    return see("/visits")


@router.get("/calendar/{token}.ics", dependencies=[FOR_ANYBODY])
async def feed(
    token: str, database: DatabaseDep, settings: Settings, if_none_match: IfNoneMatch = ""
) -> Response:
    """For calendars that ask again and again, without sign-in."""

    async def ask(connection: Connection) -> str | None:
        whose = await subscriber(connection, token)
        if whose is None:
            return None
        visits, after = list[PatientVisit](), None
        while True:
            found = await visits_ahead(connection, whose.patient_id, limit=AT_ONCE, after=after)
            visits += found
            if len(found) < AT_ONCE:
                break
            last = found[-1].appointment
            after = last.starts_at, last.appointment_id
        stand = [each for each in visits if each.appointment.status is not Status.HELD]
        entries = [as_entry(each, whose.language) for each in stand]
        return calendar_feed(entries, whose.language, account_url=settings.public_url)

    written = await read(database, ask)
    if written is None:
        raise Problem(code="not_found", detail="This calendar is not there, or not any more.")
    tag = f'"{blake2b(written.encode(), digest_size=16).hexdigest()}"'
    headers = {**SAFE, "cache-control": "no-store", "etag": tag, "x-robots-tag": "noindex"}
    if knows(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(written, media_type="text/calendar", headers=headers)
