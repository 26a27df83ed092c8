"""Builders with defaults: a test names only what it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.actors import ActorRef, Role
from domain.attendance import Mark, Settlement
from domain.booking import (
    Appointment,
    BookingRequest,
    Cancellation,
    Move,
    Placement,
    Status,
)

DR_KIM = UUID("00000000-0000-4000-8000-0000000000d1")
ANNA = UUID("00000000-0000-4000-8000-0000000000a1")
CLINIC = UUID("00000000-0000-4000-8000-0000000000c1")
MONDAY_NINE = datetime(2027, 1, 11, 9, 0, tzinfo=UTC)
SECRET = b"a secret of the tests, 32 or more"
THE_PATIENT = ActorRef(id=str(ANNA), role=Role.PATIENT)


def a_request(**changes: Any) -> BookingRequest:
    values: dict[str, Any] = {
        "appointment_id": uuid4(),
        "attempt_id": uuid4(),
        "patient_id": ANNA,
        "doctor_id": DR_KIM,
        "clinic_id": CLINIC,
        "starts_at": MONDAY_NINE,
        "hold_seconds": 600,
        "max_holds": 3,
        "origin": "patient",
        "actor": ActorRef(id=str(changes.get("patient_id", ANNA)), role=Role.PATIENT),
    }
    return BookingRequest(**(values | changes))


def an_appointment(**changes: Any) -> Appointment:
    values: dict[str, Any] = {
        "appointment_id": uuid4(),
        "status": Status.HELD,
        "patient_id": ANNA,
        "doctor_id": DR_KIM,
        "clinic_id": CLINIC,
        "starts_at": MONDAY_NINE,
        "ends_at": MONDAY_NINE + timedelta(minutes=30),
        "held_until": MONDAY_NINE - timedelta(days=1),
        "version": 1,
        "created_at": MONDAY_NINE - timedelta(days=2),
        "extensions_left": 2,
    }
    return Appointment(**(values | changes))


def a_cancellation(appointment: Appointment, **changes: Any) -> Cancellation:
    values: dict[str, Any] = {
        "appointment_id": appointment.appointment_id,
        "attempt_id": uuid4(),
        "patient_id": appointment.patient_id,
        "doctor_id": appointment.doctor_id,
        "clinic_id": appointment.clinic_id,
        "starts_at": appointment.starts_at,
        "version": appointment.version,
        "reason": "patient_request",
        "actor": THE_PATIENT,
    }
    return Cancellation(**(values | changes))


def a_placement(appointment: Appointment) -> Placement:
    """Where the appointment stands."""
    assert appointment.ends_at is not None
    return Placement(
        doctor_id=appointment.doctor_id,
        clinic_id=appointment.clinic_id,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
    )


def a_move(appointment: Appointment, **changes: Any) -> Move:
    """To the next half hour of the same doctor, unless told otherwise."""
    values: dict[str, Any] = {
        "appointment_id": appointment.appointment_id,
        "attempt_id": uuid4(),
        "patient_id": appointment.patient_id,
        "version": appointment.version,
        "previous": a_placement(appointment),
        "doctor_id": appointment.doctor_id,
        "clinic_id": appointment.clinic_id,
        "starts_at": appointment.starts_at + timedelta(minutes=30),
        "leaves_day": False,
        "reason": None,
        "actor": THE_PATIENT,
    }
    return Move(**(values | changes))


BECOMES = {
    Mark.ARRIVE: Status.ARRIVED,
    Mark.COMPLETE: Status.COMPLETED,
    Mark.NO_SHOW: Status.NO_SHOW,
    Mark.UNDO: Status.CONFIRMED,
}


def a_settlement(appointment: Appointment, mark: Mark, **changes: Any) -> Settlement:
    """By the reception, on a visit that stands."""
    values: dict[str, Any] = {
        "appointment_id": appointment.appointment_id,
        "attempt_id": uuid4(),
        "patient_id": appointment.patient_id,
        "doctor_id": appointment.doctor_id,
        "clinic_id": appointment.clinic_id,
        "starts_at": appointment.starts_at,
        "version": appointment.version,
        "mark": mark,
        "status": appointment.status,
        "becomes": BECOMES[mark],
        "actor": ActorRef(id="desk", role=Role.RECEPTION),
    }
    return Settlement(**(values | changes))
