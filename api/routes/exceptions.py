"""Exceptions from plans: preview one, make it, withdraw it."""

from fastapi import APIRouter
from starlette.responses import Response

from adapters.postgres.exceptions import Over
from adapters.postgres.plans import Preview
from api.dependencies import ExceptionsDep
from api.http.actor import Caller, CampaignChanger, ExceptionAsker
from api.http.answers import NO_STORE, JsonAnswer
from api.http.exception_schemas import (
    AcceptedBody,
    ExceptionBody,
    NewException,
    accepted_document,
    exception_document,
)
from api.http.json_route import JsonRoute
from api.http.openapi import problems
from api.http.plan_schemas import PreviewBody, preview_document
from api.http.problems import Malformed, Problem
from api.http.schemas import Id
from api.routes.plans import DryRun
from api.schedule.excepting import Exceptions, Of
from domain.errors import VisitsAffected

router = APIRouter(tags=["setup"], route_class=JsonRoute)

PREVIEWED = problems("changed", "visits_affected")


@router.post(
    "/doctors/{doctor_id}/exceptions",
    status_code=202,
    response_model=AcceptedBody,
    responses={200: {"model": PreviewBody, "description": "What it would do"}},
    summary="Take time away from a doctor's plan, or add some",
    openapi_extra=PREVIEWED,
)
async def make_exception_of_doctor(
    *,
    doctor_id: Id,
    wish: NewException,
    caller: ExceptionAsker,
    desk: ExceptionsDep,
    dry_run: DryRun = False,
) -> Response:
    """From the answer on nothing in it can be held, and its visits stay until each has another.

    Where somebody is affected, send the `digest` of the preview.
    """
    return await _answer(desk, Of(doctor_id=doctor_id), wish, caller, dry_run=dry_run)


@router.post(
    "/clinics/{clinic_id}/exceptions",
    status_code=202,
    response_model=AcceptedBody,
    responses={200: {"model": PreviewBody, "description": "What it would do"}},
    summary="The same for all doctors of a clinic",
    openapi_extra=PREVIEWED,
)
async def make_exception_of_clinic(
    *,
    clinic_id: Id,
    wish: NewException,
    caller: ExceptionAsker,
    desk: ExceptionsDep,
    dry_run: DryRun = False,
) -> Response:
    """A holiday, say. Who joins the clinic later has it too."""
    return await _answer(desk, Of(clinic_id=clinic_id), wish, caller, dry_run=dry_run)


@router.delete(
    "/exceptions/{exception_id}",
    response_model=ExceptionBody,
    summary="Withdraw an exception",
    openapi_extra=problems("visits_affected"),
)
async def withdraw(exception_id: Id, caller: CampaignChanger, desk: ExceptionsDep) -> Response:
    """What is left of it is open again; its campaign asks nobody else. Again: the same answer."""
    withdrawn = await desk.withdraw(exception_id, caller)
    return JsonAnswer(exception_document(withdrawn), headers=NO_STORE)


async def _answer(
    desk: Exceptions, of: Of, wish: NewException, caller: Caller, *, dry_run: bool
) -> Response:
    try:
        if dry_run:
            preview = await desk.preview(of, wish, caller)
            return JsonAnswer(preview_document(preview), headers=NO_STORE)
        done = await desk.make(of, wish, caller)
    except Over:
        raise Malformed("until", "must be ahead") from None
    if isinstance(done, Preview):
        raise Problem(
            code="visits_affected", detail=str(VisitsAffected()), extras=preview_document(done)
        )
    return JsonAnswer(accepted_document(done), status_code=202, headers=NO_STORE)
