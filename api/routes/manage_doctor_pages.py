"""The managers' page of a doctor: details, what is offered, and the week, read and written."""

from dataclasses import replace
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.postgres.database import Database
from adapters.postgres.plan_drafts import draft_of
from adapters.postgres.plan_rows import WrittenPlan
from adapters.postgres.plans import Preview, latest_plan
from adapters.postgres.reads import read, read_by_cursor
from api.dependencies import DatabaseDep, PlanningDep, Settings, SetupDep
from api.http.actor import Caller, ClinicChanger
from api.http.plan_schemas import NewPlan, preview_document
from api.http.refusals import note_refusal
from api.http.schemas import Id
from api.http.setup_schemas import DoctorChange
from api.http.whose import check_doctor
from api.page.forms import OwnForm, see
from api.page.managing import ManagedDoctor, colleagues_of, managed_doctor
from api.page.plan_form import PlanForm, form_of_plan, form_of_typed, suggested_form
from api.page.rendering import page
from api.page.typed import NOTHING_SENT, NotTaken, Sent, Typed, body_of
from api.page.visitor import Anybody, Visitor
from api.routes.manage_pages import WRONG, Note, specialties_of, with_specialty
from api.schedule.planning import Planning
from domain.errors import Changed

Like = Annotated[Id | None, Query(description="another doctor whose hours are copied")]

Draft = Annotated[bool, Query(description="what is not published, where there is such")]

router = APIRouter(prefix="/manage/doctors", include_in_schema=False)


@router.get("/{doctor_id}")
async def one_doctor(
    doctor_id: Id,
    caller: ClinicChanger,
    visitor: Anybody,
    database: DatabaseDep,
    note: Note = None,
) -> Response:
    """The week that one can read, when somebody can book next, and a form of the details."""
    return await _doctor(caller, visitor, database, doctor_id, note=note)


@router.post("/{doctor_id}")
async def change_doctor(  # noqa: PLR0913, PLR0917 - each is a part of the request
    _: OwnForm,
    doctor_id: Id,
    caller: ClinicChanger,
    visitor: Anybody,
    fields: Typed,
    database: DatabaseDep,
    desk: SetupDep,
) -> Response:
    try:
        named, names = with_specialty(fields), {"fullName", "specialty"}
        wish = body_of(DoctorChange, named, lists={"serviceIds"}, may_be_blank=names)
        await desk.change_doctor(doctor_id, wish, caller)
    except NotTaken as wrong:
        sent = Sent(form="doctor", fields=fields, faults=wrong.faults)
        return await _doctor(caller, visitor, database, doctor_id, sent=sent)
    except Changed as stale:
        note_refusal(stale, doctor_id=doctor_id)
        return see(f"/manage/doctors/{doctor_id}?note=changed")
    return see(f"/manage/doctors/{doctor_id}?note=saved")


@router.get("/{doctor_id}/plan")
async def plan(  # noqa: PLR0913 - each is a part of the request
    *,
    doctor_id: Id,
    caller: ClinicChanger,
    visitor: Anybody,
    database: DatabaseDep,
    settings: Settings,
    like: Like = None,
    draft: Draft = False,
    note: Note = None,
) -> Response:
    """The week as a form: the doctor's own, a draft of it, or a colleague's to be copied."""
    seen = await _seen(caller, database, doctor_id)
    form = form_of_draft(seen) if draft else None
    form = form or await _to_change(caller, database, seen, like)
    return await _plan(visitor, database, seen, form, settings.horizon_days, note=note, like=like)


@router.post("/{doctor_id}/plan")
async def write(  # noqa: PLR0913, PLR0917 - each is a part of the request
    _: OwnForm,
    doctor_id: Id,
    caller: ClinicChanger,
    visitor: Anybody,
    fields: Typed,
    database: DatabaseDep,
    desk: PlanningDep,
    settings: Settings,
) -> Response:
    """Published at once where nobody is affected; else what it would do, to be sent once more.

    What was a draft is kept as it is now before that: it is not lost where it cannot be published.
    """
    form, digest = form_of_typed(fields), next(iter(fields.get("digest", ())), None)
    place, act = f"/manage/doctors/{doctor_id}", next(iter(fields.get("act", ())), None)
    try:
        if act == "keep" or (digest is None and form.draft_version != "0"):
            kept = await desk.keep(doctor_id, form.draft(), caller)
            form = replace(form, draft_version=str(kept.version))
        if act == "keep":
            return see(f"{place}?note=draft")
        written = await _written(desk, doctor_id, form.wish(digest), caller, act)
    except NotTaken as wrong:
        seen, form = await _seen(caller, database, doctor_id), form.marked(wrong)
        return await _plan(visitor, database, seen, form, settings.horizon_days)
    except Changed as stale:
        note_refusal(stale, doctor_id=doctor_id)
        if digest is None:
            return see(f"{place}/plan?note=changed")
        try:
            written = await desk.preview(doctor_id, form.wish(None), caller)
        except Changed:
            return see(f"{place}/plan?note=changed")
    if isinstance(written, Preview):
        seen = await _seen(caller, database, doctor_id)
        return _previewed(visitor, seen, form, written, is_another=digest is not None)
    return see(f"{place}?note={'asked' if written.campaign_id else 'saved'}")


@router.post("/{doctor_id}/plan/draft/delete")
async def drop(_: OwnForm, doctor_id: Id, caller: ClinicChanger, desk: PlanningDep) -> Response:
    await desk.drop(doctor_id, caller)
    return see(f"/manage/doctors/{doctor_id}?note=dropped")


async def _seen(caller: Caller, database: Database, doctor_id: UUID) -> ManagedDoctor:
    """A doctor of the caller's clinics; raises `DoctorNotFound`."""
    await check_doctor(caller, database, doctor_id)
    written = await read_by_cursor(database, partial(latest_plan, doctor_id=doctor_id))
    draft = await read_by_cursor(database, partial(draft_of, doctor_id=doctor_id))
    return await read(
        database, partial(managed_doctor, doctor_id=doctor_id, plan=written, draft=draft)
    )


async def _to_change(
    caller: Caller, database: Database, seen: ManagedDoctor, like: UUID | None
) -> PlanForm:
    """The week that the form begins with."""
    own = seen.plan
    copied: WrittenPlan | None = None
    if like is not None:
        await check_doctor(caller, database, like)
        copied = await read_by_cursor(database, partial(latest_plan, doctor_id=like))
    shown, version = copied or own, own.version if own else 0
    if shown is None:
        return suggested_form(seen.today)
    begins = seen.today
    if own is not None and copied is None:
        begins = own.plan.same_weeks_from(seen.today)
    elif own is not None:
        begins = max(seen.today, shown.plan.effective_from)
    return form_of_plan(shown, version=version, begins=begins)


async def _written(
    desk: Planning, doctor_id: UUID, wish: NewPlan, caller: Caller, act: str | None
) -> WrittenPlan | Preview:
    """A look changes nothing, whoever is affected."""
    if act == "preview":
        return await desk.preview(doctor_id, wish, caller)
    return await desk.write(doctor_id, wish, caller)


def form_of_draft(seen: ManagedDoctor) -> PlanForm | None:
    """To be published over the plan that there is now."""
    draft, own = seen.draft, seen.plan
    if draft is None:
        return None
    return form_of_plan(
        draft,
        version=own.version if own else 0,
        begins=draft.plan.effective_from,
        draft_version=draft.version,
    )


async def _doctor(  # noqa: PLR0913 - who sees what of which doctor
    caller: Caller,
    visitor: Visitor,
    database: Database,
    doctor_id: UUID,
    *,
    note: str | None = None,
    sent: Sent = NOTHING_SENT,
) -> Response:
    return page(
        visitor,
        "manage_doctor.html",
        status=WRONG if sent.faults else 200,
        here="manage",
        found=await _seen(caller, database, doctor_id),
        specialties=specialties_of(visitor),
        note=note,
        sent=sent,
    )


async def _plan(  # noqa: PLR0913 - what the page says
    visitor: Visitor,
    database: Database,
    seen: ManagedDoctor,
    form: PlanForm,
    horizon_days: int,
    *,
    note: str | None = None,
    like: UUID | None = None,
) -> Response:
    return page(
        visitor,
        "manage_plan.html",
        status=WRONG if form.faults else 200,
        here="manage",
        found=seen,
        form=form,
        colleagues=await read(database, partial(colleagues_of, doctor=seen.doctor)),
        like=like,
        horizon_days=horizon_days,
        note=note,
    )


def _previewed(
    visitor: Visitor, seen: ManagedDoctor, form: PlanForm, preview: Preview, *, is_another: bool
) -> Response:
    """What it would do; nothing is written yet."""
    return page(
        visitor,
        "manage_plan_preview.html",
        here="manage",
        found=seen,
        form=form,
        preview=preview_document(preview),
        is_another=is_another,
    )
