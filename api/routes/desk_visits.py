"""The reception's page of one appointment: what to read out, its history, how it is cancelled."""

from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from adapters.postgres.offers import visit_of_offer
from adapters.postgres.reads import read, read_by_cursor
from api.booking.temporal_errors import NoAnswer
from api.dependencies import CommandsDep, DatabaseDep
from api.http.actor import DeskCaller
from api.http.refusals import note_refusal
from api.http.schemas import Id, Text
from api.page.desk_visit import desk_visit
from api.page.forms import OwnForm, see, see_with
from api.page.rendering import page
from api.page.visitor import Anybody
from domain.booking import CancelReason
from domain.errors import AppointmentNotFound, Refused

router = APIRouter(prefix="/reception/visits", include_in_schema=False)


@router.get("/{appointment_id}")
async def one_visit(  # noqa: PLR0913, PLR0917 - each is a part of the request
    appointment_id: Id,
    caller: DeskCaller,
    visitor: Anybody,
    database: DatabaseDep,
    note: Annotated[Text | None, Query()] = None,
    whom: Annotated[Id | None, Query(alias="for")] = None,
) -> Response:
    """What was booked, said so that it can be read out, and what became of it.

    `whom`: who is being booked, and may be booked on top of this one.
    """
    ask = partial(desk_visit, appointment_id=appointment_id, caller=caller, whom=whom)
    found = await read(database, ask, caller.sees_patients)
    offer_of = None
    if found.visit.appointment.origin == "offer":
        look = partial(visit_of_offer, offer_id=appointment_id)
        offer_of = await read_by_cursor(database, look)
    return page(
        visitor, "desk_visit.html", here="reception", found=found, note=note, offer_of=offer_of
    )


@router.post("/{appointment_id}/cancel")
async def cancel(
    *,
    _: OwnForm,
    appointment_id: Id,
    caller: DeskCaller,
    commands: CommandsDep,
    reason: Annotated[CancelReason, Form()],
    version: Annotated[int, Form(ge=1, le=1_000_000)],
) -> Response:
    """As it was shown, with a reason; what was booked by a slip of the hand is a mistake."""
    place = f"/reception/visits/{appointment_id}"
    try:
        await commands.cancel(
            appointment_id, reason, version, by=replace(caller.actor, at_desk=True)
        )
    except AppointmentNotFound:
        raise
    except Refused as refused:
        note_refusal(refused, appointment_id=appointment_id)
        return see_with(place, note=refused.refusal.code)
    except NoAnswer:
        return see_with(place, note="unavailable")
    return see(place)
