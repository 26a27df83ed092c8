"""A campaign's page: how far it is, its pace, and whom the reception has yet to call."""

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.postgres.campaign_rows import TO_CALL, Pace, Part, visits_of
from adapters.postgres.directory import find_clinic
from adapters.postgres.reads import read, read_by_cursor
from api.dependencies import CampaignsDep, DatabaseDep
from api.http.actor import CampaignChanger, CampaignReader
from api.http.cursors import Cursor, Place, cursor_of, place_of
from api.http.refusals import note_refusal
from api.http.schemas import Id
from api.page.campaign import CallList, CampaignPage, callees_of
from api.page.forms import OwnForm, see
from api.page.rendering import page
from api.page.visitor import Anybody
from api.routes.campaigns import PartName
from api.routes.manage_pages import Note
from api.schedule.campaigns import whose_campaign
from domain.errors import CampaignNotFound, Changed
from domain.permissions import Action, Allowed, may

LISTED = 40
PACES = {"pause": Pace.PAUSED, "resume": Pace.RUNNING, "stop": Pace.STOPPED}

router = APIRouter(prefix="/manage/campaigns", include_in_schema=False)


@router.get("/{campaign_id}")
async def one_campaign(  # noqa: PLR0913, PLR0917 - each is a part of the request
    campaign_id: Id,
    caller: CampaignReader,
    visitor: Anybody,
    desk: CampaignsDep,
    database: DatabaseDep,
    note: Note = None,
) -> Response:
    """Live, and without a name; without scripts it is as it was when it was opened."""
    campaign = await desk.find(campaign_id, caller)
    whose, clinic_id = whose_campaign(campaign), campaign.clinic_id
    found = CampaignPage(
        campaign=campaign,
        clinic=await read(database, partial(find_clinic, clinic_id=clinic_id)),
        may_run=isinstance(may(caller.actor, Action.RUN_CAMPAIGN, whose), Allowed),
    )
    return page(visitor, "manage_campaign.html", here="manage", found=found, note=note)


@router.get("/{campaign_id}/calls")
async def call_list(  # noqa: PLR0913, PLR0917 - each is a part of the request
    campaign_id: Id,
    caller: CampaignReader,
    visitor: Anybody,
    desk: CampaignsDep,
    database: DatabaseDep,
    state: Annotated[PartName | Literal["toCall"], Query()] = "toCall",
    cursor: Cursor = None,
) -> Response:
    """By name and telephone, which is in the audit trail; so it does not look again by itself."""
    campaign = await desk.find(campaign_id, caller)
    actor = caller.check(whose_campaign(campaign), hidden=CampaignNotFound)
    of = f"calls of campaign {campaign_id} {state}"
    place = place_of(cursor, of=of)
    ask = partial(
        visits_of,
        campaign_id=campaign_id,
        parts=TO_CALL if state == "toCall" else {Part(state)},
        after=None if place is None else (place.instant, place.id),
        limit=LISTED + 1,
    )
    listed, further = await read_by_cursor(database, ask), None
    if len(listed) > LISTED:
        last = listed[LISTED - 1]
        further = cursor_of(Place(instant=last.starts_at, id=last.appointment_id), of=of)
    clinic_id = campaign.clinic_id
    found = CallList(
        campaign=campaign,
        clinic=await read(database, partial(find_clinic, clinic_id=clinic_id)),
        callees=await read(
            database,
            partial(callees_of, actor=actor, listed=listed[:LISTED]),
            caller.sees_patients,
        ),
        state=state,
        further=further,
    )
    return page(visitor, "manage_calls.html", here="manage", found=found)


@router.post("/{campaign_id}/{pace}")
async def set_pace(
    _: OwnForm,
    campaign_id: Id,
    pace: Literal["pause", "resume", "stop"],
    caller: CampaignChanger,
    desk: CampaignsDep,
) -> Response:
    """Back to the page, which shows what came of it."""
    place = f"/manage/campaigns/{campaign_id}"
    try:
        await desk.set_pace(campaign_id, PACES[pace], caller)
    except Changed as stopped:
        note_refusal(stopped)
        return see(f"{place}?note=changed")
    return see(place)
