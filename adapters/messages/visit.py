"""What a message says: one visit, read at the moment of sending."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.plan_exceptions import Policy
from domain.zones import zone_named


class Kind(StrEnum):
    """Which message; also the folder's file names and the `kind` of a notification."""

    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    RESCHEDULED = "rescheduled"
    REMINDER = "reminder"
    OFFERED = "offered"


class Language(StrEnum):
    RU = "ru"
    EN = "en"


@dataclass(frozen=True, kw_only=True)
class OfferTerms:
    """Until when an offer is kept, and what the clinic does about silence, where it is known.

    So long the visit that it is for stays where it is.
    """

    until: datetime
    if_silent: Policy | None = None


@dataclass(frozen=True, kw_only=True)
class Visit:
    """Never logged, never in Temporal, never in Kafka: it names a patient and a doctor."""

    appointment_id: UUID
    kind: Kind
    version: int
    changed_at: datetime
    starts_at: datetime
    ends_at: datetime
    language: Language
    patient_name: str
    email: str
    phone: str
    doctor_name: str
    specialty: str
    clinic_name: str
    clinic_address: str
    clinic_phone: str
    time_zone: str
    moved_from: datetime | None = None
    """When the visit would have begun before it was moved."""

    offer: OfferTerms | None = None
    """Of an offer."""

    can_reply: bool = False
    """Whether the gateway takes answers by text message."""

    token: str = ""
    """Of the link by which this state of the visit is answered without sign-in."""

    @property
    def matters_until(self) -> datetime:
        """When it is too late to be told: of an offer that may be the visit that it is for."""
        if self.kind is not Kind.OFFERED or self.moved_from is None:
            return self.starts_at
        return min(self.starts_at, self.moved_from)

    @property
    def code(self) -> str:
        """What a patient reads out on the telephone."""
        return str(self.appointment_id)[:8].upper()

    @property
    def local_start(self) -> datetime:
        """By the wall clock of the clinic."""
        return self.starts_at.astimezone(zone_named(self.time_zone))

    @property
    def local_end(self) -> datetime:
        return self.ends_at.astimezone(zone_named(self.time_zone))
