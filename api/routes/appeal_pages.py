"""A missed visit whose patient says that it was not: asked at its page, answered at the desk."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from adapters.postgres.appeals import ask_again, keep_mark
from adapters.postgres.database import Connection
from adapters.postgres.reads import read
from api.dependencies import CommandsDep, DatabaseDep
from api.http.actor import DeskCaller, VisitChanger
from api.http.schemas import Id
from api.page.desk_visit import seen_visit
from api.page.forms import OwnForm, local, see, see_with
from api.page.own_visits import own_visit
from api.page.visitor import Patient
from domain.no_shows import KeptBecause

router = APIRouter(include_in_schema=False)


@router.post("/visits/{appointment_id}/appeal")
async def ask(
    *,
    _: OwnForm,
    appointment_id: Id,
    caller: VisitChanger,
    visitor: Patient,
    database: DatabaseDep,
    commands: CommandsDep,
) -> Response:
    """Once of one mark: the page of the visit says what came of it."""
    found = await own_visit(commands, appointment_id, visitor, caller)
    visit_id = found.appointment.appointment_id
    by = caller.actor.ref_for(found.appointment.patient_id)
    await read(database, lambda connection: ask_again(connection, visit_id, by))
    return see(f"/visits/{visit_id}")


@router.post("/reception/visits/{appointment_id}/keep-no-show")
async def keep(
    *,
    _: OwnForm,
    appointment_id: Id,
    caller: DeskCaller,
    database: DatabaseDep,
    because: Annotated[KeptBecause, Form()] = KeptBecause.OTHER,
    back: Annotated[str | None, Form()] = None,
) -> Response:
    """The mark stays, and the patient reads why."""

    async def work(connection: Connection) -> bool:
        await seen_visit(connection, appointment_id, caller)
        return await keep_mark(connection, appointment_id, because, caller.actor.ref)

    was_open = await read(database, work)
    place = f"/reception/visits/{appointment_id}" if back is None else local(back)
    return see(place) if was_open else see_with(place, note="changed")
