"""A patient as the clinics know one; all clinics share the record."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who somebody is and how to reach them; the phone in E.164, one of phone and e-mail at least.

    A record that an import made may lack both.
    """

    full_name: str
    phone: str | None
    email: str | None
    language: str
    birth_date: date | None = None
    time_zone: str | None = None


@dataclass(frozen=True, kw_only=True)
class Patient:
    """A record. Every change adds one to `version`."""

    patient_id: UUID
    person: Person
    version: int


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """Who may act for a patient, and until when: a subject of the issuer, or another patient."""

    proxy_id: UUID
    patient_id: UUID
    subject: str | None
    proxy_patient_id: UUID | None
    until: datetime | None
