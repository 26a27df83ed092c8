"""A clinic changes the steps by which it reminds: one that it adds counts from then on."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from adapters.postgres.clinic_rules import write_rules
from domain.actors import ActorRef, Role
from domain.clinic_rules import ClinicRules
from domain.durations import parse_duration
from tests.clinic_rows import Clinic
from tests.integration.test_reminders import DAY, HOUR, SOON, Desk, now_of

LONG_SINCE = """
UPDATE clinics SET rules = jsonb_set(rules, '{remindersSince,P2D}',
    to_jsonb(CAST(:since AS timestamptz)))
WHERE id = :id
"""


@dataclass
class Manager(Desk):
    """Whoever writes the clinic's rules."""

    async def reminds(self, *steps: str) -> None:
        rules = ClinicRules(reminders=tuple(map(parse_duration, steps)))
        olga = ActorRef(id="olga", role=Role.MANAGER)
        await write_rules(self.clinic.database, self.clinic.id, rules, olga)


@pytest.fixture
async def desk(clinic: Clinic) -> Manager:
    now = await now_of(clinic)
    await clinic.on_duty(now - DAY, now + 9 * DAY)
    return Manager(clinic, now)


async def test_a_step_that_a_clinic_adds_counts_from_then_on(desk: Manager) -> None:
    """What was due by it before would be told late, and soon before the next step."""
    before, now = [await desk.visit(begins_in=2 * DAY - each) for each in (HOUR, SOON)]
    missed = await desk.visit(begins_in=DAY - HOUR)

    await desk.reminds("P1D", "P2D")

    assert [await desk.steps(each) for each in (before, now, missed)] == [[], ["P2D"], ["P1D"]]


async def test_a_step_that_was_there_when_rules_were_written_is_made_up_for(desk: Manager) -> None:
    late = await desk.visit(begins_in=2 * DAY - HOUR)
    await desk.reminds("P1D", "P2D")
    two_hours_ago = desk.now - timedelta(hours=2)
    await desk.clinic.execute(LONG_SINCE, id=desk.clinic.id, since=two_hours_ago)

    await desk.reminds("P2D", "PT4H")

    assert await desk.steps(late) == ["P2D"]


async def test_a_step_that_was_taken_away_and_put_back_is_a_new_one(desk: Manager) -> None:
    late = await desk.visit(begins_in=DAY - HOUR)

    await desk.reminds("P3D")
    await desk.reminds("P3D", "P1D")

    assert await desk.steps(late) == []
