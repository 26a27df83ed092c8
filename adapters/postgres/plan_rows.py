"""A doctor's plan and who it affects, as rows have them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from adapters.postgres.rows import Row
from domain.plan import Plan, Weekly


@dataclass(frozen=True, kw_only=True)
class WrittenPlan:
    """A plan of a doctor as it was written."""

    plan: Plan
    version: int
    campaign_id: UUID | None = None
    """For whoever it has affected, where it was written with a preview's digest."""

    changed: frozenset[date] = frozenset()
    """The days, by the clinic's dates, whose shifts were changed as it was written."""


@dataclass(frozen=True, kw_only=True)
class Affected:
    """A visit or a hold that would fall outside."""

    appointment_id: UUID
    version: int
    starts_at: datetime
    is_held: bool
    without_contact: bool


def affected_of(row: Row) -> Affected:
    return Affected(
        appointment_id=row["id"],
        version=row["version"],
        starts_at=row["starts_at"],
        is_held=row["status"] == "held",
        without_contact=row["without_contact"],
    )


def facts_of(plan: Plan) -> Mapping[str, object]:
    weekly = [
        {
            "weekday": each.weekday,
            "from": each.start.isoformat("minutes"),
            "until": each.until.isoformat("minutes"),
            "everyWeeks": each.every_weeks,
        }
        for each in plan.weekly
    ]
    return {
        "effective_from": plan.effective_from,
        "effective_until": plan.effective_until,
        "weekly": json.dumps(weekly),
    }


def written(row: Row) -> WrittenPlan:
    weekly = tuple(
        Weekly(
            weekday=each["weekday"],
            start=time.fromisoformat(each["from"]),
            until=time.fromisoformat(each["until"]),
            every_weeks=each["everyWeeks"],
        )
        for each in row["weekly"]
    )
    plan = Plan(
        effective_from=row["effective_from"],
        effective_until=row["effective_until"],
        weekly=weekly,
    )
    return WrittenPlan(plan=plan, version=row["version"])
