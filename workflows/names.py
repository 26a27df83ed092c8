"""Names that other processes need: task queues, workflow ids, update ids, search attributes."""

from datetime import timedelta
from uuid import UUID

from temporalio.common import SearchAttributeKey

BOOKINGS = "bookings"
"""Workflows, holds and releases."""

ANNOUNCEMENTS = "announcements"
"""Publish and invalidate: a dead Kafka fills this queue, never the one that frees slots."""

AUDITS = "audits"
"""Audits: apart from all others, since they look for what went wrong with those."""

PLANS = "plans"
"""What follows from doctors' plans, apart from what patients wait for."""

CAMPAIGNS = "campaigns"
"""Campaigns and the offers that they make: runs of days, which go on with the current build."""

DELIVERIES = "deliveries"
"""Messages to patients and doctors, run by the notifier."""

AUDIT_SCHEDULE = "audit-bookings"
"""Id of the schedule, and of its runs with the time behind it."""

PUBLISH_SCHEDULE = "publish-shifts"
"""Id of the schedule that publishes doctors' shifts ahead, and of its runs."""

FORGET_SCHEDULE = "forget-messages"
"""Id of the schedule that deletes old records of messages, and of its runs."""

REMINDER_SCHEDULE = "due-reminders"
"""Id of the schedule that looks for due reminders, and of its runs."""

REOFFER_VISIT = "ReofferVisit"
RESCHEDULE_APPOINTMENT = "RescheduleAppointment"
CANCEL_APPOINTMENT = "CancelAppointment"
"""Types of children: in the sandbox no workflow imports another."""

TASK_TIMEOUT = timedelta(seconds=3)
"""A worker that died with a workflow task in hand keeps a patient waiting this long, no more."""

DOCTOR_ID = SearchAttributeKey.for_keyword("DoctorId")
PATIENT_ID = SearchAttributeKey.for_keyword("PatientId")
CLINIC_ID = SearchAttributeKey.for_keyword("ClinicId")
APPOINTMENT_START = SearchAttributeKey.for_datetime("AppointmentStart")
ACTOR = SearchAttributeKey.for_keyword("Actor")
"""The role of who began the run."""

APPOINTMENT_STATUS = SearchAttributeKey.for_keyword("AppointmentStatus")

ATTEMPT_ID = "attemptId"
"""In a run's memo: the HTTP call that began it."""

SERVICE_ID = "serviceId"
"""Likewise: what the visit is for, where it is for a service."""

TERMS = "terms"
"""Likewise: what else the hold was asked for with."""

# Update ids are stable, so that a call made twice is one update with one stored outcome.
HOLD = "hold"
CANCEL = "cancel"
EXTEND = "extend"


def reschedule_update_id(attempt_id: UUID) -> str:
    """Of each caller: a refusal that was stored must not answer who asks again later."""
    return f"reschedule-{attempt_id}"


def settle_update_id(attempt_id: UUID) -> str:
    """Of each caller, as for a move."""
    return f"settle-{attempt_id}"


def extend_update_id(version: int) -> str:
    return f"extend-{version}"
