"""The managers' pages of exceptions from plans: the list, the preview, what is taken back."""

from datetime import date, timedelta
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from adapters.postgres.database import Database
from adapters.postgres.directory import Clinic, names_at
from adapters.postgres.reads import read
from adapters.public_holidays import country_of_zone, public_holidays
from api.dependencies import DatabaseDep, ExceptionsDep
from api.http.actor import CampaignChanger, ClinicChanger, ExceptionAsker
from api.http.cursors import Cursor
from api.http.dates import LocalDate
from api.http.refusals import note_refusal
from api.http.schemas import Id
from api.page.closing import Asked, asked_again, settled
from api.page.exception_calendar import CalendarDay, CalendarMonth, month_of
from api.page.exceptions import closes, exceptions_of, today_at
from api.page.forms import OwnForm, local, see
from api.page.managing import COLLEAGUES
from api.page.rendering import page
from api.page.typed import NOTHING_SENT, Fields, NotTaken, Sent, Typed, id_in
from api.page.visitor import Anybody, Visitor
from api.routes.manage_pages import WRONG, Note, managed
from api.schedule.excepting import Of
from domain.errors import VisitsAffected

A_YEAR = timedelta(days=365)

OfMonth = Annotated[LocalDate | None, Query(description="a day of the month that is shown")]
ChosenDate = Annotated[LocalDate | None, Query(alias="date")]

router = APIRouter(prefix="/manage", include_in_schema=False)


@router.get("/clinics/{clinic_id}/exceptions")
async def exceptions(  # noqa: PLR0913, PLR0917 - each is a part of the request
    clinic_id: Id,
    caller: ClinicChanger,
    visitor: Anybody,
    database: DatabaseDep,
    note: Note = None,
    cursor: Cursor = None,
    month: OfMonth = None,
    chosen: ChosenDate = None,
) -> Response:
    """What stands from now on, as a calendar and by months, and a form for another.

    A day that is chosen shows what it has, and stands in the form.
    """
    clinic = await managed(caller, database, clinic_id)
    calendar = await month_of(database, clinic, month=month, chosen=chosen)
    return await _exceptions(visitor, database, clinic, calendar, note=note, cursor=cursor)


@router.post("/clinics/{clinic_id}/exceptions")
async def make(  # noqa: PLR0913, PLR0917 - each is a part of the request
    _: OwnForm,
    clinic_id: Id,
    caller: ExceptionAsker,
    visitor: Anybody,
    fields: Typed,
    database: DatabaseDep,
    desk: ExceptionsDep,
) -> Response:
    """First what it would do; sent once more with the digest of that, it is done."""
    back = f"/manage/clinics/{clinic_id}/exceptions"
    of = of_form(fields, clinic_id)
    try:
        answer = await settled(desk, of, fields, caller)
    except NotTaken as wrong:
        sent = Sent(form="exception", fields=fields, faults=wrong.faults)
        clinic = await managed(caller, database, clinic_id)
        calendar = await month_of(database, clinic, month=None, chosen=None)
        return await _exceptions(visitor, database, clinic, calendar, sent=sent)
    if isinstance(answer, Asked):
        return await asked_again(visitor, database, of, answer, back=back, here="manage")
    return see(answer.place or f"{back}?note=made")


@router.post("/exceptions/{exception_id}/withdraw")
async def withdraw(
    _: OwnForm,
    exception_id: Id,
    caller: CampaignChanger,
    desk: ExceptionsDep,
    back: Annotated[str, Form()] = "/manage",
) -> Response:
    """What is left of it is open again; added time that somebody has booked stays."""
    try:
        await desk.withdraw(exception_id, caller)
    except VisitsAffected as booked:
        note_refusal(booked)
        return see(f"{local(back)}?note=booked")
    return see(f"{local(back)}?note=withdrawn")


@router.get("/clinics/{clinic_id}/holidays")
async def holidays(
    clinic_id: Id, caller: ClinicChanger, visitor: Anybody, database: DatabaseDep
) -> Response:
    """A year's public holidays of the clinic's country, each to be taken or not."""
    clinic = await managed(caller, database, clinic_id)
    today = today_at(clinic)
    country = country_of_zone(clinic.time_zone)
    offered = public_holidays(country, today, today + A_YEAR, visitor.language)
    standing = await exceptions_of(database, clinic, doctor_id=None, cursor=None)
    listed = [each for month in standing.months for each in month.listed]
    return page(
        visitor,
        "manage_holidays.html",
        here="manage",
        clinic=clinic,
        country=country,
        offered=[(each, closes(each.day, listed)) for each in offered],
        next_day=_next_day,
    )


def of_form(fields: Fields, clinic_id: UUID) -> Of:
    """One doctor's, where one is chosen; else the whole clinic's."""
    doctor_id = id_in(fields, "doctorId")
    return Of(clinic_id=clinic_id) if doctor_id is None else Of(doctor_id=doctor_id)


async def _exceptions(  # noqa: PLR0913 - who sees what of which clinic
    visitor: Visitor,
    database: Database,
    clinic: Clinic,
    calendar: CalendarMonth,
    *,
    note: str | None = None,
    cursor: str | None = None,
    sent: Sent | None = None,
) -> Response:
    asked = partial(names_at, clinic_id=clinic.clinic_id, limit=COLLEAGUES)
    sent = sent or _all_of(calendar.chosen)
    return page(
        visitor,
        "manage_exceptions.html",
        status=WRONG if sent.faults else 200,
        here="manage",
        clinic=clinic,
        calendar=calendar,
        found=await exceptions_of(database, clinic, doctor_id=None, cursor=cursor),
        doctors=await read(database, asked),
        note=note,
        sent=sent,
    )


def _all_of(chosen: CalendarDay | None) -> Sent:
    """The form as it begins: with all of the day that was chosen."""
    if chosen is None:
        return NOTHING_SENT
    whole = {"from": [f"{chosen.day}T00:00"], "until": [f"{_next_day(chosen.day)}T00:00"]}
    return Sent(form="exception", fields=whole)


def _next_day(day: date) -> date:
    return day + timedelta(days=1)
