"""Exceptions from plans: preview one, make it, withdraw it."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from adapters.postgres.closing import Reshaping
from adapters.postgres.database import Database
from adapters.postgres.directory import clinic_of, find_clinic, whose_doctor
from adapters.postgres.exceptions import ExceptionOrder, Over, make_exception, preview_exception
from adapters.postgres.plans import Preview
from adapters.postgres.reads import read, read_by_cursor
from adapters.postgres.withdrawing import days_of, find_exception, withdraw_exception
from adapters.redis.day_changes import DayChanges
from api.dependencies import DatabaseDep, DayChangesDep, Settings
from api.http.actor import CampaignChanger, ExceptionAsker
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
from domain.actors import Actor
from domain.errors import ClinicNotFound, DoctorNotFound, ExceptionNotFound, VisitsAffected
from domain.permissions import Whose
from domain.zones import zone_named

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
async def make_exception_of_doctor(  # noqa: PLR0913 - each is a part of the request
    *,
    doctor_id: Id,
    wish: NewException,
    caller: ExceptionAsker,
    database: DatabaseDep,
    changes: DayChangesDep,
    dry_run: DryRun = False,
) -> Response:
    """From the answer on nothing in it can be held, and its visits stay until each has another.

    Where somebody is affected, send the `digest` of the preview.
    """
    whose = await read(database, partial(whose_doctor, doctor_id=doctor_id))
    actor = caller.check(whose, hidden=DoctorNotFound)
    assert whose.clinic_id is not None  # noqa: S101 - a doctor has a clinic
    order = _order(wish, clinic_id=whose.clinic_id, doctor_id=doctor_id)
    return await _answer(database, changes, order, actor, dry_run=dry_run)


@router.post(
    "/clinics/{clinic_id}/exceptions",
    status_code=202,
    response_model=AcceptedBody,
    responses={200: {"model": PreviewBody, "description": "What it would do"}},
    summary="The same for all doctors of a clinic",
    openapi_extra=PREVIEWED,
)
async def make_exception_of_clinic(  # noqa: PLR0913 - each is a part of the request
    *,
    clinic_id: Id,
    wish: NewException,
    caller: ExceptionAsker,
    database: DatabaseDep,
    changes: DayChangesDep,
    dry_run: DryRun = False,
) -> Response:
    """A holiday, say. Who joins the clinic later has it too."""
    if await read(database, partial(clinic_of, clinic_id=clinic_id)) is None:
        raise ClinicNotFound
    actor = caller.check(Whose(clinic_id=clinic_id), hidden=ClinicNotFound)
    order = _order(wish, clinic_id=clinic_id, doctor_id=None)
    return await _answer(database, changes, order, actor, dry_run=dry_run)


@router.delete(
    "/exceptions/{exception_id}",
    response_model=ExceptionBody,
    summary="Withdraw an exception",
    openapi_extra=problems("visits_affected"),
)
async def withdraw(
    exception_id: Id,
    caller: CampaignChanger,
    database: DatabaseDep,
    changes: DayChangesDep,
    settings: Settings,
) -> Response:
    """What is left of it is open again; its campaign asks nobody else. Again: the same answer."""
    known = await read_by_cursor(database, partial(find_exception, exception_id=exception_id))
    actor = caller.check(Whose(clinic_id=known.clinic_id), hidden=ExceptionNotFound)
    withdrawn = await withdraw_exception(
        database, exception_id, actor.ref, horizon_days=settings.horizon_days
    )
    await _forget(database, changes, known.clinic_id, withdrawn.reshaping)
    return JsonAnswer(exception_document(withdrawn.exception), headers=NO_STORE)


def _order(wish: NewException, *, clinic_id: UUID, doctor_id: UUID | None) -> ExceptionOrder:
    return ExceptionOrder(
        clinic_id=clinic_id,
        doctor_id=doctor_id,
        what=wish.what(),
        reason=wish.reason,
        policy=wish.policy,
        digest=wish.digest,
    )


async def _answer(
    database: Database,
    changes: DayChanges,
    order: ExceptionOrder,
    actor: Actor,
    *,
    dry_run: bool,
) -> Response:
    try:
        if dry_run:
            preview = await preview_exception(database, order)
            return JsonAnswer(preview_document(preview), headers=NO_STORE)
        done = await make_exception(database, order, actor.ref)
    except Over:
        raise Malformed("until", "must be ahead") from None
    if isinstance(done, Preview):
        raise Problem(
            code="visits_affected", detail=str(VisitsAffected()), extras=preview_document(done)
        )
    await _forget(database, changes, order.clinic_id, done.reshaping)
    return JsonAnswer(accepted_document(done), status_code=202, headers=NO_STORE)


async def _forget(
    database: Database, changes: DayChanges, clinic_id: UUID, reshaping: Reshaping | None
) -> None:
    """Nobody would be shown the old days from the cache; open pages learn of the change at once."""
    if reshaping is not None:
        clinic = await read(database, partial(find_clinic, clinic_id=clinic_id))
        changes.forget(days_of(reshaping, zone_named(clinic.time_zone)))
