"""Campaigns: how one stands, whom it has yet to reach, and its pace."""

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.postgres.campaign_rows import Campaign, Pace, Part, visits_of
from adapters.postgres.reads import read, read_by_cursor
from api.dependencies import CampaignsDep, DatabaseDep
from api.http.actor import CampaignChanger, CampaignReader
from api.http.answers import NO_STORE, JsonAnswer
from api.http.cursors import Cursor, Limit, Place, cursor_of, place_of
from api.http.exception_schemas import (
    CampaignBody,
    CampaignVisitPage,
    campaign_document,
    visit_document,
)
from api.http.json_route import JsonRoute
from api.http.looks import note
from api.http.openapi import problems
from api.http.schemas import Id
from api.schedule.campaigns import whose_campaign
from domain.errors import CampaignNotFound

router = APIRouter(prefix="/campaigns", tags=["setup"], route_class=JsonRoute)

PartName = Literal["moved", "cancelled", "asked", "declined", "silent", "withoutContact", "left"]
OfPart = Annotated[PartName | None, Query(alias="state", description="only this part")]


@router.get("/{campaign_id}", response_model=CampaignBody, summary="How a campaign stands")
async def get_campaign(campaign_id: Id, caller: CampaignReader, desk: CampaignsDep) -> Response:
    """Its parts always add up to `total`. It is `done` when nobody is left to ask or to answer."""
    return _answer(await desk.find(campaign_id, caller))


@router.get(
    "/{campaign_id}/visits",
    response_model=CampaignVisitPage,
    summary="The visits of a campaign",
)
async def list_campaign_visits(  # noqa: PLR0913, PLR0917 - each is a part of the request
    campaign_id: Id,
    caller: CampaignReader,
    desk: CampaignsDep,
    database: DatabaseDep,
    part: OfPart = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """Of `silent`, `declined` and `withoutContact` it is the call list, soonest first."""
    campaign = await desk.find(campaign_id, caller)
    actor = caller.check(whose_campaign(campaign), hidden=CampaignNotFound)
    of = f"campaign {campaign_id}"
    place = place_of(cursor, of=of)
    ask = partial(
        visits_of,
        campaign_id=campaign_id,
        parts=None if part is None else {Part(part)},
        after=None if place is None else (place.instant, place.id),
        limit=limit + 1,
    )
    found = await read_by_cursor(database, ask)
    page, following = found[:limit], None
    if len(found) > limit:
        last = page[-1]
        following = cursor_of(Place(instant=last.starts_at, id=last.appointment_id), of=of)
    people = list(dict.fromkeys(each.patient_id for each in page))
    await read(database, partial(note, actor=actor, action="read", seen=people))
    items = [visit_document(each) for each in page]
    return JsonAnswer({"items": items, "next": following}, headers=NO_STORE)


@router.post(
    "/{campaign_id}/pause",
    response_model=CampaignBody,
    summary="Ask nobody else for now",
    openapi_extra=problems("changed"),
)
async def pause_campaign(campaign_id: Id, caller: CampaignChanger, desk: CampaignsDep) -> Response:
    """Whoever was asked can still answer."""
    return _answer(await desk.set_pace(campaign_id, Pace.PAUSED, caller))


@router.post(
    "/{campaign_id}/resume",
    response_model=CampaignBody,
    summary="Go on asking",
    openapi_extra=problems("changed"),
)
async def resume_campaign(campaign_id: Id, caller: CampaignChanger, desk: CampaignsDep) -> Response:
    """With whoever is left."""
    return _answer(await desk.set_pace(campaign_id, Pace.RUNNING, caller))


@router.post("/{campaign_id}/stop", response_model=CampaignBody, summary="Ask nobody else")
async def stop_campaign(campaign_id: Id, caller: CampaignChanger, desk: CampaignsDep) -> Response:
    """For good. Whoever was asked can still answer."""
    return _answer(await desk.set_pace(campaign_id, Pace.STOPPED, caller))


def _answer(campaign: Campaign) -> Response:
    return JsonAnswer(campaign_document(campaign), headers=NO_STORE)
