"""A visit as the messages know it, for its calendar file."""

from adapters.messages.visit import Kind, Language, Visit
from adapters.postgres.visits import PatientVisit


def as_entry(visit: PatientVisit, language: Language) -> Visit:
    """Without the patient: nobody is invited by a file that they open themselves."""
    appointment = visit.appointment
    return Visit(
        appointment_id=appointment.appointment_id,
        kind=Kind.CONFIRMED,
        version=appointment.version or 1,
        changed_at=appointment.rescheduled_at
        or appointment.confirmed_at
        or appointment.created_at
        or visit.now,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at or appointment.starts_at,
        language=language,
        patient_name="",
        email="",
        phone="",
        doctor_name=visit.doctor_name,
        specialty=visit.specialty,
        clinic_name=visit.clinic_name,
        clinic_address=visit.clinic_address,
        clinic_phone=visit.clinic_phone,
        time_zone=visit.time_zone,
    )
