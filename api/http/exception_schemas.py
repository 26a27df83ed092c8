"""Exceptions from plans and their campaigns as JSON."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic.config import JsonDict

from adapters.postgres.campaign_rows import Campaign, CampaignVisit
from adapters.postgres.exception_rows import MadeException
from adapters.postgres.exceptions import Accepted
from api.http.schemas import (
    APPOINTMENT_ID,
    DOCTOR_ID,
    FIRST_YEAR,
    LAST_YEAR,
    PATIENT_ID,
    Body,
    Id,
    Instant,
    Text,
    example,
    page_example,
)
from domain.documents import timestamp
from domain.plan_exceptions import ExceptionKind, ExceptionReason, PlanException, Policy

WALL_CLOCK = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:00)?", re.ASCII)
EXCEPTION_ID = "2f6d1c7a-4f43-4f57-9a7b-0f3a1c9be0d4"
CAMPAIGN_ID = "b1a6f0de-1d0e-4c8b-8a55-7a3c6c1f5e29"
CLOCK = "%Y-%m-%dT%H:%M"


def parse_wall_clock(value: object) -> datetime:
    """A date and a time of day by the minute, without an offset: it is the clinic's wall clock."""
    if isinstance(value, str) and WALL_CLOCK.fullmatch(value):
        try:
            shown = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("must be a time that exists") from None
        if FIRST_YEAR <= shown.year <= LAST_YEAR:
            return shown
        raise ValueError(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    raise ValueError("must be a time of the clinic's wall clock, as 2026-12-07T09:00")


WallClock = Annotated[
    datetime,
    BeforeValidator(parse_wall_clock),
    AfterValidator(lambda shown: shown.replace(second=0)),
    WithJsonSchema({"type": "string", "examples": ["2026-12-07T09:00"]}),
]


class NewException(Body):
    """Time that is taken away or added, by the clinic's wall clock."""

    model_config = example(
        {
            "kind": "remove",
            "from": "2027-03-01T09:00",
            "until": "2027-03-05T18:00",
            "reason": "vacation",
            "policy": "call_list",
        }
    )

    kind: ExceptionKind = Field(strict=False)
    from_: WallClock = Field(alias="from")
    until: WallClock
    reason: ExceptionReason = Field(strict=False)
    policy: Policy = Field(
        default=Policy.CALL_LIST,
        strict=False,
        description="what is done about a visit whose patient does not answer",
    )
    digest: Text | None = Field(
        default=None, description="of the preview, where its visits are known"
    )

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "NewException":
        if self.until <= self.from_:
            raise ValueError("until must be after from")
        return self

    def what(self) -> PlanException:
        return PlanException(kind=self.kind, start=self.from_, until=self.until)


class AcceptedBody(Body):
    """The exception counts; the campaign offers another time to whoever is affected."""

    model_config = example({"exceptionId": EXCEPTION_ID, "campaignId": CAMPAIGN_ID})

    exception_id: Id
    campaign_id: Id


class ExceptionBody(Body):
    """An exception that was withdrawn."""

    model_config = example(
        {
            "exceptionId": EXCEPTION_ID,
            "doctorId": DOCTOR_ID,
            "kind": "remove",
            "from": "2027-03-01T09:00",
            "until": "2027-03-05T18:00",
            "reason": "vacation",
        }
    )

    exception_id: Id
    doctor_id: Id | None = Field(description="null for one of the whole clinic")
    kind: Literal["remove", "add"]
    from_: str = Field(alias="from")
    until: str
    reason: Literal["vacation", "illness", "training", "other"]


class CampaignBody(Body):
    """How a campaign stands. All but the first four are parts of `total`."""

    model_config = example(
        {
            "campaignId": CAMPAIGN_ID,
            "state": "running",
            "policy": "call_list",
            "total": 40,
            "moved": 21,
            "cancelled": 2,
            "asked": 9,
            "declined": 3,
            "silent": 1,
            "withoutContact": 1,
            "left": 3,
        }
    )

    campaign_id: Id
    state: Literal["running", "paused", "stopped", "done"]
    policy: Literal["call_list", "move", "cancel"]
    total: int
    moved: int
    cancelled: int
    asked: int
    declined: int
    silent: int
    without_contact: int
    left: int


EXAMPLE_VISIT: JsonDict = {
    "appointmentId": APPOINTMENT_ID,
    "patientId": PATIENT_ID,
    "doctorId": DOCTOR_ID,
    "dateTime": "2027-03-01T06:00:00Z",
    "state": "silent",
    "offerId": None,
    "answerUntil": None,
}


class CampaignVisitBody(Body):
    """A visit of a campaign; `dateTime` is the time that it was to leave."""

    model_config = example(EXAMPLE_VISIT)

    appointment_id: Id
    patient_id: Id
    doctor_id: Id
    date_time: Instant
    state: Literal["moved", "cancelled", "asked", "declined", "silent", "withoutContact", "left"]
    offer_id: Id | None
    answer_until: Instant | None


class CampaignVisitPage(Body):
    """One page of a campaign's visits, in the order of their times."""

    model_config = page_example(EXAMPLE_VISIT)

    items: list[CampaignVisitBody]
    next: str | None = Field(description="`cursor` of the next page, null at the end")


def accepted_document(accepted: Accepted) -> dict[str, object]:
    return {
        "exceptionId": str(accepted.exception_id),
        "campaignId": str(accepted.campaign_id),
    }


def exception_document(made: MadeException) -> dict[str, object]:
    return {
        "exceptionId": str(made.exception_id),
        "doctorId": None if made.doctor_id is None else str(made.doctor_id),
        "kind": made.what.kind.value,
        "from": made.what.start.strftime(CLOCK),
        "until": made.what.until.strftime(CLOCK),
        "reason": made.reason.value,
    }


def campaign_document(campaign: Campaign) -> dict[str, object]:
    return {
        "campaignId": str(campaign.campaign_id),
        "state": campaign.pace.value,
        "policy": campaign.policy.value,
        "total": campaign.total,
        **{part.value: count for part, count in campaign.parts.items()},
    }


def visit_document(visit: CampaignVisit) -> dict[str, object]:
    return {
        "appointmentId": str(visit.appointment_id),
        "patientId": str(visit.patient_id),
        "doctorId": str(visit.doctor_id),
        "dateTime": timestamp(visit.starts_at),
        "state": visit.part.value,
        "offerId": None if visit.offer_id is None else str(visit.offer_id),
        "answerUntil": None if visit.answer_until is None else timestamp(visit.answer_until),
    }
