"""The page of the reception desk: find the patient, see the day, book."""

from dataclasses import replace
from functools import partial
from typing import Annotated
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from adapters.postgres.reads import read
from api.booking.temporal_errors import NoAnswer
from api.dependencies import (
    BookingsDep,
    CommandsDep,
    DatabaseDep,
    Days,
    LiveStreams,
    Settings,
    WatchedDays,
)
from api.http.actor import DeskCaller, forbidden
from api.http.dates import LocalDate
from api.http.refusals import note_refusal
from api.http.schemas import Id, Instant, Text
from api.http.streams import merged
from api.page.choices import CLINIC_COOKIE, remembered_clinic
from api.page.forms import OwnForm, Searched, keep, local, see_with
from api.page.live import changes_of
from api.page.reception import SIDE_BY_SIDE, DeskWish, desk_of, doctors_of_desk
from api.page.rendering import page
from api.page.visitor import Anybody
from domain.booking import CancelReason
from domain.documents import timestamp
from domain.errors import DoctorNotFound, PatientNotFound, Refused

Word = Annotated[Text | None, Query()]
ChosenDate = Annotated[LocalDate | None, Query(alias="date")]

router = APIRouter(include_in_schema=False)


@router.get("/reception")
async def reception(  # noqa: PLR0913 - each is a part of the request
    *,
    caller: DeskCaller,
    visitor: Anybody,
    request: Request,
    database: DatabaseDep,
    settings: Settings,
    chosen: ChosenDate = None,
    clinic: Id | None = None,
    specialty: Word = None,
    q: Searched = None,
    patient: Id | None = None,
    note: Word = None,
    about: Id | None = None,
    at: Instant | None = None,
    doctor: Id | None = None,
    overbook: bool = False,
    after: Word = None,
    clinics: Word = None,
    specialties: Word = None,
) -> Response:
    """Find the patient, see several doctors' free time, book in one click.

    `at`, `doctor`, `overbook`: what a rule of the clinic has stopped, to be booked with a reason.
    """
    wish = DeskWish(
        actor=caller.actor,
        sees=caller.sees,
        day=chosen,
        clinic_id=clinic or remembered_clinic(request),
        specialty=specialty,
        sought=q,
        patient_id=patient,
        about=about,
        after=after,
        clinics_after=clinics,
        specialties_after=specialties,
    )
    found = await read(database, partial(desk_of, wish=wish), caller.sees_patients)
    answer = page(
        visitor,
        "reception.html",
        here="reception",
        found=found,
        chosen={"q": q, "specialty": specialty, "after": after},
        stopped={"at": at, "doctor": doctor, "overbook": overbook} if at and doctor else None,
        note=note,
        about=about,
        most_holds=settings.max_holds_per_patient,
    )
    return answer if clinic is None else keep(answer, request, CLINIC_COOKIE, str(clinic))


@router.get("/reception/stream")
async def reception_stream(  # noqa: PLR0913 - what a stream needs is asked for by name
    *,
    caller: DeskCaller,
    clinic: Id,
    day: Annotated[LocalDate, Query(alias="date")],
    request: Request,
    database: DatabaseDep,
    days: Days,
    live: WatchedDays,
    streams: LiveStreams,
    specialty: Word = None,
    after: Word = None,
) -> Response:
    """That one of the doctors' days has changed; a stream each would be more than browsers open."""
    if not caller.sees.everything and clinic not in caller.sees.clinic_ids:
        raise forbidden()
    wanted = await read(
        database, partial(doctors_of_desk, clinic_id=clinic, specialty=specialty, after=after)
    )
    named = wanted[:SIDE_BY_SIDE]
    firsts = [(await days.read(each.doctor_id, day))[0] for each in named]
    return streams.answer(request, merged([changes_of(live, first) for first in firsts]))


@router.post("/reception/book/{doctor_id}")
async def book(  # noqa: PLR0913 - each is a part of the form
    *,
    _: OwnForm,
    caller: DeskCaller,
    holds: BookingsDep,
    commands: CommandsDep,
    doctor_id: Id,
    patient: Annotated[Id, Form()],
    at: Annotated[Instant, Form()],
    reason: Annotated[CancelReason | None, Form()] = None,
    overbook: Annotated[bool, Form()] = False,
    back: Annotated[str, Form()] = "/reception",
) -> Response:
    """Hold and confirm at once: the patient stands at the desk, or is on the telephone.

    `overbook`: on top of whoever has the time, which only the desk may.
    """
    desk = replace(caller.actor, at_desk=True)
    try:
        held = await holds.hold(
            patient, doctor_id, at, None, by=desk, reason=reason, overbook=overbook
        )
        booked = await commands.confirm(held.appointment.appointment_id, desk)
    except NoAnswer as unknown:
        return _back(back, "pending", unknown.appointment_id)
    except (DoctorNotFound, PatientNotFound):
        raise
    except Refused as refused:
        note_refusal(refused, patient_id=patient, doctor_id=doctor_id)
        wish = {"at": timestamp(at), "doctor": doctor_id, "overbook": overbook}
        stopped = wish if refused.refusal.rule else {}
        return _back(back, refused.refusal.code, refused.refusal.appointment_id, **stopped)
    return _back(_without_patient(back), "booked", booked.appointment_id)


def _without_patient(path: str) -> str:
    """The next click must not book the same person once more."""
    place, _, query = path.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name != "patient"]
    return f"{place}?{urlencode(kept)}" if kept else place


def _back(path: str, note: str, about: UUID | None, **further: object) -> Response:
    return see_with(local(path), note=note, about=about, **further)
