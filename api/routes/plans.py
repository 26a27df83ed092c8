"""A doctor's weekly plan: read it, write another over it."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.postgres.directory import whose_doctor
from adapters.postgres.plans import Preview, latest_plan
from adapters.postgres.reads import read, read_by_cursor
from api.dependencies import DatabaseDep, PlanningDep
from api.http.actor import ClinicChanger, ClinicReader
from api.http.answers import NO_STORE, JsonAnswer
from api.http.json_route import JsonRoute
from api.http.openapi import problems
from api.http.plan_schemas import (
    DraftBody,
    NewDraft,
    NewPlan,
    PlanBody,
    PreviewBody,
    plan_document,
    preview_document,
)
from api.http.problems import Problem
from api.http.schemas import Id
from domain.errors import DoctorNotFound, VisitsAffected

router = APIRouter(prefix="/doctors", tags=["setup"], route_class=JsonRoute)

DryRun = Annotated[
    bool, Query(alias="dryRun", description="tell what it would do, and change nothing")
]


@router.get("/{doctor_id}/plan", response_model=PlanBody, summary="Read a doctor's plan")
async def get_plan(doctor_id: Id, caller: ClinicReader, database: DatabaseDep) -> Response:
    """The one that was written last; version 0 where there is none."""
    caller.check(
        await read(database, partial(whose_doctor, doctor_id=doctor_id)), hidden=DoctorNotFound
    )
    written = await read_by_cursor(database, partial(latest_plan, doctor_id=doctor_id))
    return JsonAnswer(plan_document(written), headers=NO_STORE)


@router.put(
    "/{doctor_id}/plan",
    response_model=PlanBody | PreviewBody,
    summary="Write a doctor's plan",
    openapi_extra=problems("changed", "visits_affected"),
)
async def put_plan(
    *,
    doctor_id: Id,
    wish: NewPlan,
    caller: ClinicChanger,
    desk: PlanningDep,
    dry_run: DryRun = False,
) -> Response:
    """From its date on it is this, and can be booked at once; earlier dates keep theirs.

    Where visits would fall outside, send the `digest` of the preview: their time takes no holds
    any more, and they stay until each has another.
    """
    if dry_run:
        preview = await desk.preview(doctor_id, wish, caller)
        return JsonAnswer(preview_document(preview), headers=NO_STORE)
    written = await desk.write(doctor_id, wish, caller)
    if isinstance(written, Preview):
        raise Problem(
            code="visits_affected",
            detail=str(VisitsAffected()),
            extras=preview_document(written),
        )
    return JsonAnswer(plan_document(written), headers=NO_STORE)


@router.get(
    "/{doctor_id}/plan/draft", response_model=DraftBody, summary="Read the draft of a doctor's plan"
)
async def get_draft(doctor_id: Id, caller: ClinicChanger, desk: PlanningDep) -> Response:
    """Nobody can book by it; version 0 where there is none."""
    return JsonAnswer(plan_document(await desk.draft(doctor_id, caller)), headers=NO_STORE)


@router.put(
    "/{doctor_id}/plan/draft",
    response_model=DraftBody,
    summary="Keep a draft of a doctor's plan",
    openapi_extra=problems("changed"),
)
async def put_draft(
    doctor_id: Id, wish: NewDraft, caller: ClinicChanger, desk: PlanningDep
) -> Response:
    """To publish it, write it as the plan, with a preview first if you like; then it is gone."""
    return JsonAnswer(plan_document(await desk.keep(doctor_id, wish, caller)), headers=NO_STORE)


@router.delete(
    "/{doctor_id}/plan/draft", response_model=DraftBody, summary="Drop the draft of a doctor's plan"
)
async def delete_draft(doctor_id: Id, caller: ClinicChanger, desk: PlanningDep) -> Response:
    """Again: the same answer."""
    await desk.drop(doctor_id, caller)
    return JsonAnswer(plan_document(None), headers=NO_STORE)
