"""Lists of one person: a patient's appointments, a doctor's notices; newest first."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from adapters.appointments import Before, Notice, appointments_of, notices_of
from adapters.reading import read
from api.answers import NO_STORE, JsonAnswer
from api.cursors import Place, cursor_of, place_of
from api.dependencies import Engine
from api.schemas import AppointmentPage, Id, NoticePage
from domain.booking import Appointment
from domain.documents import document, timestamp

router = APIRouter()

Limit = Annotated[int, Query(ge=1, le=100, description="how many items at most")]
Cursor = Annotated[str | None, Query(description="`next` of the page before")]


@router.get(
    "/patients/{patient_id}/appointments",
    tags=["patients"],
    response_model=AppointmentPage,
    summary="A patient's appointments",
)
async def appointments(
    patient_id: Id, engine: Engine, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """Newest first, by the time they were made."""
    this_list = f"appointments of {patient_id}"
    before = _before(cursor, of=this_list)

    async def ask(connection: AsyncConnection) -> list[Appointment]:
        return await appointments_of(connection, patient_id, limit=limit + 1, before=before)

    found = await read(engine, ask)
    places = [(each.created_at, each.appointment_id) for each in found]
    following = None
    if len(found) > limit and (created_at := places[limit - 1][0]) is not None:
        following = cursor_of(Place(instant=created_at, id=places[limit - 1][1]), of=this_list)
    items = [document(each) for each in found[:limit]]
    return JsonAnswer({"items": items, "next": following}, headers=NO_STORE)


@router.get(
    "/doctors/{doctor_id}/notifications",
    tags=["doctors"],
    response_model=NoticePage,
    summary="A doctor's notices",
)
async def notifications(
    doctor_id: Id, engine: Engine, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """What the doctor was told about confirmed and cancelled visits, newest first."""
    this_list = f"notices of {doctor_id}"
    before = _before(cursor, of=this_list)

    async def ask(connection: AsyncConnection) -> list[Notice]:
        return await notices_of(connection, doctor_id, limit=limit + 1, before=before)

    found = await read(engine, ask)
    following = None
    if len(found) > limit:
        last = found[limit - 1]
        following = cursor_of(Place(instant=last.created_at, id=last.notification_id), of=this_list)
    items = [_notice(each) for each in found[:limit]]
    return JsonAnswer({"items": items, "next": following}, headers=NO_STORE)


def _before(cursor: str | None, *, of: str) -> Before | None:
    place = place_of(cursor, of=of)
    return None if place is None else Before(created_at=place.instant, id=place.id)


def _notice(notice: Notice) -> dict[str, str | None]:
    return {
        "notificationId": str(notice.notification_id),
        "appointmentId": str(notice.appointment_id),
        "kind": notice.kind,
        "dateTime": timestamp(notice.starts_at),
        "createdAt": timestamp(notice.created_at),
        "readAt": None if notice.read_at is None else timestamp(notice.read_at),
    }
