"""Builders for what is told to patients and doctors."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from adapters.messages.visit import Kind, Language, Visit
from domain.booking import Status
from domain.events import AppointmentEvent, EventType, event_id
from domain.reminders import Reminder, reminder_id

TUESDAY = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)


def a_visit(**changes: Any) -> Visit:
    values: dict[str, Any] = {
        "appointment_id": UUID("1a2b3c4d-0000-4000-8000-000000000001"),
        "kind": Kind.CONFIRMED,
        "version": 2,
        "changed_at": TUESDAY - timedelta(days=2),
        "starts_at": TUESDAY,
        "ends_at": TUESDAY + timedelta(minutes=30),
        "language": Language.RU,
        "patient_name": "Иванов Пётр",
        "email": "petr@example.org",
        "phone": "+79001234567",
        "doctor_name": "Петрова Анна Сергеевна",
        "specialty": "cardiology",
        "clinic_name": "Приём на Чистых прудах",
        "clinic_address": "Москва, Чистопрудный бульвар, 12",
        "clinic_phone": "+70000000101",
        "time_zone": "Europe/Moscow",
    }
    return Visit(**(values | changes))


def an_event(**changes: Any) -> AppointmentEvent:
    kind = changes.get("type", EventType.CONFIRMED)
    appointment_id = changes.get("appointment_id", uuid4())
    sequence = changes.get("sequence", 2)
    values: dict[str, Any] = {
        "event_id": event_id(appointment_id, sequence, kind),
        "type": kind,
        "time": TUESDAY - timedelta(days=2),
        "sequence": sequence,
        "appointment_id": appointment_id,
        "patient_id": uuid4(),
        "doctor_id": uuid4(),
        "clinic_id": uuid4(),
        "starts_at": TUESDAY,
        "ends_at": TUESDAY + timedelta(minutes=30),
        "status": Status.CONFIRMED if kind is EventType.CONFIRMED else Status.CANCELLED,
    }
    return AppointmentEvent(**(values | changes))


def a_reminder(**changes: Any) -> Reminder:
    appointment_id = changes.get("appointment_id", uuid4())
    sequence, step = changes.get("sequence", 2), changes.get("step", "P1D")
    values: dict[str, Any] = {
        "event_id": reminder_id(appointment_id, sequence, step),
        "step": step,
        "time": TUESDAY - timedelta(days=1),
        "sequence": sequence,
        "appointment_id": appointment_id,
        "patient_id": uuid4(),
        "doctor_id": uuid4(),
        "clinic_id": uuid4(),
        "starts_at": TUESDAY,
        "ends_at": TUESDAY + timedelta(minutes=30),
    }
    return Reminder(**(values | changes))
