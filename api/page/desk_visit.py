"""What the reception sees of one appointment: whom it is for, and everything that became of it."""

from dataclasses import dataclass
from uuid import UUID

from adapters.postgres.appeals import Appeal, appeal_of
from adapters.postgres.database import Connection
from adapters.postgres.directory import DoctorCard, doctors_of
from adapters.postgres.patients import patient_if_any
from adapters.postgres.trail import Change, history_of
from adapters.postgres.visits import PatientVisit, visit
from api.http.actor import Caller
from api.http.looks import note_people_on_page
from domain.attendance import marks_of
from domain.errors import AppointmentNotFound
from domain.patients import Patient
from domain.permissions import Whose
from domain.zones import zone_named


@dataclass(frozen=True, kw_only=True)
class DeskVisit:
    """An appointment, its patient, and its history with the doctors that it names."""

    visit: PatientVisit
    patient: Patient | None
    """Null for somebody who was erased."""
    history: list[Change]
    doctors: dict[UUID, DoctorCard]
    appeal: Appeal | None
    """Whether the patient says that a mark of a missed visit is wrong."""
    other: Patient | None = None
    """Who may be booked on top of this one."""

    @property
    def marks(self) -> list[str]:
        """What may be said now of whether the patient came."""
        booked = self.visit.appointment
        zone = zone_named(self.visit.time_zone)
        found = marks_of(booked.status, booked.starts_at, zone=zone, now=self.visit.now)
        return [each.value for each in found]

    @property
    def can_be_moved(self) -> bool:
        return self.visit.appointment.status.value == "confirmed" and not self.visit.has_begun


async def seen_visit(connection: Connection, appointment_id: UUID, caller: Caller) -> PatientVisit:
    """One of the caller's clinics; that of others is told as one that does not exist."""
    found = await visit(connection, appointment_id)
    if found is None:
        raise AppointmentNotFound
    caller.check(Whose(clinic_id=found.appointment.clinic_id), hidden=AppointmentNotFound)
    return found


async def desk_visit(
    connection: Connection, appointment_id: UUID, caller: Caller, *, whom: UUID | None = None
) -> DeskVisit:
    """Raises `AppointmentNotFound`. The look is in the audit trail."""
    seen = await seen_visit(connection, appointment_id, caller)
    patient = await patient_if_any(connection, seen.appointment.patient_id)
    other = None
    if whom not in {None, seen.appointment.patient_id} and seen.is_ahead and not seen.has_begun:
        other = await patient_if_any(connection, whom)
    read = [each.patient_id for each in (patient, other) if each is not None]
    await note_people_on_page(connection, caller.actor, "read", read)
    history = await history_of(connection, appointment_id)
    return DeskVisit(
        visit=seen,
        patient=patient,
        history=history,
        doctors=await doctors_of(connection, {each.doctor_id for each in history}),
        appeal=await appeal_of(connection, appointment_id),
        other=other,
    )
