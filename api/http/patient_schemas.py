"""Patients and proxies as JSON, and how strictly what comes in is read."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic.config import JsonDict

from adapters.messages.addresses import BadAddress, mailbox
from api.http.schemas import (
    PATIENT_ID,
    Body,
    Id,
    Instant,
    Text,
    Version,
    example,
    page_example,
)
from domain.documents import timestamp
from domain.patients import Patient, Proxy

FIRST_BIRTH = date(1890, 1, 1)
PROXY_ID = "1f0e7a52-5a0b-4f57-9a63-0c3f2d9b7e31"

EXAMPLE_PATIENT: JsonDict = {
    "patientId": PATIENT_ID,
    "fullName": "Maria Ivanova",
    "phone": "+79161234567",
    "email": "maria@example.org",
    "language": "ru",
    "birthDate": "1985-03-07",
    "timeZone": None,
    "version": 1,
}
EXAMPLE_PROXY: JsonDict = {
    "proxyId": PROXY_ID,
    "patientId": PATIENT_ID,
    "subject": None,
    "proxyPatientId": "7c2f7e9b-5d0a-4a86-9b53-0a4f4f6d1c02",
    "until": "2031-03-07T00:00:00Z",
}


def parse_name(value: str) -> str:
    """Blanks around it are nobody's."""
    name = " ".join(value.split())
    if not name:
        raise ValueError("must not be blank")
    return name


def parse_email(value: str) -> str:
    try:
        mailbox(value)
    except BadAddress:
        raise ValueError("must be one e-mail address") from None
    return value.strip()


def parse_birth_date(value: object) -> date:
    try:
        born = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        born = None
    if born is None or str(born) != value:
        raise ValueError("must be a date, as 1985-03-07")
    if not FIRST_BIRTH <= born <= (datetime.now(UTC) + timedelta(days=1)).date():
        raise ValueError(f"must not be before {FIRST_BIRTH} or in the future")
    return born


def parse_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("must be a time zone, as Europe/Moscow")
    return value


FullName = Annotated[Text, AfterValidator(parse_name), Field(min_length=1)]
Phone = Annotated[
    Text,
    Field(
        description="any usual spelling, kept as E.164; without a country code it is of the "
        "clinic's country"
    ),
]
Email = Annotated[Text, AfterValidator(parse_email)]
BirthDate = Annotated[
    date,
    BeforeValidator(parse_birth_date),
    WithJsonSchema({"type": "string", "format": "date"}),
]
Zone = Annotated[Text, AfterValidator(parse_zone)]
Language = Literal["ru", "en"]


class NewPatient(Body):
    """Somebody who is to be a patient; one of phone and e-mail at least."""

    model_config = example(
        {
            "fullName": "Maria Ivanova",
            "phone": "8 (916) 123-45-67",
            "language": "ru",
            "birthDate": "1985-03-07",
        }
    )

    full_name: FullName
    phone: Phone | None = None
    email: Email | None = None
    language: Language
    birth_date: BirthDate | None = None
    time_zone: Zone | None = None

    @model_validator(mode="after")
    def _can_be_reached(self) -> "NewPatient":
        if self.phone is None and self.email is None:
            raise ValueError("one of phone and email is required")
        return self


class PatientChange(Body):
    """What is to be different; null takes a fact away, what is not named stays."""

    model_config = example({"phone": "+7 916 765-43-21", "version": 1})

    full_name: FullName | None = None
    phone: Phone | None = None
    email: Email | None = None
    language: Language | None = None
    birth_date: BirthDate | None = None
    time_zone: Zone | None = None
    version: Version = Field(description="the `version` that was seen")

    @model_validator(mode="after")
    def _keeps_what_everybody_has(self) -> "PatientChange":
        for name in ("full_name", "language"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{'fullName' if name == 'full_name' else name} cannot be null")
        return self


class PatientBody(Body):
    """A patient's record."""

    model_config = example(EXAMPLE_PATIENT)

    patient_id: Id
    full_name: str
    phone: str | None
    email: str | None
    language: Language
    birth_date: BirthDate | None
    time_zone: str | None
    version: int


class PatientPage(Body):
    """One page of patients, in the order of names."""

    model_config = page_example(EXAMPLE_PATIENT)

    items: list[PatientBody]
    next: str | None = Field(description="`cursor` of the next page, null at the end")


class ErasedBody(Body):
    """Whose record is gone."""

    model_config = example({"patientId": PATIENT_ID})

    patient_id: Id


class MergeOrder(Body):
    """Into which record of the same person this one goes."""

    model_config = example({"into": PATIENT_ID})

    into: Id


class NewProxy(Body):
    """Who may act: a subject of the issuer, or another patient."""

    model_config = example(
        {"patientId": "7c2f7e9b-5d0a-4a86-9b53-0a4f4f6d1c02", "until": "2031-03-07T00:00:00Z"}
    )

    subject: Annotated[Text, Field(min_length=1)] | None = None
    patient_id: Id | None = None
    until: Instant | None = None

    @model_validator(mode="after")
    def _is_somebody(self) -> "NewProxy":
        if (self.subject is None) == (self.patient_id is None):
            raise ValueError("one of subject and patientId is required, and not both")
        return self


class ProxyBody(Body):
    """Who may act for a patient."""

    model_config = example(EXAMPLE_PROXY)

    proxy_id: Id
    patient_id: Id
    subject: str | None
    proxy_patient_id: Id | None
    until: Instant | None


class ProxyPage(Body):
    """Everybody who may act for a patient now."""

    model_config = page_example(EXAMPLE_PROXY)

    items: list[ProxyBody]
    next: str | None = Field(description="null: the list is short")


def patient_document(patient: Patient) -> dict[str, object]:
    person = patient.person
    return {
        "patientId": str(patient.patient_id),
        "fullName": person.full_name,
        "phone": person.phone,
        "email": person.email,
        "language": person.language,
        "birthDate": None if person.birth_date is None else person.birth_date.isoformat(),
        "timeZone": person.time_zone,
        "version": patient.version,
    }


def contact_document(patient: Patient) -> dict[str, object]:
    """What a doctor reads of a patient: name and contact, and in which language."""
    return patient_document(patient) | {"birthDate": None, "timeZone": None}


def proxy_document(proxy: Proxy) -> dict[str, object]:
    other = proxy.proxy_patient_id
    return {
        "proxyId": str(proxy.proxy_id),
        "patientId": str(proxy.patient_id),
        "subject": proxy.subject,
        "proxyPatientId": None if other is None else str(other),
        "until": None if proxy.until is None else timestamp(proxy.until),
    }
