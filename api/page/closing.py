"""A form that closes or adds time, in two steps: what it would do, and doing just that."""

from dataclasses import dataclass

from starlette.responses import Response

from adapters.postgres.database import Database
from adapters.postgres.directory import find_clinic, find_doctor
from adapters.postgres.exceptions import Accepted, Over
from adapters.postgres.plans import Preview
from adapters.postgres.reads import read
from api.http.actor import Caller
from api.http.exception_schemas import CLOCK, NewException
from api.http.plan_schemas import preview_document
from api.http.problems import FieldError
from api.http.refusals import note_refusal
from api.page.rendering import page
from api.page.typed import Fields, NotTaken, body_of
from api.page.visitor import Visitor
from api.schedule.excepting import Exceptions, Of
from domain.errors import Changed

PASSED = FieldError(field="until", message="must be ahead")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What it would do; `is_another`: it is no longer what was shown before."""

    wish: NewException
    preview: Preview
    is_another: bool


@dataclass(frozen=True, kw_only=True)
class Done:
    """The campaign's page where somebody is affected; else null."""

    place: str | None


async def settled(desk: Exceptions, of: Of, fields: Fields, by: Caller) -> Asked | Done:
    """Done where the form has the digest of a preview that is still true; raises `NotTaken`."""
    wish = body_of(NewException, fields)
    try:
        if wish.digest is None:
            preview = await desk.preview(of, wish, by)
            return Asked(wish=wish, preview=preview, is_another=False)
        try:
            made = await desk.make(of, wish, by)
        except Changed as stale:
            note_refusal(stale)
            preview = await desk.preview(of, wish, by)
            return Asked(wish=wish, preview=preview, is_another=True)
    except Over:
        raise NotTaken((PASSED,)) from None
    assert isinstance(made, Accepted)  # noqa: S101 - the digest was that of the preview
    return Done(place=_place(made))


def _place(made: Accepted) -> str | None:
    shape = made.reshaping
    if shape is not None and all(each.is_held for each in shape.affected):
        return None
    return f"/manage/campaigns/{made.campaign_id}"


async def asked_again(  # noqa: PLR0913 - what the page says
    visitor: Visitor, database: Database, of: Of, asked: Asked, *, back: str, here: str
) -> Response:
    """The preview as a page, whose form sends the same with its digest."""
    whom, zone = await _whom(database, of)
    return page(
        visitor,
        "manage_exception_preview.html",
        here=here,
        wish=asked.wish,
        doctor_id=of.doctor_id,
        whom=whom,
        time_zone=zone,
        clock=CLOCK,
        preview=preview_document(asked.preview),
        is_another=asked.is_another,
        back=back,
    )


async def _whom(database: Database, of: Of) -> tuple[str, str]:
    """Whose plans, and by what clock."""
    if of.doctor_id is not None:
        doctor_id = of.doctor_id
        doctor = await read(database, lambda opened: find_doctor(opened, doctor_id))
        return doctor.name, doctor.time_zone
    clinic_id = of.clinic_id
    assert clinic_id is not None  # noqa: S101 - it is of either
    clinic = await read(database, lambda opened: find_clinic(opened, clinic_id))
    return clinic.name, clinic.time_zone
