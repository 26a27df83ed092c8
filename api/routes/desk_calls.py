"""The reception's call list: patients of the clinic whom no message reaches any more."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.postgres.call_lists import to_be_called
from adapters.postgres.database import Connection
from adapters.postgres.directory import Clinic
from adapters.postgres.reads import read, read_by_cursor
from api.dependencies import DatabaseDep
from api.http.actor import DeskCaller
from api.http.cursors import Cursor, Place, cursor_of, place_of
from api.http.schemas import Id
from api.page.campaign import Callee, callees_of
from api.page.choices import clinic_of_desk, remembered_clinic
from api.page.rendering import page
from api.page.visitor import Anybody

LISTED = 40

router = APIRouter(prefix="/reception", include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Of one clinic, the soonest visit first; the list leads on where it is cut."""

    clinics: list[Clinic]
    more_clinics: str | None
    clinic: Clinic | None
    callees: list[Callee]
    further: str | None


@router.get("/calls")
async def calls(  # noqa: PLR0913 - each is a part of the request
    *,
    caller: DeskCaller,
    visitor: Anybody,
    request: Request,
    database: DatabaseDep,
    clinic: Id | None = None,
    clinics: Cursor = None,
    cursor: Cursor = None,
) -> Response:
    """By name and telephone, which is in the audit trail; so it does not look again by itself."""
    chosen = clinic or remembered_clinic(request)

    async def choose(connection: Connection) -> tuple[list[Clinic], str | None, Clinic | None]:
        return await clinic_of_desk(connection, clinics, sees=caller.sees, chosen=chosen)

    listed, more, here = await read(database, choose)
    found = Calls(clinics=listed, more_clinics=more, clinic=here, callees=[], further=None)
    if here is not None:
        of = f"calls of clinic {here.clinic_id}"
        place = place_of(cursor, of=of)
        after = None if place is None else (place.instant, place.id)
        visits = await read_by_cursor(
            database,
            lambda opened: to_be_called(opened, here.clinic_id, after=after, limit=LISTED + 1),
        )
        shown, further = visits[:LISTED], None
        if len(visits) > LISTED:
            last = Place(instant=shown[-1].starts_at, id=shown[-1].appointment_id)
            further = cursor_of(last, of=of)
        people = await read(
            database,
            lambda opened: callees_of(opened, caller.actor, shown),
            caller.sees_patients,
        )
        found = Calls(
            clinics=listed, more_clinics=more, clinic=here, callees=people, further=further
        )
    return page(visitor, "reception_calls.html", here="reception", found=found)
