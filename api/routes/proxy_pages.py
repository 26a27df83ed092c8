"""A patient's page of who may act for them: seen, given, withdrawn, as by the API's calls."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from pydantic import ValidationError
from starlette.responses import Response

from adapters.postgres.database import Database
from adapters.postgres.proxies import proxies_of
from adapters.postgres.reads import read
from api.dependencies import CallersDep, DatabaseDep
from api.http.actor import Caller, PatientChanger
from api.http.patient_schemas import NewProxy
from api.http.problems import Malformed
from api.http.refusals import note_refusal
from api.http.schemas import Id, Text, parse_uuid
from api.page.forms import OwnForm, see
from api.page.rendering import page
from api.page.visitor import Patient, Visitor
from api.routes import proxies
from domain.documents import timestamp
from domain.errors import PatientNotFound, ProxyNotFound
from domain.permissions import Whose

WRONG = 422
A_DAY = timedelta(days=1)

router = APIRouter(prefix="/proxies", include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What was typed, and which field of it is wrong."""

    code: str = ""
    until: str = ""
    wrong: str = ""


@router.get("")
async def who(
    caller: PatientChanger, visitor: Patient, database: DatabaseDep, note: Text | None = None
) -> Response:
    return await _who(caller, visitor, database, note=note)


@router.post("")
async def allow(  # noqa: PLR0913 - each is a part of the form
    *,
    _: OwnForm,
    caller: PatientChanger,
    visitor: Patient,
    database: DatabaseDep,
    callers: CallersDep,
    code: Annotated[Text, Form()] = "",
    until: Annotated[Text, Form()] = "",
) -> Response:
    """Whoever has this code, from now on; to the end of that day, if one is given."""
    patient_id, wrong = visitor.signed_in.patient_id, ""
    try:
        wish = _wish(code, until)
        await proxies.allow_proxy(patient_id, wish, caller, database, callers)
    except Malformed as malformed:
        wrong = malformed.field
    except PatientNotFound as nobody:
        note_refusal(nobody, patient_id=patient_id)
        wrong = "patientId"
    if not wrong:
        return see("/proxies?note=saved")
    sent = Sent(code=code, until=until, wrong=wrong)
    return await _who(caller, visitor, database, sent=sent)


@router.post("/{proxy_id}/end")
async def end(
    _: OwnForm,
    proxy_id: Id,
    caller: PatientChanger,
    visitor: Patient,
    database: DatabaseDep,
    callers: CallersDep,
) -> Response:
    """From the answer on. Who has ended meanwhile is as good as withdrawn."""
    patient_id = visitor.signed_in.patient_id
    try:
        await proxies.end_proxy(patient_id, proxy_id, caller, database, callers)
    except ProxyNotFound as gone:
        note_refusal(gone, patient_id=patient_id)
    return see("/proxies?note=ended")


def _wish(code: str, until: str) -> NewProxy:
    """As the API would be sent it. A day is whole, by UTC: the page says so."""
    try:
        patient_id = parse_uuid(code.strip())
    except ValueError:
        raise Malformed("patientId", "must be a code as the page of that person has it") from None
    given: dict[str, object] = {"patientId": str(patient_id)}
    if until.strip():
        given["until"] = _end_of(until.strip())
    try:
        return NewProxy.model_validate(given)
    except ValidationError:
        raise Malformed("until", "must be a day between 2000 and 2100") from None


def _end_of(day: str) -> str:
    try:
        begins = datetime.combine(datetime.fromisoformat(day).date(), time(), UTC)
        return timestamp(begins + A_DAY)
    except (ValueError, OverflowError):
        raise Malformed("until", "must be a day") from None


async def _who(
    caller: Caller,
    visitor: Visitor,
    database: Database,
    *,
    note: str | None = None,
    sent: Sent | None = None,
) -> Response:
    patient_id = visitor.signed_in.patient_id
    caller.check(Whose(patient_id=patient_id), hidden=PatientNotFound)
    found = await read(database, lambda connection: proxies_of(connection, patient_id))
    answer = page(
        visitor,
        "proxies.html",
        status=200 if sent is None else WRONG,
        here="visits",
        proxies=found,
        names={each.patient_id: each.name for each in visitor.others},
        own=_own(caller, patient_id),
        note=note,
        sent=sent or Sent(),
    )
    answer.headers["cache-control"] = "no-store"
    return answer


def _own(caller: Caller, patient_id: UUID) -> UUID | None:
    """The record of whoever looks; where nobody signs in, it is the one that is looked at."""
    return patient_id if caller.actor.is_anyone else caller.actor.patient_id
