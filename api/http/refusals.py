"""The trace that every problem leaves, whether it was answered to the API or on a page."""

from uuid import UUID

import structlog
from prometheus_client import Counter

from domain.errors import Refused

REFUSALS = Counter("priyom_refusals_total", "Problems answered, by code", ["code"])

log = structlog.stdlib.get_logger(__name__)


def note_problem(code: str, **ids: object) -> None:
    """Count it, and log it with the opaque ids that say what it was about."""
    REFUSALS.labels(code).inc()
    log.info("problem_answered", code=code, **ids)


def note_refusal(
    refused: Refused,
    *,
    patient_id: UUID | None = None,
    doctor_id: UUID | None = None,
    appointment_id: UUID | None = None,
) -> None:
    """For a page, which answers a refusal by showing what is true now."""
    about = {
        "patient_id": patient_id,
        "doctor_id": doctor_id,
        "appointment_id": appointment_id or refused.refusal.appointment_id,
    }
    ids = {name: str(value) for name, value in about.items() if value is not None}
    note_problem(refused.refusal.code, **ids)
