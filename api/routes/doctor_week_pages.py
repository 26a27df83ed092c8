"""A doctor's own week: the hours, what is closed or added, and a leave for oneself."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from adapters.postgres.database import Database
from adapters.postgres.directory import whose_doctor
from adapters.postgres.plans import latest_plan
from adapters.postgres.reads import read, read_by_cursor
from api.dependencies import DatabaseDep, ExceptionsDep
from api.http.actor import Caller, ClinicReader, ExceptionAsker
from api.http.cursors import Cursor
from api.http.schemas import Id
from api.page.closing import Asked, asked_again, settled
from api.page.exceptions import exceptions_of
from api.page.forms import OwnForm, see
from api.page.managing import managed_doctor
from api.page.rendering import page
from api.page.typed import NOTHING_SENT, NotTaken, Sent, Typed
from api.page.visitor import Anybody, Visitor
from api.routes.manage_pages import WRONG, Note
from api.schedule.excepting import Of
from domain.errors import DoctorNotFound
from domain.permissions import Action, Allowed, may

router = APIRouter(prefix="/doctor", include_in_schema=False)


@router.get("/{doctor_id}/week")
async def week(  # noqa: PLR0913, PLR0917 - each is a part of the request
    doctor_id: Id,
    caller: ClinicReader,
    visitor: Anybody,
    database: DatabaseDep,
    note: Note = None,
    cursor: Cursor = None,
) -> Response:
    return await _week(caller, visitor, database, doctor_id, note=note, cursor=cursor)


@router.post("/{doctor_id}/week")
async def take_leave(  # noqa: PLR0913, PLR0917 - each is a part of the request
    _: OwnForm,
    doctor_id: Id,
    caller: ExceptionAsker,
    visitor: Anybody,
    fields: Typed,
    database: DatabaseDep,
    desk: ExceptionsDep,
) -> Response:
    """As for a manager: seen first, and counted from the moment it is saved."""
    back, of = f"/doctor/{doctor_id}/week", Of(doctor_id=doctor_id)
    try:
        answer = await settled(desk, of, fields, caller)
    except NotTaken as wrong:
        sent = Sent(form="leave", fields=fields, faults=wrong.faults)
        return await _week(caller, visitor, database, doctor_id, sent=sent)
    if isinstance(answer, Asked):
        return await asked_again(visitor, database, of, answer, back=back, here="doctor")
    return see(answer.place or f"{back}?note=made")


async def _week(  # noqa: PLR0913 - who sees what of which doctor
    caller: Caller,
    visitor: Visitor,
    database: Database,
    doctor_id: UUID,
    *,
    note: str | None = None,
    cursor: str | None = None,
    sent: Sent = NOTHING_SENT,
) -> Response:
    whose = await read(database, partial(whose_doctor, doctor_id=doctor_id))
    caller.check(whose, hidden=DoctorNotFound)
    written = await read_by_cursor(database, partial(latest_plan, doctor_id=doctor_id))
    found = await read(database, partial(managed_doctor, doctor_id=doctor_id, plan=written))
    return page(
        visitor,
        "doctor_week.html",
        status=WRONG if sent.faults else 200,
        here="doctor",
        found=found,
        exceptions=await exceptions_of(database, found.clinic, doctor_id=doctor_id, cursor=cursor),
        may_ask=isinstance(may(caller.actor, Action.ASK_EXCEPTION, whose), Allowed),
        note=note,
        sent=sent,
    )
