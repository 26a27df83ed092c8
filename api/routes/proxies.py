"""Who may act for a patient."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from adapters.postgres import patients, proxies
from adapters.postgres.database import Connection
from adapters.postgres.reads import read
from api.dependencies import CallersDep, DatabaseDep
from api.http.actor import PatientChanger
from api.http.answers import NO_STORE, JsonAnswer
from api.http.json_route import JsonRoute
from api.http.looks import note
from api.http.openapi import problems
from api.http.patient_schemas import NewProxy, ProxyBody, ProxyPage, proxy_document
from api.http.problems import Malformed
from api.http.schemas import Id
from domain.actors import Actor, Role
from domain.documents import timestamp
from domain.errors import PatientNotFound
from domain.patients import Proxy
from domain.permissions import Whose

router = APIRouter(
    prefix="/patients/{patient_id}/proxies", tags=["patients"], route_class=JsonRoute
)


@router.get("", response_model=ProxyPage, summary="Who acts for a patient")
async def list_proxies(patient_id: Id, caller: PatientChanger, database: DatabaseDep) -> Response:
    """Those who may now."""
    actor = caller.check(Whose(patient_id=patient_id), hidden=PatientNotFound)

    async def ask(connection: Connection) -> Response:
        await patients.find_patient(connection, patient_id)
        await note(connection, actor, "read", [patient_id])
        return _proxies(await proxies.proxies_of(connection, patient_id))

    return await read(database, ask, caller.sees_patients)


@router.post(
    "",
    status_code=201,
    response_model=ProxyBody,
    summary="Let somebody act for a patient",
    openapi_extra=problems("patient_not_found"),
)
async def allow_proxy(
    patient_id: Id,
    wish: NewProxy,
    caller: PatientChanger,
    database: DatabaseDep,
    callers: CallersDep,
) -> Response:
    """The same one again: the same proxy, with the new end. Nobody lets another act for longer
    than they may themselves.
    """
    actor = caller.check(Whose(patient_id=patient_id), hidden=PatientNotFound)
    if wish.patient_id == patient_id:
        raise Malformed("patientId", "must be somebody else")

    async def ask(connection: Connection) -> Response:
        await _check_end(connection, patient_id, wish.until, actor)
        made = await proxies.allow(
            connection,
            patient_id,
            subject=wish.subject,
            proxy_patient_id=wish.patient_id,
            until=wish.until,
        )
        await note(connection, actor, "allow-proxy", [patient_id], always=True)
        return JsonAnswer(proxy_document(made), status_code=201, headers=NO_STORE)

    answer = await read(database, ask)
    callers.forget_accounts()
    return answer


@router.delete(
    "/{proxy_id}",
    response_model=ProxyPage,
    summary="Let somebody act no more",
    openapi_extra=problems("proxy_not_found"),
)
async def end_proxy(
    patient_id: Id,
    proxy_id: Id,
    caller: PatientChanger,
    database: DatabaseDep,
    callers: CallersDep,
) -> Response:
    """From the answer on; those who are left."""
    actor = caller.check(Whose(patient_id=patient_id), hidden=PatientNotFound)

    async def ask(connection: Connection) -> Response:
        await proxies.end(connection, patient_id, proxy_id)
        await note(connection, actor, "end-proxy", [patient_id], always=True)
        return _proxies(await proxies.proxies_of(connection, patient_id))

    answer = await read(database, ask)
    callers.forget_accounts()
    return answer


async def _check_end(
    connection: Connection, patient_id: UUID, until: datetime | None, actor: Actor
) -> None:
    if until is not None and not await proxies.is_ahead(connection, until):
        raise Malformed("until", "must be in the future")
    if actor.role is not Role.PATIENT or actor.patient_id == patient_id:
        return
    end = await proxies.own_end(
        connection, patient_id, subject=actor.subject, proxy_patient_id=actor.patient_id
    )
    if end is not None and (until is None or until > end):
        raise Malformed("until", f"must be {timestamp(end)} or before: your own right ends then")


def _proxies(found: Sequence[Proxy]) -> Response:
    items = [proxy_document(each) for each in found]
    return JsonAnswer({"items": items, "next": None}, headers=NO_STORE)
