"""The patient's pages of a visit: confirm it in time, ask for more, give it up, keep its date."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.messages.rendering import calendar_entry
from adapters.messages.visit import Kind
from adapters.postgres.appeals import appeal_of
from adapters.postgres.booking_rules import missed_of
from adapters.postgres.calendar_feeds import feed_made_at
from adapters.postgres.consents import channels_of
from adapters.postgres.database import Connection
from adapters.postgres.directory import DoctorCard, find_doctor
from adapters.postgres.offers import visit_of_offer
from adapters.postgres.reads import read, read_by_cursor
from adapters.postgres.seeing import Sees
from adapters.postgres.silence import policy_of_silence
from adapters.postgres.trail import history_of
from adapters.postgres.visits import PatientVisit, stands_by_a_file, visits_ahead, visits_behind
from api.booking.commands import Commands
from api.booking.temporal_errors import NoAnswer
from api.dependencies import CommandsDep, DatabaseDep, Settings
from api.http.actor import Caller, VisitChanger, VisitLister, VisitReader
from api.http.answers import NO_STORE
from api.http.cursors import Cursor, Place, cursor_of, place_of
from api.http.refusals import note_refusal
from api.http.schemas import Id, Text
from api.page.calendar import as_entry
from api.page.forms import OwnForm, see, see_with
from api.page.own_visits import SeenVersion, own_visit, seen_visit
from api.page.rendering import page
from api.page.visitor import Patient, Visitor
from api.page.wording import minutes
from api.routes.calendar_pages import may_have_feed
from domain.booking import Appointment, CancelReason, Status
from domain.errors import AppointmentNotFound, Refused
from domain.plan_exceptions import Policy

MOST_AHEAD, MOST_BEHIND = 50, 20
"""Of one page; where there are more, it leads on."""

router = APIRouter(prefix="/visits", include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class Visits:
    """A patient's visits: to come, and the rest, and where each list goes on."""

    ahead: list[PatientVisit]
    behind: list[PatientVisit]
    later: str | None
    earlier: str | None


@router.get("")
async def my_visits(
    caller: VisitLister,
    visitor: Patient,
    database: DatabaseDep,
    later: Cursor = None,
    earlier: Cursor = None,
) -> Response:
    """The first of both lists, or one of them from where a page before has ended."""
    patient_id = visitor.signed_in.patient_id
    ahead_of, behind_of = f"ahead of {patient_id}", f"behind {patient_id}"
    after, before = place_of(later, of=ahead_of), place_of(earlier, of=behind_of)

    async def ask(connection: Connection) -> Visits:
        ahead, behind = list[PatientVisit](), list[PatientVisit]()
        if before is None:
            ahead = await visits_ahead(
                connection, patient_id, limit=MOST_AHEAD + 1, after=_key_of(after)
            )
        if after is None:
            behind = await visits_behind(
                connection, patient_id, limit=MOST_BEHIND + 1, before=_key_of(before)
            )
        return Visits(
            ahead=ahead[:MOST_AHEAD],
            behind=behind[:MOST_BEHIND],
            later=_further(ahead, MOST_AHEAD, of=ahead_of),
            earlier=_further(behind, MOST_BEHIND, of=behind_of),
        )

    has_feed = may_have_feed(visitor, caller)
    return page(
        visitor,
        "visits.html",
        here="visits",
        visits=await read(database, ask),
        may_have_feed=has_feed,
        feed_made_at=await read(database, partial(feed_made_at, patient_id=patient_id)),
        is_first=after is None and before is None,
        missed=await read(database, partial(missed_of, patient_id=patient_id)),
    )


def _key_of(place: Place | None) -> tuple[datetime, UUID] | None:
    return None if place is None else (place.instant, place.id)


def _further(found: list[PatientVisit], most: int, *, of: str) -> str | None:
    if len(found) <= most:
        return None
    last = found[most - 1].appointment
    return cursor_of(Place(instant=last.starts_at, id=last.appointment_id), of=of)


@router.get("/{appointment_id}")
async def one_visit(  # noqa: PLR0913 - each is a part of the request
    *,
    appointment_id: Id,
    caller: VisitReader,
    visitor: Patient,
    database: DatabaseDep,
    desk: CommandsDep,
    settings: Settings,
    note: Annotated[Text | None, Query()] = None,
) -> Response:
    """Whatever became of it: held and for how long, confirmed, lapsed, cancelled, on its way.

    An offer that was taken leads to its visit.
    """
    found = await own_visit(desk, appointment_id, visitor, caller)
    if (visit_id := found.appointment.appointment_id) != appointment_id:
        return see_with(f"/visits/{visit_id}", note=note)
    if found.appointment.status is Status.REFUSED:
        return see(f"/book/{found.appointment.doctor_id}?note={found.code}")
    seen = await seen_visit(database, appointment_id)
    if seen is None:
        doctor = await _doctor(database, found.appointment)
        return page(visitor, "pending.html", here="visits", doctor=doctor, wish=found.appointment)
    leaves, silence = await _offered(database, found.appointment)
    return page(
        visitor,
        "visit.html",
        here="visits",
        visit=seen,
        leaves=leaves,
        silence=silence,
        told_by=await _told_by(database, found.appointment),
        state=found.appointment.status,
        history=await read(database, partial(history_of, appointment_id=appointment_id)),
        appeal=await read(database, partial(appeal_of, appointment_id=appointment_id)),
        hold_seconds=settings.hold_seconds,
        hold_minutes=minutes(settings.hold_seconds),
        note=note,
    )


@router.get("/{appointment_id}/visit.ics")
async def calendar_file(
    appointment_id: Id,
    caller: VisitReader,
    visitor: Patient,
    database: DatabaseDep,
    desk: CommandsDep,
) -> Response:
    """The same event as in the e-mail, for a calendar that the patient opens here."""
    found = await own_visit(desk, appointment_id, visitor, caller)
    seen = await seen_visit(database, found.appointment.appointment_id)
    if seen is None or found.appointment.status is not Status.CONFIRMED:
        raise AppointmentNotFound
    named = {"content-disposition": 'attachment; filename="visit.ics"'}
    entry = calendar_entry(as_entry(seen, visitor.language))
    return Response(entry, media_type="text/calendar", headers={**NO_STORE, **named})


@router.post("/{appointment_id}/confirm")
async def confirm(
    _: OwnForm, appointment_id: Id, caller: VisitChanger, visitor: Patient, desk: CommandsDep
) -> Response:
    return await _told(
        desk, appointment_id, visitor, caller, lambda visit: desk.confirm(visit, caller.actor)
    )


@router.post("/{appointment_id}/give-up")
@router.post("/{appointment_id}/cancel")
async def cancel(
    *,
    _: OwnForm,
    appointment_id: Id,
    caller: VisitChanger,
    visitor: Patient,
    desk: CommandsDep,
    version: SeenVersion,
) -> Response:
    """Of a hold or of a visit as it was shown: a hold that was confirmed meanwhile stays."""
    reason = CancelReason.PATIENT_REQUEST
    return await _told(
        desk,
        appointment_id,
        visitor,
        caller,
        lambda visit: desk.cancel(visit, reason, version, by=caller.actor),
    )


@router.post("/{appointment_id}/extend")
async def extend(
    *,
    _: OwnForm,
    appointment_id: Id,
    caller: VisitChanger,
    visitor: Patient,
    desk: CommandsDep,
    version: SeenVersion,
) -> Response:
    return await _told(
        desk,
        appointment_id,
        visitor,
        caller,
        lambda visit: desk.extend(visit, version, caller.actor),
    )


async def _told(
    desk: Commands,
    appointment_id: UUID,
    visitor: Visitor,
    caller: Caller,
    command: Callable[[UUID], Awaitable[Appointment]],
) -> Response:
    """Back to the visit, which shows what came of the command; where it was refused, why."""
    found = await own_visit(desk, appointment_id, visitor, caller)
    visit_id = found.appointment.appointment_id
    place = f"/visits/{visit_id}"
    try:
        done = await command(visit_id)
    except AppointmentNotFound:
        raise
    except Refused as refused:
        note_refusal(refused, appointment_id=visit_id)
        return see(f"{place}?note={refused.refusal.code}")
    except NoAnswer:
        return see(f"{place}?note=unavailable")
    return see(f"/visits/{done.appointment_id}")


async def _offered(
    database: DatabaseDep, offer: Appointment
) -> tuple[PatientVisit | None, Policy | None]:
    """Of an offer: the visit that it is for, and what silence leads to."""
    if offer.origin != "offer":
        return None, None
    offer_id = offer.appointment_id
    visit_id = await read_by_cursor(database, partial(visit_of_offer, offer_id=offer_id))
    leaves = None if visit_id is None else await seen_visit(database, visit_id)
    return leaves, await read_by_cursor(database, partial(policy_of_silence, offer_id=offer_id))


async def _told_by(database: DatabaseDep, visit: Appointment) -> str:
    """The channels by which the patient hears of this visit: email, sms, both, or none."""
    if visit.status is not Status.CONFIRMED:
        return ""
    of_file = partial(stands_by_a_file, appointment_id=visit.appointment_id)
    if visit.origin == "import" and await read(database, of_file):
        return ""
    kind = Kind.RESCHEDULED if visit.moves else Kind.CONFIRMED
    ask = partial(channels_of, patient_id=visit.patient_id, kind=kind)
    channels = await read(database, ask, Sees.just([visit.patient_id]))
    return " ".join(sorted(each.value for each in channels))


async def _doctor(database: DatabaseDep, wish: Appointment) -> DoctorCard:
    return await read(database, lambda connection: find_doctor(connection, wish.doctor_id))
