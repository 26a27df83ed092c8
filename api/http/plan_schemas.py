"""A doctor's weekly plan as JSON, and what a change of it would do."""

import re
from datetime import time
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic.config import JsonDict

from adapters.postgres.plan_rows import WrittenPlan
from adapters.postgres.plans import Preview
from api.http.dates import LocalDate
from api.http.problem_schemas import AffectedBody
from api.http.schemas import APPOINTMENT_ID, Body, Id, Text, example
from domain.documents import timestamp
from domain.plan import Plan, Weekly, overlap_in

CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
MIDNIGHT = time()
END_OF_DAY = "24:00"
FIRST_SHOWN = 20

EXAMPLE_PLAN: JsonDict = {
    "effectiveFrom": "2027-03-01",
    "effectiveUntil": None,
    "weekly": [
        {"weekday": 1, "from": "09:00", "until": "13:00"},
        {"weekday": 3, "from": "14:00", "until": "18:00", "everyWeeks": 2},
    ],
    "version": 1,
}


def parse_clock(value: str) -> str:
    """A time of day by the minute; 24:00 is the end of the day."""
    if value != END_OF_DAY and not CLOCK.fullmatch(value):
        raise ValueError("must be a time of day, as 09:00")
    return value


Clock = Annotated[Text, AfterValidator(parse_clock)]


class WeeklyBody(Body):
    """On duty on a weekday, Monday is 1, from one time of day to another."""

    weekday: int = Field(ge=1, le=7)
    from_: Clock = Field(alias="from", examples=["09:00"])
    until: Clock = Field(examples=["13:00"], description="24:00 is the end of the day")
    every_weeks: int = Field(
        default=1,
        ge=1,
        le=52,
        description="counted from the week, Monday first, in which effectiveFrom lies",
    )

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "WeeklyBody":
        if self.from_ == END_OF_DAY or not (self.until == "00:00" or self.from_ < self.until):
            raise ValueError("until must be after from")
        return self

    def part(self) -> Weekly:
        until = MIDNIGHT if self.until == END_OF_DAY else time.fromisoformat(self.until)
        return Weekly(
            weekday=self.weekday,
            start=time.fromisoformat(self.from_),
            until=until,
            every_weeks=self.every_weeks,
        )


class Week(Body):
    """A week that counts from a date on."""

    effective_from: LocalDate
    effective_until: LocalDate | None = Field(default=None, description="the last day")
    weekly: list[WeeklyBody] = Field(max_length=100)
    version: int = Field(ge=0, le=2**31 - 2, description="the `version` that was seen, 0 for none")

    @model_validator(mode="after")
    def _makes_sense(self) -> "Week":
        if self.effective_until is not None and self.effective_until < self.effective_from:
            raise ValueError("effectiveUntil must not be before effectiveFrom")
        if overlap_in(each.part() for each in self.weekly) is not None:
            raise ValueError("weekly must not overlap within a day")
        return self

    def plan(self) -> Plan:
        return Plan(
            effective_from=self.effective_from,
            effective_until=self.effective_until,
            weekly=tuple(each.part() for each in self.weekly),
        )


EXAMPLE_WEEK: JsonDict = {
    "effectiveFrom": "2027-03-01",
    "weekly": [{"weekday": 1, "from": "09:00", "until": "13:00"}],
    "version": 0,
}


class NewPlan(Week):
    """From `effectiveFrom` on the week is this; earlier dates keep theirs."""

    model_config = example(EXAMPLE_WEEK)

    digest: Text | None = Field(
        default=None, description="of the preview, where its visits are known"
    )


class NewDraft(Week):
    """A plan that is not published; `version` is the draft's own."""

    model_config = example(EXAMPLE_WEEK)


class DraftBody(Body):
    """The draft as it was kept last; version 0 and an empty week where there is none."""

    model_config = example(EXAMPLE_PLAN)

    effective_from: LocalDate | None = None
    effective_until: LocalDate | None = None
    weekly: list[WeeklyBody]
    version: int


class PlanBody(Body):
    """The plan that was written last; version 0 and an empty week where there is none."""

    model_config = example(EXAMPLE_PLAN)

    effective_from: LocalDate | None = None
    effective_until: LocalDate | None = None
    weekly: list[WeeklyBody]
    version: int
    campaign_id: Id | None = Field(
        default=None, description="for whoever it has affected, in the answer that wrote it"
    )


class PreviewBody(Body):
    """What a change would do to those who have booked."""

    model_config = example(
        {
            "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "visits": 1,
            "held": 0,
            "withoutContact": 0,
            "first": [{"appointmentId": APPOINTMENT_ID, "dateTime": "2027-03-01T06:00:00Z"}],
        }
    )

    digest: str = Field(description="names just this; what is sent with it is done")
    visits: int
    held: int
    without_contact: int
    first: list[AffectedBody]


def plan_document(written: WrittenPlan | None) -> dict[str, object]:
    if written is None:
        return {"version": 0, "weekly": []}
    plan = written.plan
    until = plan.effective_until
    campaign = {"campaignId": str(written.campaign_id)} if written.campaign_id else {}
    return {
        "effectiveFrom": plan.effective_from.isoformat(),
        "effectiveUntil": None if until is None else until.isoformat(),
        "weekly": [_weekly(each) for each in plan.weekly],
        "version": written.version,
        **campaign,
    }


def preview_document(preview: Preview) -> dict[str, object]:
    visits = [each for each in preview.affected if not each.is_held]
    return {
        "digest": preview.digest,
        "visits": len(visits),
        "held": len(preview.affected) - len(visits),
        "withoutContact": sum(each.without_contact for each in visits),
        "first": [
            {"appointmentId": str(each.appointment_id), "dateTime": timestamp(each.starts_at)}
            for each in visits[:FIRST_SHOWN]
        ],
    }


def _weekly(part: Weekly) -> dict[str, object]:
    until = END_OF_DAY if part.until == MIDNIGHT else part.until.isoformat("minutes")
    written = {
        "weekday": part.weekday,
        "from": part.start.isoformat("minutes"),
        "until": until,
    }
    return written if part.every_weeks == 1 else written | {"everyWeeks": part.every_weeks}
