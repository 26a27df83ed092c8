"""Who did what: the history of an appointment, and the audit trail."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.postgres.database import Connection
from adapters.postgres.reads import read
from adapters.postgres.trail import Line, Sought, history_of, lines_of
from api.dependencies import CommandsDep, DatabaseDep
from api.http.actor import AuditReader, VisitReader
from api.http.answers import NO_STORE, JsonAnswer
from api.http.cursors import Cursor, Limit, cursor_of_line, line_of
from api.http.json_route import JsonRoute
from api.http.looks import note_visit
from api.http.openapi import problems
from api.http.schemas import Id, Instant, Text
from api.http.trail_schemas import HistoryBody, LinePage
from domain.documents import timestamp

router = APIRouter(route_class=JsonRoute)

Word = Annotated[Text | None, Query(min_length=1)]
From = Annotated[Instant | None, Query(alias="from")]
Until = Annotated[Instant | None, Query(alias="until")]


@router.get(
    "/appointments/{appointment_id}/history",
    tags=["appointments"],
    response_model=HistoryBody,
    summary="Every version of an appointment",
    openapi_extra=problems("appointment_not_found"),
)
async def history(
    appointment_id: Id, caller: VisitReader, desk: CommandsDep, database: DatabaseDep
) -> Response:
    """Oldest first. A lapse is the role `system`, a change by SQL the role `sql`.

    Of an offer that was taken: the visit's.
    """
    found = await desk.find(appointment_id, caller.actor)
    visit_id = found.appointment.appointment_id
    await note_visit(database, found.by, found.appointment.patient_id)

    async def ask(connection: Connection) -> list[dict[str, object]]:
        return [
            {
                "version": each.version,
                "at": timestamp(each.at),
                "action": each.action,
                "actor": {"role": each.role},
                "status": each.status,
                "doctorId": str(each.doctor_id),
                "dateTime": timestamp(each.starts_at),
                "reason": each.reason,
            }
            for each in await history_of(connection, visit_id)
        ]

    return JsonAnswer({"items": await read(database, ask)}, headers=NO_STORE)


@router.get("/audit", tags=["audit"], response_model=LinePage, summary="The audit trail")
async def trail(  # noqa: PLR0913 - each is a part of the request
    *,
    caller: AuditReader,
    database: DatabaseDep,
    thing: Annotated[Word, Query(alias="object", min_length=1)] = None,
    actor: Word = None,
    begins: From = None,
    ends: Until = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """Newest first. Patients see what concerns their own record, managers their clinics."""
    sees = caller.sees
    person = None if sees.everything or sees.clinic_ids else caller.actor.patient_id
    sought = Sought(
        object=thing,
        actor=actor,
        begins=begins,
        ends=ends,
        clinics=None if sees.everything or person else sees.clinic_ids,
        person=person,
        before=line_of(cursor),
        limit=limit + 1,
    )

    async def ask(connection: Connection) -> list[Line]:
        return await lines_of(connection, sought)

    found = await read(database, ask)
    following = cursor_of_line(found[limit - 1].id) if len(found) > limit else None
    items = [_document(each) for each in found[:limit]]
    return JsonAnswer({"items": items, "next": following}, headers=NO_STORE)


def _document(line: Line) -> dict[str, object]:
    facts = {name: value for name, value in vars(line).items() if name not in {"id", "patient_id"}}
    at: datetime = line.at
    patient = None if line.patient_id is None else str(line.patient_id)
    return facts | {"at": timestamp(at), "patientId": patient}
