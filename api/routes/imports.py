"""Another system's appointments come in as a file, and a report says what became of each row."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters.postgres.imports import find_import
from api.dependencies import DatabaseDep, ImportingDep
from api.http.actor import ClinicChanger, ImportReader
from api.http.answers import NO_STORE, JsonAnswer
from api.http.import_schemas import ImportBegun, ImportBody, import_document
from api.http.openapi import problems
from api.http.problems import Malformed
from api.http.schemas import Id
from api.http.strict_query import StrictRoute
from domain.errors import ImportNotFound
from domain.imports import BadFile, Kind
from domain.permissions import Whose

router = APIRouter(prefix="/imports", tags=["setup"], route_class=StrictRoute)

ImportedTo = Annotated[Id, Query(alias="clinicId", description="whose appointments these are")]
DryRun = Annotated[
    bool, Query(alias="dryRun", description="report what it would do, and change nothing")
]
FILE = {
    "requestBody": {
        "required": True,
        "content": {each.value: {"schema": {"type": "string"}} for each in Kind},
    }
}


@router.post(
    "",
    status_code=202,
    response_model=ImportBegun,
    summary="Import appointments",
    openapi_extra=problems("clinic_not_found") | FILE,
)
async def import_file(
    *,
    clinic_id: ImportedTo,
    request: Request,
    caller: ClinicChanger,
    importing: ImportingDep,
    dry_run: DryRun = False,
) -> Response:
    """A CSV or FHIR R4 Slots and Appointments, a line each, up to 16 MiB (docs/import.md).

    The same file twice changes nothing. Nobody is sent a message.
    """
    actor = await importing.allowed(clinic_id, caller)
    kind, content = _kind_of(request), await request.body()
    try:
        import_id = await importing.take(clinic_id, kind, content, actor, dry_run=dry_run)
    except BadFile as wrong:
        raise Malformed("body", str(wrong)) from None
    headers = {"location": f"/api/v1/imports/{import_id}"}
    return JsonAnswer({"importId": str(import_id)}, status_code=202, headers=headers)


@router.get("/{import_id}", response_model=ImportBody, summary="Read the report of an import")
async def get_import(import_id: Id, caller: ImportReader, database: DatabaseDep) -> Response:
    """What became of the rows so far; it names nobody."""
    found = await find_import(database, import_id)
    caller.check(Whose(clinic_id=found.clinic_id), hidden=ImportNotFound)
    return JsonAnswer(import_document(found), headers=NO_STORE)


def _kind_of(request: Request) -> Kind:
    named = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        return Kind(named)
    except ValueError:
        raise Malformed(
            "Content-Type", "must be text/csv or application/fhir+ndjson", status=415
        ) from None
