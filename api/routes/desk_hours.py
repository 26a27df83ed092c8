"""Some hours of a doctor's day are closed from the reception, by the managers' exceptions."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters.postgres.database import Connection, Database
from adapters.postgres.directory import Clinic, names_at
from adapters.postgres.reads import read
from api.dependencies import DatabaseDep, ExceptionsDep
from api.http.actor import Caller, HourCloser
from api.http.dates import LocalDate
from api.http.exception_schemas import NewException
from api.http.problems import FieldError, Malformed
from api.http.schemas import Id
from api.page.choices import clinic_of_desk, remembered_clinic
from api.page.closing import Asked, asked_again, settled
from api.page.exceptions import today_at
from api.page.forms import OwnForm, see
from api.page.managing import COLLEAGUES
from api.page.rendering import page
from api.page.typed import NOTHING_SENT, Fields, NotTaken, Sent, Typed, body_of, id_in
from api.page.visitor import Anybody, Visitor
from api.routes.manage_pages import WRONG
from api.schedule.excepting import Of

ANOTHER_DAY = FieldError(field="until", message="must be on the same day")
MINUTE = timedelta(minutes=1)

ChosenDate = Annotated[LocalDate | None, Query(alias="date")]

router = APIRouter(prefix="/reception/hours", include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class DeskHours:
    """The clinic of the desk, whose hours can be closed there, and what was chosen so far."""

    clinic: Clinic | None
    doctors: dict[UUID, str]
    doctor_id: UUID | None
    day: date | None


@router.get("")
async def hours(  # noqa: PLR0913 - each is a part of the request
    *,
    caller: HourCloser,
    visitor: Anybody,
    request: Request,
    database: DatabaseDep,
    clinic: Id | None = None,
    doctor: Id | None = None,
    day: ChosenDate = None,
) -> Response:
    """A form: whose, on which day, from when until when."""
    found = await _found(database, caller, clinic or remembered_clinic(request), doctor, day)
    return _page(visitor, found)


@router.post("")
async def close(  # noqa: PLR0913 - each is a part of the form
    *,
    _: OwnForm,
    caller: HourCloser,
    visitor: Anybody,
    fields: Typed,
    database: DatabaseDep,
    desk: ExceptionsDep,
    clinic: Id | None = None,
) -> Response:
    """First who has booked then; sent once more with the digest of that, nobody else can."""
    doctor_id = id_in(fields, "doctorId")
    if doctor_id is None:
        raise Malformed("doctorId", "is required")
    of, wish = Of(doctor_id=doctor_id), as_exception(fields)
    try:
        day = _day_of(body_of(NewException, wish))
        answer = await settled(desk, of, wish, caller)
    except NotTaken as wrong:
        found = await _found(database, caller, clinic, doctor_id, None)
        return _page(visitor, found, Sent(form="hours", fields=fields, faults=wrong.faults))
    place = f"clinic={clinic}&date={day}" if clinic else f"date={day}"
    if isinstance(answer, Asked):
        back = f"/reception/hours?{place}&doctor={doctor_id}"
        return await asked_again(visitor, database, of, answer, back=back, here="reception")
    return see(answer.place or f"/reception?{place}&note=closed")


def as_exception(fields: Fields) -> Fields:
    """A day and two clocks as the managers' form has them; the desk closes, and does no more."""
    fixed: dict[str, list[str]] = {"kind": ["remove"], "policy": ["call_list"]}
    [day] = fields.get("date", ())[-1:] or [""]
    if day:
        for name in ("from", "until"):
            [clock] = fields.get(name, ())[-1:] or [""]
            fixed[name] = [f"{day}T{clock}"] if clock else []
    return {**fields, **fixed}


def _day_of(wish: NewException) -> date:
    """A desk closes hours: days off are the managers'."""
    if (wish.until - MINUTE).date() != wish.from_.date():
        raise NotTaken((ANOTHER_DAY,))
    return wish.from_.date()


async def _found(
    database: Database,
    caller: Caller,
    clinic_id: UUID | None,
    doctor_id: UUID | None,
    day: date | None,
) -> DeskHours:
    async def ask(connection: Connection) -> DeskHours:
        _, _, here = await clinic_of_desk(connection, None, sees=caller.sees, chosen=clinic_id)
        doctors = {}
        if here is not None:
            doctors = await names_at(connection, here.clinic_id, limit=COLLEAGUES)
        chosen = day or (today_at(here) if here else None)
        return DeskHours(clinic=here, doctors=doctors, doctor_id=doctor_id, day=chosen)

    return await read(database, ask)


def _page(visitor: Visitor, found: DeskHours, sent: Sent = NOTHING_SENT) -> Response:
    return page(
        visitor,
        "reception_hours.html",
        status=WRONG if sent.faults else 200,
        here="reception",
        found=found,
        sent=sent,
    )
