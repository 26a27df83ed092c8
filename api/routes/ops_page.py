"""The pages that operations open first: figures, and one booking told as a story."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.postgres.attendance_rates import DAYS, LEADS
from adapters.postgres.booking_search import (
    Kept,
    Trouble,
    bookings_in_trouble,
    bookings_named,
    kept,
)
from adapters.postgres.database import Connection
from adapters.postgres.reads import read
from adapters.postgres.seeing import EVERYBODY
from adapters.postgres.visits import PatientVisit, visit
from api.booking.story import lines_of
from api.dependencies import CommandsDep, DashboardDep, DatabaseDep, Settings
from api.http.actor import OperationsCaller
from api.http.looks import note_people_on_page
from api.http.schemas import Id, parse_uuid
from api.page.forms import Searched, see
from api.page.rendering import page
from api.page.visitor import Anybody
from domain.actors import ANYONE
from domain.errors import AppointmentNotFound
from domain.permissions import Whose

router = APIRouter(prefix="/ops", include_in_schema=False)

FOUND = 20
RUNS = {
    "held": "WorkflowType = 'BookAppointment' AND ExecutionStatus = 'Running'",
    "lapsed": "WorkflowType = 'BookAppointment' AND AppointmentStatus = 'expired'",
    "confirmed": "WorkflowType = 'BookAppointment' AND AppointmentStatus = 'confirmed'",
    "refused": "WorkflowType = 'BookAppointment' AND AppointmentStatus = 'refused'",
    "cancelled": "WorkflowType = 'CancelAppointment'",
    "failed": "ExecutionStatus = 'Failed'",
    "audits": "WorkflowType = 'AuditBookings'",
}
"""Which runs stand behind a figure; those that Temporal cannot tell are listed by their rows."""


@router.get("")
async def ops(_: OperationsCaller, visitor: Anybody, dashboard: DashboardDep) -> Response:
    """Holds, lapses, conflicts, deliveries and the last audit; runs are looked at in Temporal."""
    links = {name: dashboard.runs(query) for name, query in RUNS.items()}
    room = await dashboard.look()
    audit = None if room.audit is None else dashboard.run(room.audit.workflow_id)
    return page(
        visitor,
        "ops.html",
        here="ops",
        room=room,
        links=links,
        audit=audit,
        leads=LEADS,
        attendance_days=DAYS,
    )


@router.get("/bookings")
async def bookings(
    caller: OperationsCaller,
    visitor: Anybody,
    database: DatabaseDep,
    q: Searched = None,
    trouble: Annotated[Trouble | None, Query()] = None,
) -> Response:
    """Those of a reference, a name or a telephone, or behind a figure; a single one opens."""
    sought = (q or "").strip()
    if (appointment_id := _id(sought)) is not None:
        return see(f"/ops/bookings/{appointment_id}")

    clinics, limit = caller.sees.clinics, FOUND + 1

    async def ask(connection: Connection) -> list[PatientVisit]:
        if trouble is not None:
            return await bookings_in_trouble(connection, trouble, clinics=clinics, limit=limit)
        named = await bookings_named(connection, sought, clinics=clinics, limit=limit)
        people = {each.appointment.patient_id for each in named}
        await note_people_on_page(connection, caller.actor, "find", people)
        return named

    # Whoever is looked for: nobody is named, and the looks are noted.
    found = await read(database, ask, EVERYBODY)
    if trouble is None and len(found) == 1:
        return see(f"/ops/bookings/{found[0].appointment.appointment_id}")
    return page(
        visitor,
        "ops_found.html",
        here="ops",
        sought=sought,
        trouble=trouble,
        found=found[:FOUND],
        has_more=len(found) > FOUND,
    )


@router.get("/bookings/{appointment_id}")
async def booking(  # noqa: PLR0913 - what a story is told from is asked for by name
    *,
    caller: OperationsCaller,
    appointment_id: Id,
    visitor: Anybody,
    database: DatabaseDep,
    commands: CommandsDep,
    dashboard: DashboardDep,
    settings: Settings,
) -> Response:
    """What happened, who was told, and where to look further; nobody is named."""
    known = await commands.find(appointment_id, ANYONE)  # who calls is asked by the clinic
    try:
        caller.check(Whose(clinic_id=known.appointment.clinic_id), hidden=AppointmentNotFound)
    except AppointmentNotFound:
        await commands.hide(appointment_id)
        raise

    async def ask(connection: Connection) -> Kept | None:
        seen = await visit(connection, appointment_id)
        return None if seen is None else await kept(connection, seen)

    row = await read(database, ask)
    runs = await dashboard.runs_of(appointment_id, row)
    return page(
        visitor,
        "ops_booking.html",
        here="ops",
        booking=known.appointment if row is None else row.visit.appointment,
        refusal=known.code,
        row=row,
        lines=lines_of(row) if row else [],
        runs=runs,
        link=dashboard.run,
        of_patient=dashboard.runs(f"PatientId = '{known.appointment.patient_id}'"),
        mailbox=settings.mailbox_url,
    )


def _id(written: str) -> UUID | None:
    try:
        return parse_uuid(written)
    except ValueError:
        return None
