"""The managers' page of an import: a file is tried, its report is read, then it is taken."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, UploadFile
from starlette.responses import Response

from adapters.postgres.database import Database
from adapters.postgres.directory import find_clinic
from adapters.postgres.imports import Import, find_import
from adapters.postgres.reads import read
from api.dependencies import DatabaseDep, ImportingDep
from api.http.actor import Caller, ClinicChanger, ImportReader
from api.http.schemas import Id
from api.page.forms import OwnForm, see
from api.page.importing import Reason, kind_of, page_of, reason_of
from api.page.rendering import page
from api.page.visitor import Anybody, Visitor
from api.routes.manage_pages import WRONG, managed
from domain.errors import ImportNotFound
from domain.imports import BadFile
from domain.permissions import Action, Allowed, Whose, may

NOTHING = Reason(column="", sentence="choose a file", varying=())
From = Annotated[int, Query(ge=0, le=10_000_000)]

router = APIRouter(prefix="/manage", include_in_schema=False)


@router.get("/clinics/{clinic_id}/import")
async def choose(
    clinic_id: Id, caller: ClinicChanger, visitor: Anybody, database: DatabaseDep
) -> Response:
    """What a file looks like, and a form for one, which is tried first."""
    return await _choose(caller, visitor, database, clinic_id)


@router.post("/clinics/{clinic_id}/import")
async def take(  # noqa: PLR0913 - each is a part of the form
    *,
    _: OwnForm,
    clinic_id: Id,
    caller: ClinicChanger,
    visitor: Anybody,
    database: DatabaseDep,
    importing: ImportingDep,
    file: Annotated[UploadFile | None, File()] = None,
    dry_run: Annotated[bool, Form(alias="dryRun")] = True,
) -> Response:
    """As the API takes it; on to its report, which grows while the file is read."""
    actor = await importing.allowed(clinic_id, caller)
    content = b"" if file is None else await file.read()
    if not content:
        return await _choose(caller, visitor, database, clinic_id, wrong=NOTHING)
    try:
        import_id = await importing.take(
            clinic_id, kind_of(content), content, actor, dry_run=dry_run
        )
    except BadFile as bad:
        wrong = reason_of(str(bad))
        return await _choose(caller, visitor, database, clinic_id, wrong=wrong)
    return see(f"/manage/imports/{import_id}")


@router.get("/imports/{import_id}")
async def report(  # noqa: PLR0913, PLR0917 - each is a part of the request
    import_id: Id,
    caller: ImportReader,
    visitor: Anybody,
    database: DatabaseDep,
    refused: From = 0,
    overlaps: From = 0,
) -> Response:
    """How far it is, what became of the rows, and after a dry run a form to import it."""
    found = await find_import(database, import_id)
    whose = Whose(clinic_id=found.clinic_id)
    caller.check(whose, hidden=ImportNotFound)
    clinic = await read(database, partial(find_clinic, clinic_id=found.clinic_id))
    return page(
        visitor,
        "manage_import.html",
        here="manage",
        found=page_of(found, clinic, refused=refused, overlaps=overlaps),
        mark=_mark(found),
        may_import=isinstance(may(caller.actor, Action.CHANGE_CLINIC, whose), Allowed),
    )


def _mark(found: Import) -> str:
    """Changes with whatever the report says."""
    return f"{found.report.rows}-{found.done_at is not None}"


async def _choose(
    caller: Caller,
    visitor: Visitor,
    database: Database,
    clinic_id: UUID,
    *,
    wrong: Reason | None = None,
) -> Response:
    clinic = await managed(caller, database, clinic_id)
    return page(
        visitor,
        "manage_import_file.html",
        status=WRONG if wrong else 200,
        here="manage",
        clinic=clinic,
        wrong=wrong,
    )
