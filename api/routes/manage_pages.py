"""The managers' pages: the clinics they manage, a clinic with its doctors, its services."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.messages.specialties import NAMES, specialty_of
from adapters.messages.visit import Language
from adapters.postgres import setup
from adapters.postgres.database import Connection, Database
from adapters.postgres.directory import Clinic, clinic_of
from adapters.postgres.reads import read
from api.dependencies import DatabaseDep, SetupDep
from api.http.actor import Caller, ClinicChanger, ClinicMaker
from api.http.cursors import Cursor
from api.http.refusals import note_refusal
from api.http.schemas import Id, Text
from api.http.setup_schemas import (
    ClinicChange,
    NewClinic,
    NewDoctor,
    NewService,
    ServiceChange,
)
from api.page.choices import clinics_from
from api.page.forms import OwnForm, see
from api.page.managing import ManagedClinic, managed_clinic, zones
from api.page.rendering import page
from api.page.typed import NOTHING_SENT, Fields, NotTaken, Sent, Typed, body_of
from api.page.visitor import Anybody, Visitor
from domain.errors import Changed, ClinicNotFound, ServiceNotFound
from domain.permissions import Whose

CLINICS = 60
WRONG = 422
HOME_ZONES = {Language.RU: "Europe/Moscow", Language.EN: "Europe/London"}
"""What the list of zones begins with; nobody is asked where they are."""

Note = Annotated[Text | None, Query()]

router = APIRouter(prefix="/manage", include_in_schema=False)


@router.get("")
async def clinics(
    caller: ClinicChanger, visitor: Anybody, database: DatabaseDep, clinics: Cursor = None
) -> Response:
    """The clinics that one manages, and a form for another."""
    return await _clinics(caller, visitor, database, after=clinics)


@router.post("/clinics")
async def create_clinic(
    _: OwnForm,
    caller: ClinicMaker,
    visitor: Anybody,
    fields: Typed,
    database: DatabaseDep,
    desk: SetupDep,
) -> Response:
    """On to its page, where doctors are added."""
    try:
        made = await desk.make_clinic(body_of(NewClinic, fields), caller)
    except NotTaken as wrong:
        sent = Sent(form="clinic", fields=fields, faults=wrong.faults)
        return await _clinics(caller, visitor, database, sent=sent)
    return see(f"/manage/clinics/{made.clinic_id}?note=made")


@router.get("/clinics/{clinic_id}")
async def one_clinic(  # noqa: PLR0913, PLR0917 - each is a part of the request
    clinic_id: Id,
    caller: ClinicChanger,
    visitor: Anybody,
    database: DatabaseDep,
    note: Note = None,
    doctors: Cursor = None,
    services: Cursor = None,
) -> Response:
    """Its details, its doctors and its services, each with a form for another."""
    after = (doctors, services)
    return await _clinic(caller, visitor, database, clinic_id, note=note, after=after)


@router.post("/clinics/{clinic_id}")
async def change_clinic(  # noqa: PLR0913, PLR0917 - each is a part of the request
    _: OwnForm,
    clinic_id: Id,
    caller: ClinicChanger,
    visitor: Anybody,
    fields: Typed,
    database: DatabaseDep,
    desk: SetupDep,
) -> Response:
    try:
        wish = body_of(ClinicChange, fields, may_be_blank={"name", "phone"})
        await desk.change_clinic(clinic_id, wish, caller)
    except NotTaken as wrong:
        sent = Sent(form="details", fields=fields, faults=wrong.faults)
        return await _clinic(caller, visitor, database, clinic_id, sent=sent)
    except Changed as changed:
        note_refusal(changed)
        return see(f"/manage/clinics/{clinic_id}?note=changed")
    return see(f"/manage/clinics/{clinic_id}?note=saved")


@router.post("/clinics/{clinic_id}/doctors")
async def add_doctor(  # noqa: PLR0913, PLR0917 - each is a part of the request
    _: OwnForm,
    clinic_id: Id,
    caller: ClinicChanger,
    visitor: Anybody,
    fields: Typed,
    database: DatabaseDep,
    desk: SetupDep,
) -> Response:
    """On to the doctor's hours: without them nobody can book."""
    try:
        named = with_specialty(fields)
        wish = body_of(NewDoctor, named, lists={"serviceIds"}, clinicId=clinic_id)
        made = await desk.make_doctor(wish, caller)
    except NotTaken as wrong:
        sent = Sent(form="doctor", fields=fields, faults=wrong.faults)
        return await _clinic(caller, visitor, database, clinic_id, sent=sent)
    return see(f"/manage/doctors/{made.doctor_id}/plan?note=made")


@router.post("/clinics/{clinic_id}/services")
async def add_service(  # noqa: PLR0913, PLR0917 - each is a part of the request
    _: OwnForm,
    clinic_id: Id,
    caller: ClinicChanger,
    visitor: Anybody,
    fields: Typed,
    database: DatabaseDep,
    desk: SetupDep,
) -> Response:
    try:
        wish = body_of(NewService, with_specialty(fields), clinicId=clinic_id)
        await desk.make_service(wish, caller)
    except NotTaken as wrong:
        sent = Sent(form="service", fields=fields, faults=wrong.faults)
        return await _clinic(caller, visitor, database, clinic_id, sent=sent)
    return see(f"/manage/clinics/{clinic_id}?note=saved")


@router.get("/services/{service_id}")
async def one_service(
    service_id: Id,
    caller: ClinicChanger,
    visitor: Anybody,
    database: DatabaseDep,
    note: Note = None,
) -> Response:
    return await _service(caller, visitor, database, service_id, note=note)


@router.post("/services/{service_id}")
async def change_service(  # noqa: PLR0913, PLR0917 - each is a part of the request
    _: OwnForm,
    service_id: Id,
    caller: ClinicChanger,
    visitor: Anybody,
    fields: Typed,
    database: DatabaseDep,
    desk: SetupDep,
) -> Response:
    """Appointments that are booked keep their minutes."""
    try:
        wish = body_of(ServiceChange, with_specialty(fields), may_be_blank={"name", "specialty"})
        changed = await desk.change_service(service_id, wish, caller)
    except NotTaken as wrong:
        sent = Sent(form="service", fields=fields, faults=wrong.faults)
        return await _service(caller, visitor, database, service_id, sent=sent)
    except Changed as stale:
        note_refusal(stale)
        return see(f"/manage/services/{service_id}?note=changed")
    return see(f"/manage/clinics/{changed.clinic_id}?note=saved")


def with_specialty(fields: Fields) -> Fields:
    """What a specialty is called on the pages, as it is kept."""
    named = fields.get("specialty", ())
    return {**fields, "specialty": [specialty_of(each) for each in named]} if named else fields


def specialties_of(visitor: Visitor) -> list[str]:
    """Those that have a name in both languages, as the visitor reads them."""
    return sorted(names[visitor.language] for names in NAMES.values())


async def managed(caller: Caller, database: Database, clinic_id: UUID) -> Clinic:
    """A clinic of the caller's; raises `ClinicNotFound`."""
    found = await read(database, partial(clinic_of, clinic_id=clinic_id))
    if found is None:
        raise ClinicNotFound
    caller.check(Whose(clinic_id=clinic_id), hidden=ClinicNotFound)
    return found


async def _clinics(
    caller: Caller,
    visitor: Visitor,
    database: Database,
    *,
    after: str | None = None,
    sent: Sent = NOTHING_SENT,
) -> Response:
    own = None if caller.actor.is_anyone else caller.actor.clinic_ids
    named, further = await read(
        database, partial(clinics_from, cursor=after, most=CLINICS, ids=own)
    )
    return page(
        visitor,
        "manage.html",
        status=WRONG if sent.faults else 200,
        here="manage",
        clinics=named,
        further=further,
        zones=zones(),
        home=HOME_ZONES[visitor.language],
        sent=sent,
    )


async def _clinic(  # noqa: PLR0913 - who sees what of which clinic
    caller: Caller,
    visitor: Visitor,
    database: Database,
    clinic_id: UUID,
    *,
    note: str | None = None,
    after: tuple[str | None, str | None] = (None, None),
    sent: Sent = NOTHING_SENT,
) -> Response:
    clinic = await managed(caller, database, clinic_id)

    async def ask(connection: Connection) -> ManagedClinic:
        doctors, services = after
        return await managed_clinic(
            connection, clinic, doctors_after=doctors, services_after=services
        )

    return page(
        visitor,
        "manage_clinic.html",
        status=WRONG if sent.faults else 200,
        here="manage",
        found=await read(database, ask),
        zones=zones(),
        specialties=specialties_of(visitor),
        note=note,
        sent=sent,
    )


async def _service(  # noqa: PLR0913 - who sees what of which service
    caller: Caller,
    visitor: Visitor,
    database: Database,
    service_id: UUID,
    *,
    note: str | None = None,
    sent: Sent = NOTHING_SENT,
) -> Response:
    found = await read(database, partial(setup.find_service, service_id=service_id))
    caller.check(Whose(clinic_id=found.clinic_id), hidden=ServiceNotFound)
    return page(
        visitor,
        "manage_service.html",
        status=WRONG if sent.faults else 200,
        here="manage",
        service=found,
        specialties=specialties_of(visitor),
        note=note,
        sent=sent,
    )
