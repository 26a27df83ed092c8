"""What a message says of a visit, from the row that was read for it."""

from datetime import datetime

from sqlalchemy import RowMapping

from adapters.messages.visit import Kind, Language, OfferTerms, Visit
from domain.actors import Role
from domain.booking import CancelReason
from domain.events import EventType
from domain.news import News
from domain.plan_exceptions import Policy
from domain.reminders import Reminder

_TEXTS = (
    "patient_name",
    "email",
    "phone",
    "doctor_name",
    "specialty",
    "clinic_name",
    "clinic_address",
    "clinic_phone",
    "time_zone",
)


def was_own_click(event: News, row: RowMapping) -> bool:
    """Whether the patient, or a proxy, made the change. Older events do not tell who did."""
    if isinstance(event, Reminder) or event.actor_role not in {Role.PATIENT, None}:
        return False
    if event.type is EventType.CONFIRMED:
        return bool(row["origin"] == "patient")
    return bool(row["reason"] != CancelReason.CLINIC_REQUEST)


def visit_of(news: News, row: RowMapping) -> Visit:
    facts = {name: row[name] for name in ("starts_at", "ends_at", *_TEXTS)}
    return Visit(
        appointment_id=news.appointment_id,
        kind=Kind(news.kind.letter),
        version=news.sequence,
        changed_at=news.time,
        moved_from=_moved_from(news),
        offer=_terms(row) if row["origin"] == "offer" else None,
        language=Language(str(row["language"])),
        **facts,
    )


def _terms(row: RowMapping) -> OfferTerms:
    policy = row["if_silent"]
    return OfferTerms(until=row["held_until"], if_silent=None if policy is None else Policy(policy))


def _moved_from(news: News) -> datetime | None:
    if isinstance(news, Reminder) or news.previous is None:
        return None
    return news.previous.starts_at
