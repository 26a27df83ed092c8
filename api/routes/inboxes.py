"""Lists of one person, newest first: a patient's appointments, a doctor's notices; their stream."""

from collections.abc import AsyncGenerator
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters.postgres.appointments import Before, appointments_of
from adapters.postgres.database import Connection
from adapters.postgres.inbox import Notice, inbox_opened, mark_notice, new_notices, notices_of
from adapters.postgres.reads import read
from api.dependencies import DatabaseDep, InboxListenerDep, LiveStreams
from api.http.actor import NoticeReader, VisitLister
from api.http.answers import NO_STORE, JsonAnswer
from api.http.cursors import Cursor, Limit, Place, cursor_of, place_of
from api.http.looks import note
from api.http.notice_schemas import EXAMPLE_NOTICE_EVENT, NoticeBody, NoticePage
from api.http.schemas import AppointmentPage, Id
from api.http.streams import Event, LastEventId, written_as
from api.http.strict_query import StrictRoute
from api.http.whose import check_doctor
from domain.booking import Appointment
from domain.documents import document, timestamp
from domain.errors import PatientNotFound
from domain.permissions import Whose

router = APIRouter(route_class=StrictRoute)

Unread = Annotated[bool, Query(description="only what the doctor has not read")]


@router.get(
    "/patients/{patient_id}/appointments",
    tags=["patients"],
    response_model=AppointmentPage,
    summary="A patient's appointments",
)
async def list_appointments(
    patient_id: Id,
    caller: VisitLister,
    database: DatabaseDep,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """Newest first, by the time they were made; staff see those of their clinics or days."""
    actor = caller.check(Whose(patient_id=patient_id), hidden=PatientNotFound)
    this_list = f"appointments of {patient_id}"
    before = _before(cursor, of=this_list)

    async def ask(connection: Connection) -> list[Appointment]:
        found = await appointments_of(
            connection, patient_id, limit=limit + 1, before=before, sees=caller.sees
        )
        await note(connection, actor, "read", [patient_id])
        return found

    found = await read(database, ask)
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
async def list_notifications(  # noqa: PLR0913 - what it needs is asked for by name
    *,
    doctor_id: Id,
    caller: NoticeReader,
    database: DatabaseDep,
    limit: Limit = 20,
    cursor: Cursor = None,
    unread: Unread = False,
) -> Response:
    """What the doctor was told about confirmed and cancelled visits, newest first."""
    await check_doctor(caller, database, doctor_id)
    before = _before(cursor, of=_notices_of(doctor_id))

    ask = partial(notices_of, doctor_id=doctor_id, limit=limit + 1, before=before, unread=unread)
    found = await read(database, ask)
    following = _place(found[limit - 1], doctor_id) if len(found) > limit else None
    items = [_notice(each) for each in found[:limit]]
    return JsonAnswer({"items": items, "next": following}, headers=NO_STORE)


@router.get(
    "/doctors/{doctor_id}/notifications/stream",
    tags=["doctors"],
    summary="A doctor's new notices, as they come",
    response_class=Response,
    responses={200: written_as(EXAMPLE_NOTICE_EVENT)},
)
async def stream_notifications(  # noqa: PLR0913 - what a stream needs is asked for by name
    *,
    doctor_id: Id,
    caller: NoticeReader,
    request: Request,
    database: DatabaseDep,
    listener: InboxListenerDep,
    streams: LiveStreams,
    last_event_id: LastEventId = None,
) -> Response:
    """Server-sent events `notice`, each with the notice as in the list; oldest first.

    With `Last-Event-ID`, which browsers send by themselves, it goes on after that one. A few
    seconds before the beginning are told again: a notice is known by its `notificationId`. The
    stream ends after five minutes, or with the token: come back, and you are judged anew.
    """
    await check_doctor(caller, database, doctor_id)
    place = place_of(last_event_id, of=_notices_of(doctor_id))
    now = await inbox_opened(database, doctor_id)
    since = now if place is None else min(place.instant, now)

    async def events(since: datetime) -> AsyncGenerator[Event]:
        async for notice in new_notices(database, listener, doctor_id, since=since):
            yield Event(name="notice", data=_notice(notice), id=_place(notice, doctor_id))

    beginning = cursor_of(Place(instant=since, id=UUID(int=0)), of=_notices_of(doctor_id))
    return streams.answer(request, events(since), seen=last_event_id or beginning)


@router.post(
    "/doctors/{doctor_id}/notifications/{notification_id}/read",
    tags=["doctors"],
    response_model=NoticeBody,
    summary="Mark a notice as read",
)
async def mark_as_read(
    doctor_id: Id, notification_id: Id, caller: NoticeReader, database: DatabaseDep
) -> Response:
    """Again and again the same: `readAt` keeps the time of the first reading."""
    await check_doctor(caller, database, doctor_id)
    return await _marked(database, doctor_id, notification_id, is_read=True)


@router.post(
    "/doctors/{doctor_id}/notifications/{notification_id}/unread",
    tags=["doctors"],
    response_model=NoticeBody,
    summary="Mark a notice as unread again",
)
async def mark_as_unread(
    doctor_id: Id, notification_id: Id, caller: NoticeReader, database: DatabaseDep
) -> Response:
    """Again and again the same: `readAt` is null."""
    await check_doctor(caller, database, doctor_id)
    return await _marked(database, doctor_id, notification_id, is_read=False)


async def _marked(
    database: DatabaseDep, doctor_id: Id, notification_id: Id, *, is_read: bool
) -> Response:
    ask = partial(
        mark_notice, doctor_id=doctor_id, notification_id=notification_id, is_read=is_read
    )
    return JsonAnswer(_notice(await read(database, ask)), headers=NO_STORE)


def _before(cursor: str | None, *, of: str) -> Before | None:
    place = place_of(cursor, of=of)
    return None if place is None else Before(created_at=place.instant, id=place.id)


def _notices_of(doctor_id: Id) -> str:
    return f"notices of {doctor_id}"


def _place(notice: Notice, doctor_id: Id) -> str:
    place = Place(instant=notice.created_at, id=notice.notification_id)
    return cursor_of(place, of=_notices_of(doctor_id))


def _notice(notice: Notice) -> dict[str, str | None]:
    return {
        "notificationId": str(notice.notification_id),
        "appointmentId": str(notice.appointment_id),
        "kind": notice.kind,
        "dateTime": timestamp(notice.starts_at),
        "createdAt": timestamp(notice.created_at),
        "readAt": None if notice.read_at is None else timestamp(notice.read_at),
    }
