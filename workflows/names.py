"""Names that other processes need: task queues, workflow ids, update ids, search attributes."""

from datetime import timedelta
from uuid import UUID

from temporalio.common import SearchAttributeKey

BOOKINGS = "bookings"
"""Workflows, holds and releases."""

ANNOUNCEMENTS = "announcements"
"""Publish and invalidate: a dead Kafka fills this queue, never the one that frees slots."""

DELIVERIES = "deliveries"
"""Messages to patients and doctors, run by the notifier."""

TASK_TIMEOUT = timedelta(seconds=3)
"""A worker that died with a workflow task in hand keeps a patient waiting this long, no more."""

DOCTOR_ID = SearchAttributeKey.for_keyword("DoctorId")
PATIENT_ID = SearchAttributeKey.for_keyword("PatientId")
CLINIC_ID = SearchAttributeKey.for_keyword("ClinicId")
APPOINTMENT_START = SearchAttributeKey.for_datetime("AppointmentStart")
APPOINTMENT_STATUS = SearchAttributeKey.for_keyword("AppointmentStatus")

# Update ids are stable, so that a call made twice is one update with one stored outcome.
HOLD = "hold"
CONFIRM = "confirm"
CANCEL = "cancel"


def extend_update_id(version: int) -> str:
    return f"extend-{version}"


def booking_workflow_id(appointment_id: UUID) -> str:
    return f"appointment-{appointment_id}"


def cancel_workflow_id(appointment_id: UUID) -> str:
    return f"cancel-{appointment_id}"
